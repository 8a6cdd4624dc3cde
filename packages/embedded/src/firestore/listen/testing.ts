import { OWNER } from '../access/principal.ts'
import type { Engine } from '../engine.ts'
import { parseQuery } from '../query/parse.ts'
import { runQuery } from '../query/run.ts'
import { EMPTY_WRITE, type StructuredQuery, type TargetMessage, type Write } from '../rpc/messages.ts'
import type { DuplexCall } from '../rpc/duplex.ts'
import type { DocumentMessage } from '../values/codec.ts'
import { MapValue, type Timestamp, type Value } from '../values/value.ts'
import { prepareWrites } from '../writes/write.ts'
import { bitsOf, type BloomFilter } from './bloom-filter.ts'
import { openListenStream } from './index.ts'

// What tests of listeners share: requests, and a client that believes just what it is told.

export const DATABASE = 'projects/p/databases/d'
export const DOCUMENTS = `${DATABASE}/documents`

export const queryMessage = (message: Partial<StructuredQuery>): StructuredQuery => ({
  select: null,
  from: [{ collectionId: 'c', allDescendants: false }],
  where: null,
  orderBy: [],
  startAt: null,
  endAt: null,
  offset: 0,
  limit: null,
  findNearest: null,
  ...message,
})

export const orderBy = (fieldPath: string, descending = false): StructuredQuery['orderBy'] => [
  { field: { fieldPath }, direction: descending ? 2 : 1 },
]

// google.firestore.v1.StructuredQuery.FieldFilter.Operator
const Op = { '<': 1, '<=': 2, '>': 3, '>=': 4, '==': 5 } as const

export const where = (fieldPath: string, op: keyof typeof Op, value: Value): StructuredQuery['where'] => ({
  filterType: 'fieldFilter',
  fieldFilter: { field: { fieldPath }, op: Op[op], value },
  compositeFilter: null,
  unaryFilter: null,
})

export const setWrite = (path: string, fields: Record<string, Value>): Write => ({
  ...EMPTY_WRITE,
  operation: 'update',
  update: { name: `${DOCUMENTS}/${path}`, fields: MapValue.from(Object.entries(fields)) },
})

export const deleteWrite = (path: string): Write => ({
  ...EMPTY_WRITE,
  operation: 'delete',
  delete: `${DOCUMENTS}/${path}`,
})

/** Commits where no transaction stands in the way; gives the time. */
export const commitNow = async (engine: Engine, writes: readonly Write[]): Promise<number> =>
  (await engine.coordinator(engine.database(DATABASE)).commit(prepareWrites(DATABASE, writes), null)).time

/** What is listened to: documents by their paths, or a query below a path. */
export type Wanted = { readonly paths: readonly string[] } | { readonly below: string; readonly query: StructuredQuery }

export const EMPTY_TARGET: TargetMessage = {
  query: null,
  documents: null,
  resumeToken: new Uint8Array(),
  readTime: null,
  targetId: 0,
  once: false,
  expectedCount: null,
}

const parentOf = (below: string): string => (below === '' ? DOCUMENTS : `${DOCUMENTS}/${below}`)

const targetOf = (wanted: Wanted): Partial<TargetMessage> =>
  'paths' in wanted
    ? { targetType: 'documents', documents: { documents: wanted.paths.map((path) => `${DOCUMENTS}/${path}`) } }
    : { targetType: 'query', query: { parent: parentOf(wanted.below), structuredQuery: wanted.query } }

/** The names and update times of what is wanted, as it is in the store at `time`, or now. */
export const truthOf = (engine: Engine, wanted: Wanted, time?: number): Map<string, number> => {
  const database = engine.database(DATABASE)
  const nodes =
    'paths' in wanted
      ? wanted.paths.flatMap((path) => database.find(path.split('/')) ?? [])
      : runQuery(parseQuery(parentOf(wanted.below), wanted.query), database, time).rows.map(({ node }) => node)
  return new Map(
    nodes.flatMap((node) => {
      const version = node.at(time)
      return version ? [[node.name, version.time] as const] : []
    }),
  )
}

/** What a client knows of one target. */
export interface Known {
  readonly wanted: Wanted
  documents: Map<string, number>
  isCurrent: boolean
  resumeToken: Uint8Array
}

interface TargetChange {
  targetChangeType: number
  targetIds: readonly number[]
  cause?: { code: number; message: string }
  readTime?: Timestamp
  resumeToken?: Uint8Array
}

export interface Response {
  targetChange?: TargetChange
  documentChange?: { document: DocumentMessage; targetIds: readonly number[]; removedTargetIds: readonly number[] }
  documentDelete?: { document: string; removedTargetIds: readonly number[] }
  documentRemove?: { document: string; removedTargetIds: readonly number[] }
  filter?: { targetId: number; count: number; unchangedNames?: BloomFilter }
}

const CHANGES = ['NO_CHANGE', 'ADD', 'REMOVE', 'CURRENT', 'RESET'] as const

