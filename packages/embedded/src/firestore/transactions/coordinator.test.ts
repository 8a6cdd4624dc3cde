import { beforeEach, describe, expect, test } from 'vitest'
import { Engine } from '../engine.ts'
import { EMPTY_WRITE } from '../rpc/messages.ts'
import { MapValue, type Value } from '../values/value.ts'
import { prepareWrites } from '../writes/write.ts'
import type { Coordinator } from './coordinator.ts'
import type { Transaction } from './transaction.ts'

const DATABASE = 'projects/p/databases/d'

let now: number
let engine: Engine
let coordinator: Coordinator

beforeEach(() => {
  now = 1_700_000_000_000
  engine = new Engine(() => now)
  coordinator = engine.coordinator(engine.database(DATABASE))
  return () => engine.close()
})

const begin = (retry?: Transaction) =>
  coordinator.transactions.begin(
    retry ? { mode: 'readWrite', readWrite: { retryTransaction: retry.id }, readOnly: null } : null,
  )

const beginOptimistic = () =>
  coordinator.transactions.begin({
    mode: 'readWrite',
    readWrite: { retryTransaction: new Uint8Array(), concurrencyMode: 1 },
    readOnly: null,
  })

const commit = async (path: string, n: Value, transaction: Transaction | null = null) => {
  const update = { name: `${DATABASE}/documents/${path}`, fields: MapValue.from([['n', n]]) }
  const write = { ...EMPTY_WRITE, operation: 'update' as const, update }
  return coordinator.commit(prepareWrites(DATABASE, [write]), transaction)
}

const read = (path: string) => engine.database(DATABASE).find(path.split('/'))?.at()?.fields.get('n')

const CONTENTION = 'Aborted due to cross-transaction contention.'
const DEADLOCK = 'Transaction lock timeout.'

describe('a transaction', () => {
  test('is told at once when it and another wait for each other, and the other goes on', async () => {
    const [one, two] = [begin(), begin()]
    await coordinator.lockDocuments(one, ['c/x'])
    await coordinator.lockDocuments(two, ['c/x'])
    const first = commit('c/x', 1n, one)
    const second = commit('c/x', 2n, two)
    await expect(first).rejects.toThrow(DEADLOCK)
    await second
    expect(read('c/x')).toBe(2n)
  })

  test('gives way to one that has been tried before', async () => {
    const fresh = begin()
    const retried = begin(begin())
    await coordinator.lockDocuments(fresh, ['c/x'])
    await coordinator.lockDocuments(retried, ['c/x'])
    const kept = commit('c/x', 1n, retried)
    await expect(commit('c/x', 2n, fresh)).rejects.toThrow(DEADLOCK)
    await kept
    expect(read('c/x')).toBe(1n)
  })

  test('gets its turn at a document that is contended, and needs no second attempt', async () => {
    const [one, two] = [begin(), begin()]
    await coordinator.lockDocuments(one, ['c/x'])
    await coordinator.lockDocuments(two, ['c/x'])
    const first = commit('c/x', 1n, one)
    await Promise.all([expect(first).rejects.toThrow(DEADLOCK), commit('c/x', 2n, two)])
    const [three, four] = [begin(), begin()]
    expect(coordinator.lockDocuments(three, ['c/x'])).toBeUndefined()
    let turn = false
    const waiting = coordinator.lockDocuments(four, ['c/x'])?.then(() => (turn = true))
    expect(waiting).toBeDefined()
    await commit('c/y', 1n)
    expect(turn).toBe(false)
    await commit('c/x', 3n, three)
    await waiting
    await commit('c/x', 4n, four)
    expect(read('c/x')).toBe(4n)
  })

  test('waits its turn behind a commit that waits for the same', async () => {
    const [holder, reader] = [begin(), begin()]
    await coordinator.lockDocuments(holder, ['c/x'])
    const outside = commit('c/x', 1n)
    let seen: Value | undefined
    const waiting = coordinator.lockDocuments(reader, ['c/x'])?.then(() => (seen = read('c/x')))
    coordinator.transactions.end(holder)
    await outside
    await waiting
    expect(seen).toBe(1n)
  })

  test('that waits for nothing but its own turn never stands in a circle', async () => {
    const [one, two] = [begin(), begin()]
    await coordinator.lockDocuments(one, ['c/x'])
    await coordinator.lockDocuments(two, ['c/y'])
    const blocked = commit('c/x', 2n, two)
    // `one` would wait behind the commit that waits for it: it is let through instead.
    await coordinator.lockDocuments(one, ['c/x', 'c/z'])
    await commit('c/z', 1n, one)
    await blocked
    expect([read('c/x'), read('c/z')]).toEqual([2n, 1n])
  })

  test('keeps what would newly match its query from coming to be', async () => {
    const holder = begin()
    const covers = (_: readonly string[], fields: MapValue) => fields.get('n') === 7n
    await coordinator.lockQuery(holder, { collectionId: 'c', covers })
    await commit('c/else', 1n)
    const outside = commit('c/new', 7n)
    expect(read('c/new')).toBeUndefined()
    coordinator.transactions.end(holder)
    await outside
    expect(read('c/new')).toBe(7n)
  })

  test('is over after a minute without use, and what it held is free', async () => {
    const idle = begin()
    await coordinator.lockDocuments(idle, ['c/x'])
    now += 59_000
    coordinator.transactions.use(idle.id)
    now += 59_000
    expect(coordinator.transactions.use(idle.id)).toBe(idle)
    now += 60_000
    await commit('c/x', 1n)
    expect(() => coordinator.transactions.use(idle.id)).toThrow('has expired or is no longer valid')
  })

  test('is over after 270 seconds, however much it is used', () => {
    const busy = begin()
    for (let second = 0; second < 270; second += 10) {
      expect(coordinator.transactions.use(busy.id)).toBe(busy)
      now += 10_000
    }
    expect(() => coordinator.transactions.use(busy.id)).toThrow('has expired or is no longer valid')
  })

  test('can be used only under an id that was given', () => {
    expect(() => coordinator.transactions.use(Buffer.from('x'))).toThrow('Invalid transaction.')
    const id = Buffer.from(begin().id)
    id.writeBigUInt64LE(id.readBigUInt64LE(1) + 1n, 1)
    expect(() => coordinator.transactions.use(id)).toThrow('Transaction is invalid or expired.')
  })
})

