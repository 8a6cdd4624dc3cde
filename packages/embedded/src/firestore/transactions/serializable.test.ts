import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { Code, StatusError } from '../../wire/status-error.ts'
import { OWNER } from '../access/principal.ts'
import { Engine } from '../engine.ts'
import { orderBy, queryMessage, where } from '../listen/testing.ts'
import { getDocument } from '../rpc/documents.ts'
import {
  EMPTY_WRITE,
  type Consistency,
  type StructuredQuery,
  type TransactionOptions,
  type Write,
} from '../rpc/messages.ts'
import { streamQuery } from '../rpc/queries.ts'
import { beginTransaction, commit } from '../rpc/writes.ts'
import { History } from '../store/history.ts'
import type { DocumentMessage } from '../values/codec.ts'
import { MapValue } from '../values/value.ts'
import { Coordinator } from './coordinator.ts'
import { LockTable } from './locks.ts'
import { serialOrder, type Committed, type Finder, type Row, type Seen, type State } from './serial-order.ts'

const DATABASE = 'projects/p/databases/d'
const DOCUMENTS = `${DATABASE}/documents`
const IDS = ['a', 'b', 'c', 'd']
const INITIAL: State = new Map([
  ['a', { n: 1, on: true }],
  ['b', { n: 2, on: false }],
])

interface Ask {
  readonly query: StructuredQuery
  readonly find: Finder
}

const numbers = (rows: Iterable<Row>): number[] => Array.from(rows, ({ n }) => n).toSorted((x, y) => x - y)

const QUERIES: Record<string, Ask> = {
  on: {
    query: queryMessage({ where: where('on', '==', true) }),
    find: (state) => numbers([...state.values()].filter(({ on }) => on)),
  },
  many: {
    query: queryMessage({ where: where('n', '>', 5n), orderBy: orderBy('n') }),
    find: (state) => numbers(state.values()).filter((n) => n > 5),
  },
  highest: {
    query: queryMessage({ orderBy: orderBy('n', true), limit: { value: 2 } }),
    find: (state) => numbers(state.values()).slice(-2),
  },
}

type Mode = 'pessimistic' | 'optimistic' | 'read-only' | 'plain'

interface Job {
  readonly mode: Mode
  /** Ids of documents, and names of queries. */
  readonly reads: readonly string[]
  readonly writes: readonly { readonly id: string; readonly what: 'on' | 'off' | 'delete' }[]
}

const OPTIONS: Record<Exclude<Mode, 'plain'>, TransactionOptions> = {
  pessimistic: {
    mode: 'readWrite',
    readWrite: { retryTransaction: new Uint8Array(), concurrencyMode: 2 },
    readOnly: null,
  },
  optimistic: {
    mode: 'readWrite',
    readWrite: { retryTransaction: new Uint8Array(), concurrencyMode: 1 },
    readOnly: null,
  },
  'read-only': { mode: 'readOnly', readOnly: { readTime: null }, readWrite: null },
}

const writeOf = (id: string, row: Row | null): Write => {
  const name = `${DOCUMENTS}/c/${id}`
  if (!row) return { ...EMPTY_WRITE, operation: 'delete', delete: name }
  const fields = MapValue.from([
    ['n', BigInt(row.n)],
    ['on', row.on],
  ])
  return { ...EMPTY_WRITE, operation: 'update', update: { name, fields } }
}

const numberIn = ({ fields }: DocumentMessage): number => Number(fields.get('n'))

/** The transaction of what is done without one. */
const NONE = new Uint8Array()

/** One engine, and the work of concurrent clients on it. */
class Bench {
  readonly engine = new Engine(Date.now)
  readonly #pause: () => Promise<unknown>
  #moment = 0
  #number = 10

  constructor(pause: () => Promise<unknown>) {
    this.#pause = pause
  }

  async commit(wrote: ReadonlyMap<string, Row | null>, transaction: Uint8Array = NONE): Promise<void> {
    const writes = Array.from(wrote, ([id, row]) => writeOf(id, row))
    await commit(this.engine, { database: DATABASE, writes, transaction }, OWNER)
  }

