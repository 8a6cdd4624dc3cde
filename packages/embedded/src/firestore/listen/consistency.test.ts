import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Engine } from '../engine.ts'
import type { Value } from '../values/value.ts'
import { prepareWrites } from '../writes/write.ts'
import {
  DATABASE,
  ModelClient,
  commitNow,
  deleteWrite,
  orderBy,
  queryMessage,
  setWrite,
  truthOf,
  where,
  type Known,
  type Wanted,
} from './testing.ts'

const PATHS = ['c/a', 'c/b', 'c/d', 'c/e', 'c/f', 'p/x/c/a', 'p/y/c/b', 'e/a']

const below = (query: Parameters<typeof queryMessage>[0], parent = ''): Wanted => ({
  below: parent,
  query: queryMessage(query),
})

const WANTED: readonly Wanted[] = [
  { paths: ['c/a'] },
  { paths: ['c/b', 'p/x/c/a', 'c/never'] },
  below({}),
  below({ where: where('n', '>', 2n) }),
  below({ where: where('n', '>=', 1n), orderBy: orderBy('n'), limit: { value: 2 } }),
  below({ orderBy: orderBy('n', true), limit: { value: 3 } }),
  below({ orderBy: orderBy('n'), offset: 1, limit: { value: 2 } }),
  below({ offset: 2 }),
  below({ limit: { value: 1 } }),
  below({ limit: { value: 0 } }),
  below({ orderBy: orderBy('n'), startAt: { values: [1n], before: false }, endAt: { values: [4n], before: true } }),
  below({ from: [{ collectionId: 'c', allDescendants: true }] }),
  below({ from: [{ collectionId: 'c', allDescendants: true }], orderBy: orderBy('n'), limit: { value: 3 } }),
  below({ from: [{ collectionId: 'c', allDescendants: true }] }, 'p/x'),
  below({ from: [] }),
  below({ from: [{ collectionId: '', allDescendants: true }] }),
  below({ select: { fields: [{ fieldPath: 'n' }] } }),
]

type Action =
  | { kind: 'batch'; writes: { path: string; n: number | null }[] }
  | { kind: 'transaction'; reads: string[]; writes: { path: string; n: number | null }[] }
  | { kind: 'add' | 'readd'; client: number; target: number; wanted: number }
  | { kind: 'remove'; client: number; target: number }
  | { kind: 'reconnect'; client: number }
  | { kind: 'room'; client: number; responses: number }
  | { kind: 'turn' }

const CLIENTS = 2
const TARGETS = 4

const path = fc.constantFrom(...PATHS)
const writes = fc.uniqueArray(
  fc.record({ path, n: fc.oneof({ weight: 4, arbitrary: fc.nat(5) }, fc.constant(null)) }),
  {
    minLength: 1,
    maxLength: 4,
    selector: (write) => write.path,
  },
)
const client = fc.nat(CLIENTS - 1)
const target = fc.integer({ min: 1, max: TARGETS })
const wanted = fc.nat(WANTED.length - 1)
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('batch' as const), writes }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('transaction' as const),
      reads: fc.array(path, { maxLength: 2 }),
      writes,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constantFrom('add' as const, 'readd' as const), client, target, wanted }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), client, target }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reconnect' as const), client }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('room' as const), client, responses: fc.nat(6) }) },
  { weight: 5, arbitrary: fc.constant({ kind: 'turn' as const }) },
)

const messageOf = ({ path: at, n }: { path: string; n: number | null }) => {
  const fields: Record<string, Value> = n === null ? {} : { n: BigInt(n) }
  return n === 5 ? deleteWrite(at) : setWrite(at, fields)
}

/** Plays actions against clients, each of which is compared with the store whenever it is told that it is consistent. */
class Play {
  readonly engine = new Engine(Date.now)
  readonly clients: ModelClient[]
  /** What the clients remember of targets that they have left. */
  readonly left = new Map<number, Known>()
  readonly work: Promise<unknown>[] = []
  snapshots = 0
  resumed = 0

  constructor() {
    this.clients = Array.from({ length: CLIENTS }, () => this.#connect())
  }

  #connect(): ModelClient {
    return new ModelClient(this.engine, ({ known }, time) => {
      this.snapshots++
      for (const { wanted: what, documents, isCurrent } of known.values()) {
        if (isCurrent) expect(documents, JSON.stringify(what, jsonable)).toEqual(truthOf(this.engine, what, time))
      }
    })
  }

  async perform(step: Action): Promise<void> {
    switch (step.kind) {
      case 'batch':
        this.work.push(commitNow(this.engine, step.writes.map(messageOf)).catch(() => null))
        return
      case 'transaction':
        this.work.push(this.#transact(step.reads, step.writes).catch(() => null))
        return
      case 'add':
      case 'readd': {
        const one = this.clients[step.client] as ModelClient
        // The client must not be told of a target by an id that it has used for another.
        if (one.known.has(step.target)) return
        const remembered = this.left.get(step.wanted) ?? null
        const from = step.kind === 'readd' ? remembered : null
        if (from) this.resumed++
        one.add(step.target, WANTED[step.wanted] as Wanted, from)
        return
      }
      case 'remove': {
        const one = this.clients[step.client] as ModelClient
        const known = one.known.get(step.target)
        if (!known?.isCurrent || one.room <= 0) return
        const documents = one.consistent.get(step.target)
        if (documents) this.left.set(WANTED.indexOf(known.wanted), { ...known, documents })
        one.remove(step.target)
        return
      }
      case 'reconnect': {
        const one = this.clients[step.client] as ModelClient
        one.stream.cancel()
        const next = this.#connect()
        this.clients[step.client] = next
        for (const [id, known] of one.known) {
          const documents = one.consistent.get(id)
          if (documents) this.resumed++
          next.add(id, known.wanted, documents ? { ...known, documents } : null)
        }
        return
      }
      case 'room':
        this.clients[step.client]?.drain(step.responses)
        return
      default:
        await turn()
    }
  }

  async #transact(reads: string[], changes: { path: string; n: number | null }[]): Promise<void> {
    const coordinator = this.engine.coordinator(this.engine.database(DATABASE))
    const transaction = coordinator.transactions.begin(null)
    await coordinator.lockDocuments(transaction, reads)
    await turn()
    await coordinator.commit(prepareWrites(DATABASE, changes.map(messageOf)), transaction)
  }

  /** Lets everything come to rest; then every client has seen the latest state. */
  async settle(): Promise<void> {
    await Promise.all(this.work)
    for (const one of this.clients) one.drain(Infinity)
    await turn()
    await turn()
    for (const one of this.clients) {
      expect(one.ended).toBeNull()
      for (const { wanted: what, documents, isCurrent } of one.known.values()) {
        expect(isCurrent).toBe(true)
        expect(documents).toEqual(truthOf(this.engine, what))
      }
      one.stream.cancel()
    }
    this.engine.close()
  }
}

const jsonable = (_: string, value: unknown) => (typeof value === 'bigint' ? Number(value) : value)

describe('listeners among concurrent writes', () => {
  test('see at every snapshot just what the store was at its time, however they come, go and lag', async () => {
    let snapshots = 0
    let resumed = 0
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 20, maxLength: 100, size: 'max' }), async (actions) => {
        const play = new Play()
        for (const step of actions) await play.perform(step)
        await play.settle()
        snapshots += play.snapshots
        resumed += play.resumed
      }),
      { numRuns: 800, seed: 20260 },
    )
    // It must have come to something.
    expect(snapshots).toBeGreaterThan(10_000)
    expect(resumed).toBeGreaterThan(500)
  }, 120_000)
})
