import { Code, StatusError } from '../wire/status-error.ts'
import { compareUtf8 } from './values/value.ts'

/** A resource name taken apart. `segments` is the path below `documents`: collection, document, collection, ... */
export interface ResourceName {
  /** `projects/{p}/databases/{d}` */
  database: string
  segments: readonly string[]
}

const invalid = (message: string) => new StatusError(Code.INVALID_ARGUMENT, message)

const NUMERIC_ID = /^__id(-?\d+)__$/
const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n

/** `__id{int64}__`, a numeric id of Datastore: such ids sort as numbers, before all others. */
export const numericId = (id: string): bigint | undefined => {
  if (!id.startsWith('__id')) return undefined
  const digits = NUMERIC_ID.exec(id)?.[1]
  if (digits === undefined) return undefined
  const number = BigInt(digits)
  return number >= INT64_MIN && number <= INT64_MAX ? number : undefined
}

export const compareIds = (a: string, b: string): number => {
  if (a === b) return 0
  if (a.startsWith('__id') || b.startsWith('__id')) {
    const x = numericId(a)
    const y = numericId(b)
    if (x !== undefined && y !== undefined) return x < y ? -1 : x > y ? 1 : 0
    if (x !== undefined || y !== undefined) return x !== undefined ? -1 : 1
  }
  return compareUtf8(a, b)
}

export const isReserved = (id: string): boolean => id.length >= 4 && id.startsWith('__') && id.endsWith('__')

const requireFreeId = (id: string): void => {
  if (!isReserved(id) || numericId(id) !== undefined) return
  if (id.startsWith('__id')) {
    throw invalid(
      `A long document ID string must be formatted like '__id{LONG}__', where LONG is a 64-bit integer. Found: '${id}'.`,
    )
  }
  throw invalid(`Resource id "${id}" is invalid because it is reserved.`)
}

/** Checks an id given on its own, as to CreateDocument. Throws INVALID_ARGUMENT. */
export const requireId = (id: string): void => {
  if (id === '' || id === '.' || id === '..' || id.includes('/')) throw invalid(`Resource id "${id}" is invalid.`)
  requireFreeId(id)
}

/** Checks the collection id of a query. Throws INVALID_ARGUMENT. */
export const requireCollectionId = (id: string): void => {
  if (id.includes('/')) throw invalid(`Collection id "${id}" is invalid because it contains "/".`)
  if (isReserved(id)) throw invalid(`Collection id "${id}" is invalid because it is reserved.`)
}

/** Reads a name from left to right; errors tell the byte where it went wrong. */
class NameReader {
  readonly #what: string
  readonly #name: string
  #at = 0

  constructor(what: string, name: string) {
    this.#what = what
    this.#name = name
  }

  get position(): number {
    return this.#at
  }

  get done(): boolean {
    return this.#at === this.#name.length
  }

  fail(problem: (index: number) => string): StatusError {
    return invalid(`${this.#what} "${this.#name}" ${problem(Buffer.byteLength(this.#name.slice(0, this.#at)))}`)
  }

  expect(literal: string): void {
    if (!this.#name.startsWith(literal, this.#at)) throw this.fail((index) => `lacks "${literal}" at index ${index}.`)
    this.#at += literal.length
  }

  segment(kind: string): string {
    const slash = this.#name.indexOf('/', this.#at)
    const end = slash < 0 ? this.#name.length : slash
    if (end === this.#at) {
      if (this.done && this.#at > 0) throw this.fail(() => 'has invalid trailing "/".')
      throw this.fail((index) => `lacks a ${kind} id at index ${index}.`)
    }
    const segment = this.#name.slice(this.#at, end)
    if (segment === '.' || segment === '..') {
      throw this.fail((index) => `contains a resource id "${segment}" at index ${index}.`)
    }
    this.#at = end
    return segment
  }

  database(): string {
    this.expect('projects/')
    this.segment('project')
    this.expect('/databases/')
    this.segment('database')
    return this.#name.slice(0, this.#at)
  }
}

/** Checks `projects/{p}/databases/{d}`. Throws INVALID_ARGUMENT. */
export const parseDatabaseName = (name: string): string => {
  const reader = new NameReader('Database name', name)
  // The parts one by one, so that the error names the part that is missing.
  reader.expect('projects')
  reader.expect('/')
  reader.segment('project')
  reader.expect('/')
  reader.expect('databases')
  reader.expect('/')
  reader.segment('database')
  if (!reader.done) throw reader.fail((index) => `has unexpected trailing characters at index ${index}.`)
  return name
}

const parse = (what: string, name: string, complete: (count: number) => boolean): ResourceName => {
  const reader = new NameReader(what, name)
  const database = reader.database()
  reader.expect('/')
  reader.expect('documents')
  const segments: string[] = []
  while (!reader.done) {
    reader.expect('/')
    const segment = reader.segment(segments.length % 2 === 0 ? 'collection' : 'resource')
    requireFreeId(segment)
    segments.push(segment)
  }
  if (!complete(segments.length)) throw reader.fail((index) => `lacks "/" at index ${index}.`)
  return { database, segments }
}

/** `.../documents/{collection}/{id}/...`: the name of a document. Throws INVALID_ARGUMENT. */
export const parseDocumentName = (name: string): ResourceName =>
  parse('Document name', name, (count) => count > 0 && count % 2 === 0)

/** `.../documents` or the name of a document: what collections lie under. Throws INVALID_ARGUMENT. */
export const parseParentName = (name: string): ResourceName =>
  parse('Document parent name', name, (count) => count % 2 === 0)

const DATABASE_SEGMENTS = 4

/** The parts of a full name that order it: project, database, then the path. */
export const splitName = (name: string): readonly string[] => {
  const parts = name.split('/')
  return [parts[1] ?? '', parts[3] ?? '', ...parts.slice(DATABASE_SEGMENTS + 1)]
}