  /** Does a job; null when it had to give way. */
  async perform(job: Job): Promise<Committed | null> {
    await this.#pause()
    const started = this.#moment++
    try {
      const { seen, wrote } = await this.#work(job)
      return { seen, wrote, started, ended: this.#moment++ }
    } catch (error) {
      if (error instanceof StatusError && error.code === Code.ABORTED) return null
      throw error
    }
  }

  async #work({ mode, reads, writes }: Job): Promise<Pick<Committed, 'seen' | 'wrote'>> {
    const transaction = mode === 'plain' ? NONE : this.#begin(mode)
    const seen: Seen[] = []
    for (const what of mode === 'plain' ? [] : reads) {
      seen.push(await this.#read(what, { consistencySelector: 'transaction', transaction }))
      await this.#pause()
    }
    const wrote = new Map<string, Row | null>()
    for (const { id, what } of mode === 'read-only' ? [] : writes) {
      // No number is written twice, so what is read tells by whom it was written.
      wrote.set(id, what === 'delete' ? null : { n: ++this.#number, on: what === 'on' })
    }
    await this.commit(wrote, transaction)
    return { seen, wrote }
  }

  #begin(mode: Exclude<Mode, 'plain'>): Uint8Array {
    const started = beginTransaction(this.engine, { database: DATABASE, options: OPTIONS[mode] })
    return (started as { transaction: Uint8Array }).transaction
  }

  async #read(what: string, consistency: Consistency): Promise<Seen> {
    const ask = QUERIES[what]
    if (!ask) {
      const request = { name: `${DOCUMENTS}/c/${what}`, mask: null, ...consistency }
      const document = await getDocument(this.engine, request, OWNER).catch((error: unknown) => {
        if (error instanceof StatusError && error.code === Code.NOT_FOUND) return null
        throw error
      })
      return { id: what, n: document && numberIn(document) }
    }
    const found: number[] = []
    const request = { parent: DOCUMENTS, structuredQuery: ask.query, explainOptions: null, ...consistency }
    for await (const answer of streamQuery(this.engine, request, OWNER)) {
      if ('document' in answer) found.push(numberIn(answer.document as DocumentMessage))
    }
    return { find: ask.find, found: found.toSorted((x, y) => x - y) }
  }

  /** The state as it is. */
  state(): State {
    const database = this.engine.database(DATABASE)
    return new Map(
      IDS.flatMap((id) => {
        const fields = database.find(['c', id])?.at()?.fields
        return fields ? [[id, { n: Number(fields.get('n')), on: fields.get('on') === true }] as const] : []
      }),
    )
  }
}

const id = fc.constantFrom(...IDS)
const reads = fc.array(fc.oneof(id, fc.constantFrom(...Object.keys(QUERIES))), { minLength: 1, maxLength: 3 })
const writes = fc.uniqueArray(
  fc.record({ id, what: fc.constantFrom('on' as const, 'on' as const, 'off' as const, 'delete' as const) }),
  { selector: (write) => write.id, maxLength: 2 },
)
const job: fc.Arbitrary<Job> = fc.record({
  mode: fc.constantFrom<Mode>('pessimistic', 'pessimistic', 'optimistic', 'optimistic', 'read-only', 'plain'),
  reads,
  writes,
})

const NOT_SERIAL = 'there is no order in which this could have been done'

const counts = { committed: 0, aborted: 0 }

/** Does random jobs at once, and looks for an order in which they might have been done one after the other. */
const property = () =>
  fc.asyncProperty(fc.array(job, { minLength: 2, maxLength: 7 }), fc.scheduler(), async (jobs, scheduler) => {
    const bench = new Bench(() => scheduler.schedule(Promise.resolve()))
    try {
      await bench.commit(INITIAL)
      const work = Promise.all(jobs.map((one) => bench.perform(one)))
      await scheduler.waitFor(work)
      const history = (await work).filter((one) => one !== null)
      counts.committed += history.length
      counts.aborted += jobs.length - history.length
      // Someone always gets through.
      expect(history.length).toBeGreaterThan(0)
      if (!serialOrder(INITIAL, history, bench.state())) throw new Error(NOT_SERIAL)
    } finally {
      bench.engine.close()
    }
  })

afterEach(() => {
  vi.restoreAllMocks()
})

describe('concurrent transactions', { timeout: 120_000 }, () => {
  test('have done, when they commit, as if one after the other, whatever they are and however they meet', async () => {
    await fc.assert(property(), { numRuns: 4000, seed: 4711 })
    expect(counts.committed).toBeGreaterThan(10_000)
    // They must have been in each other's way, too.
    expect(counts.aborted).toBeGreaterThan(1000)
  })

  const faults: [string, () => unknown][] = [
    ['queries are not locked', () => vi.spyOn(Coordinator.prototype, 'lockQuery').mockReturnValue(undefined)],
    ['documents are not locked', () => vi.spyOn(Coordinator.prototype, 'lockDocuments').mockReturnValue(undefined)],
    [
      'optimistic transactions are not validated',
      () => vi.spyOn(LockTable.prototype, 'misled').mockImplementation(function* none() {}),
    ],
    [
      'read-only transactions read the latest state',
      () => vi.spyOn(History.prototype, 'pin').mockReturnValue({ time: Infinity }),
    ],
  ]
  test.each(faults)('would be found out where %s', async (_, plant) => {
    plant()
    const { errorInstance } = await fc.check(property(), { numRuns: 1000, seed: 4711, endOnFailure: true })
    expect(errorInstance).toEqual(new Error(NOT_SERIAL))
  })
})
