import { Failure, describe, unread, unsupported, wrongCount, type Outcome } from '../values/failure.ts'
import { Path, type RulesMap, type RulesValue } from '../values/value.ts'
import type { DocumentAccesses, Lookup, RulesRequest, Service } from '../request.ts'

/** Of one decision, in Firestore. A query is given more, as recorded of production and its emulator. */
const ownMax = 10
const ownMaxOfQuery = 20

/** Reads documents for one decision, each once, up to what it and the request that it is part of may read. */
export class DocumentReader {
  readonly service: Service
  readonly #lookup: Lookup | null
  /** null: nothing is read at all. */
  readonly #accesses: DocumentAccesses | null
  /** Of those that the request has read so far, when first it matters. */
  #paths: Set<string> | null = null
  readonly #limit: number
  readonly #own: { readonly paths: Set<string>; readonly limit: number }

  constructor({ service, lookup, query }: RulesRequest, accesses: DocumentAccesses | null) {
    this.service = service
    this.#lookup = lookup ?? null
    this.#accesses = accesses
    const limit = service === 'firebase.storage' ? Infinity : query ? ownMaxOfQuery : ownMax
    this.#own = { paths: new Set(), limit }
    this.#limit = Math.max(accesses?.limit ?? 0, query ? limit : 0)
  }

  /** `get(path)` or `exists(path)`. `title` is the function's name in messages. Throws what the lookup throws. */
  call(title: string, what: 'get' | 'exists', when: 'before' | 'after', args: readonly RulesValue[]): Outcome {
    const [path] = args
    if (path === undefined || args.length > 1) return wrongCount(args.length, `${title}(path)`)
    if (!(path instanceof Path)) return unsupported(`${title}(${describe(path)})`, `${title}(path)`)
    const found = this.#read(title, path, when)
    return what === 'get' || found instanceof Failure ? found : found !== null
  }

  #read(title: string, path: Path, when: 'before' | 'after'): RulesMap | null | Failure {
    if (this.#accesses === null) return unread
    const { seen } = this.#accesses
    const text = path.toString()
    this.#paths ??= new Set([...seen.keys()].map((key) => key.slice(key.indexOf('/'))))
    // A document counts once, also if it is read both as it is and as it will be.
    if (isFull(this.#own.paths, text, this.#own.limit) || isFull(this.#paths, text, this.#limit))
      return tooMany(title, path)
    const known = seen.get(when + text)
    const found = known === undefined ? this.#find(path, when) : known
    this.#own.paths.add(text)
    this.#paths.add(text)
    seen.set(when + text, found)
    return found
  }

  #find({ segments }: Path, when: 'before' | 'after'): RulesMap | null {
    return isDocument(segments) && this.#lookup ? this.#lookup(segments, when) : null
  }
}

const isFull = (paths: ReadonlySet<string>, path: string, limit: number): boolean =>
  !paths.has(path) && paths.size >= limit

const isDocument = (segments: readonly string[]): boolean =>
  segments.length >= 5 && segments.length % 2 === 1 && segments[0] === 'databases' && segments[2] === 'documents'

/** Production's message, with the path as a protocol buffer in text. */
const tooMany = (title: string, { segments }: Path): Failure => {
  const texts = segments.map((segment) => `  segments {\n    simple: ${JSON.stringify(segment)}\n  }\n`)
  return new Failure(`Service call error. Function: [${title}], Argument: [path_value {\n${texts.join('')}}\n].`)
}
