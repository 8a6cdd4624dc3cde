import { randomBytes } from 'node:crypto'
import type { TimeSource } from '../../clock/time-source.ts'
import { Code, StatusError } from '../../wire/status-error.ts'
import { alreadyExists, checkRange, invalidArgument, notFound } from '../errors.ts'
import { fromMs, type Duration } from '../messages.ts'
import { checkName, projectOf } from '../names.ts'
import { parseDefinition, type Definition } from './definition.ts'

// https://cloud.google.com/pubsub/docs/schemas#quotas_and_limits_for_schemas
const DEFINITION_BYTES_MAX = 300_000
const REVISIONS_MAX = 20
const SCHEMAS_MAX = 10_000

/** google.pubsub.v1.Schema */
export interface SchemaResource {
  name: string
  /** `Schema.Type` */
  type: number
  definition: string
  /** Eight hexadecimal digits. */
  revisionId: string
  revisionCreateTime: Duration | null
}

export interface Revision {
  readonly resource: SchemaResource
  readonly definition: Definition
  /** Counts up within a schema; a revision that is deleted leaves a gap. */
  readonly number: number
}

/** A schema: its revisions, the oldest first. There is always one. */
export class Schema {
  readonly name: string
  readonly #time: TimeSource
  #revisions: Revision[] = []
  /** Of all revisions there ever were: topics may still name one that is gone. */
  readonly #numbers = new Map<string, number>()
  readonly #onChange: (schema: Schema) => void

  /** To be given its first revision. `onChange` hears of every one, and of those that go. */
  constructor(time: TimeSource, name: string, onChange: (schema: Schema) => void) {
    this.#time = time
    this.name = name
    this.#onChange = onChange
  }

  /** Takes revisions as they are, the oldest first, and the numbers of all there ever were. */
  restore(revisions: readonly SchemaResource[], numbers: Record<string, number>): void {
    for (const [revisionId, number] of Object.entries(numbers)) this.#numbers.set(revisionId, number)
    this.#revisions = revisions.map((resource) => ({
      resource,
      definition: parseDefinition(resource.type, resource.definition),
      number: numbers[resource.revisionId] ?? 0,
    }))
  }

  /** By revision id, of all revisions there ever were. */
  get numbers(): Record<string, number> {
    return Object.fromEntries(this.#numbers)
  }

  begin(type: number, source: string): Revision {
    return this.#add(type, source, parseBounded(type, source))
  }

  /** The newest first. */
  get revisions(): readonly Revision[] {
    return this.#revisions.toReversed()
  }

  get latest(): Revision {
    return this.#revisions.at(-1) as Revision
  }

  /** Throws NOT_FOUND. */
  revision(id: string): Revision {
    const revision = this.#revisions.find(({ resource }) => resource.revisionId === id)
    if (!revision) throw notFound(`${this.name}@${id}`)
    return revision
  }

  /** The revisions between two (each included, empty for no bound), the newest first. */
  range(firstId: string, lastId: string): readonly Revision[] {
    const first = this.#numbers.get(firstId) ?? 0
    const last = this.#numbers.get(lastId) ?? Number.POSITIVE_INFINITY
    return this.revisions.filter(({ number }) => number >= first && number <= last)
  }

  /** Also of a definition that there is: it becomes another revision. */
  commit(type: number, source: string): Revision {
    const next = parseBounded(type, source)
    const refusal = this.latest.definition.refusalOf(next)
    if (refusal !== undefined) throw invalidArgument(`Invalid schema definition: ${refusal}.`)
    return this.#add(type, source, next)
  }

  /** Makes a new revision like the one of this id. */
  rollback(id: string): Revision {
    const { resource, definition } = this.revision(id)
    return this.#add(resource.type, resource.definition, definition)
  }

  deleteRevision(id: string): void {
    const revision = this.revision(id)
    if (this.#revisions.length === 1) {
      throw new StatusError(
        Code.FAILED_PRECONDITION,
        'The only revision of a schema cannot be deleted. Delete the schema.',
      )
    }
    this.#revisions = this.#revisions.filter((other) => other !== revision)
    this.#onChange(this)
  }

  #add(type: number, source: string, definition: Definition): Revision {
    if (this.#revisions.length === REVISIONS_MAX) {
      throw new StatusError(Code.RESOURCE_EXHAUSTED, `A schema may have at most ${REVISIONS_MAX} revisions.`)
    }
    const revisionId = randomBytes(4).toString('hex')
    const resource: SchemaResource = {
      name: this.name,
      type,
      definition: source,
      revisionId,
      revisionCreateTime: fromMs(this.#time.now()),
    }
    const revision = { resource, definition, number: this.#numbers.size + 1 }
    this.#numbers.set(revisionId, revision.number)
    this.#revisions.push(revision)
    this.#onChange(this)
    return revision
  }
}

const parseBounded = (type: number, source: string): Definition => {
  checkRange('schema_definition_size', Buffer.byteLength(source), 1, DEFINITION_BYTES_MAX)
  return parseDefinition(type, source)
}

/** `projects/p/schemas/s@12345678` in its two parts; the second is empty where there is none. */
export const splitRevision = (name: string): [schema: string, revisionId: string] => {
  const at = name.indexOf('@')
  return at < 0 ? [name, ''] : [name.slice(0, at), name.slice(at + 1)]
}

/** All schemas. Methods throw `StatusError`. */
export class SchemaStore {
  readonly #time: TimeSource
  readonly #schemas = new Map<string, Schema>()
  readonly #onDelete: (name: string) => void
  /** Hears of every change of a schema; undefined when it is gone. */
  onChange: (name: string, schema: Schema | undefined) => void = () => {}

  /** `onDelete` hears the name of each schema that is deleted. */
  constructor(time: TimeSource, onDelete: (name: string) => void) {
    this.#time = time
    this.#onDelete = onDelete
  }

  create(name: string, type: number, source: string): Schema {
    checkName('schemas', name)
    if (this.#schemas.has(name)) throw alreadyExists(name)
    if (this.#schemas.size >= SCHEMAS_MAX && this.list(projectOf(name)).length >= SCHEMAS_MAX) {
      throw new StatusError(Code.RESOURCE_EXHAUSTED, `A project may have at most ${SCHEMAS_MAX} schemas.`)
    }
    const schema = this.#newSchema(name)
    schema.begin(type, source)
    this.#schemas.set(name, schema)
    return schema
  }

  /** Takes a schema as it was: see `Schema.restore`. */
  restore(name: string, revisions: readonly SchemaResource[], numbers: Record<string, number>): void {
    const schema = this.#newSchema(name)
    schema.restore(revisions, numbers)
    this.#schemas.set(name, schema)
  }

  [Symbol.iterator](): Iterator<Schema> {
    return this.#schemas.values()
  }

  get(name: string): Schema {
    const schema = this.#schemas.get(name)
    if (schema) return schema
    checkName('schemas', name)
    throw notFound(name)
  }

  /** Undefined for one that is not there. */
  find(name: string): Schema | undefined {
    return this.#schemas.get(name)
  }

  list(project: string): Schema[] {
    return [...this.#schemas.values()].filter(({ name }) => projectOf(name) === project)
  }

  delete(name: string): void {
    this.get(name)
    this.#schemas.delete(name)
    this.onChange(name, undefined)
    this.#onDelete(name)
  }

  #newSchema(name: string): Schema {
    return new Schema(this.#time, name, (schema) => this.onChange(name, schema))
  }
}