describe('an optimistic transaction', () => {
  test('keeps nobody from writing, and is aborted when what it has read was changed', async () => {
    const transaction = beginOptimistic()
    await coordinator.lockDocuments(transaction, ['c/x'])
    await commit('c/x', 1n)
    expect(read('c/x')).toBe(1n)
    await expect(commit('c/y', 2n, transaction)).rejects.toThrow(CONTENTION)
    expect(read('c/y')).toBeUndefined()
  })

  test('is aborted by a document that newly matches what it has asked for', async () => {
    const transaction = beginOptimistic()
    const other = beginOptimistic()
    const covers = (n: Value) => (_: unknown, fields: MapValue) => fields.get('n') === n
    await coordinator.lockQuery(transaction, { collectionId: 'c', covers: covers(1n) })
    await coordinator.lockQuery(other, { collectionId: 'c', covers: covers(2n) })
    await commit('c/x', 1n)
    await expect(commit('c/y', 2n, transaction)).rejects.toThrow(CONTENTION)
    await commit('c/y', 3n, other)
  })

  test('is aborted though it writes nothing, for what it has read may not stand together', async () => {
    const transaction = beginOptimistic()
    await coordinator.lockDocuments(transaction, ['c/x'])
    await commit('c/x', 1n)
    expect(() => coordinator.commitNothing(transaction)).toThrow(CONTENTION)
  })

  test('waits for the locks of others when it commits, as everybody does', async () => {
    const holder = begin()
    await coordinator.lockDocuments(holder, ['c/x'])
    const committed = commit('c/x', 1n, beginOptimistic())
    await commit('c/y', 1n, holder)
    await committed
    expect(read('c/x')).toBe(1n)
  })

  test('may change what it has read itself', async () => {
    const transaction = beginOptimistic()
    await coordinator.lockDocuments(transaction, ['c/x'])
    await commit('c/x', 1n, transaction)
    expect(read('c/x')).toBe(1n)
  })
})