/** Whether a name may be in a filter, as clients ask it. */
export const mayHave = ({ bits, hashCount }: BloomFilter, name: string): boolean => {
  const count = bits.bitmap.length * 8 - bits.padding
  if (count === 0) return false
  return [...bitsOf(name, count, hashCount)].every((bit) => ((bits.bitmap[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0)
}

/**
 * A client that keeps what it is told of each target and nothing else. It throws when it is told what cannot be: of a
 * target that it has not, a document twice, one that leaves where it was not, times that go back, a wrong count.
 */
export class ModelClient {
  readonly known = new Map<number, Known>()
  /** What each target was at the last snapshot, to which its token leads back. */
  readonly consistent = new Map<number, Map<string, number>>()
  readonly responses: Response[] = []
  readonly stream: DuplexCall
  readonly #onSnapshot: (client: ModelClient, time: number) => void
  /** How many responses the transport takes before it is full. */
  room = Infinity
  readTime = 0
  snapshots = 0
  ended: 'end' | { readonly error: unknown } | null = null

  /** `onSnapshot` is called whenever all targets are said to be consistent, at a time in microseconds. */
  constructor(engine: Engine, onSnapshot: (client: ModelClient, time: number) => void, principal = OWNER) {
    this.#onSnapshot = onSnapshot
    this.stream = openListenStream(engine, principal, {
      send: (response) => {
        this.#take(response)
        return --this.room > 0
      },
      end: () => (this.ended = 'end'),
      fail: (error) => (this.ended = { error }),
    })
  }

  add(id: number, wanted: Wanted, from: Known | null = null, more: Partial<TargetMessage> = {}): void {
    const documents = new Map(from?.documents)
    this.known.set(id, { wanted, documents, isCurrent: false, resumeToken: from?.resumeToken ?? new Uint8Array() })
    const resume = from ? { resumeType: 'resumeToken' as const, resumeToken: from.resumeToken } : {}
    const expectedCount = from ? { value: documents.size } : null
    const addTarget = { ...EMPTY_TARGET, ...targetOf(wanted), targetId: id, ...resume, expectedCount, ...more }
    this.stream.receive({ database: DATABASE, targetChange: 'addTarget', addTarget, removeTarget: 0 })
  }

  remove(id: number): void {
    this.stream.receive({ database: DATABASE, targetChange: 'removeTarget', addTarget: null, removeTarget: id })
  }

  /** Makes room for so many responses more. */
  drain(room: number): void {
    this.room = room
    this.stream.drained()
  }

  #take(response: Response): void {
    this.responses.push(response)
    const { targetChange, documentChange, documentDelete, documentRemove, filter } = response
    if (targetChange) this.#change(targetChange)
    else if (documentChange) {
      const { document, targetIds, removedTargetIds } = documentChange
      for (const id of targetIds) this.#show(id, document)
      for (const id of removedTargetIds) this.#hide(id, document.name)
    } else if (filter) {
      const known = this.#target(filter.targetId)
      const { unchangedNames: names } = filter
      if (names) known.documents = new Map([...known.documents].filter(([name]) => mayHave(names, name)))
      if (known.documents.size !== filter.count) throw new Error(`${filter.count} expected`)
    } else {
      const { document, removedTargetIds } = documentDelete ?? documentRemove ?? { document: '', removedTargetIds: [] }
      for (const id of removedTargetIds) this.#hide(id, document)
    }
  }

  #target(id: number): Known {
    const known = this.known.get(id)
    if (!known) throw new Error(`told of target ${id}, which is not there`)
    return known
  }

  #forget(id: number): void {
    this.known.delete(id)
    this.consistent.delete(id)
  }

  #show(id: number, { name, updateTime }: DocumentMessage): void {
    const { documents } = this.#target(id)
    const time = updateTime?.toMicros() ?? 0
    if (documents.get(name) === time) throw new Error(`told again of ${name}, which has not changed`)
    documents.set(name, time)
  }

  #hide(id: number, name: string): void {
    const { documents, wanted, isCurrent } = this.#target(id)
    const isMissing = 'paths' in wanted && !isCurrent
    if (!documents.delete(name) && !isMissing) throw new Error(`${name} leaves target ${id}, where it was not`)
  }

  #change({ targetChangeType, targetIds, readTime, resumeToken }: TargetChange): void {
    const kind = CHANGES[targetChangeType]
    if (kind === 'REMOVE') for (const id of targetIds) this.#forget(id)
    else if (kind === 'RESET') for (const id of targetIds) this.#target(id).documents.clear()
    else if (kind === 'CURRENT') for (const id of targetIds) this.#target(id).isCurrent = true
    if (kind !== 'NO_CHANGE' || targetIds.length > 0 || !readTime || !resumeToken) return
    const time = readTime.toMicros()
    if (time < this.readTime) throw new Error('the read time goes back')
    this.readTime = time
    this.snapshots++
    for (const [id, known] of this.known) {
      if (!known.isCurrent) continue
      known.resumeToken = resumeToken
      this.consistent.set(id, new Map(known.documents))
    }
    this.#onSnapshot(this, time)
  }
}
