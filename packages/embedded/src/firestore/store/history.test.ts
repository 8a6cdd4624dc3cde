import { describe, expect, test } from 'vitest'
import { Timestamp, MapValue, type Value } from '../values/value.ts'
import { History } from './history.ts'
import { Store } from './store.ts'
import type { Version } from './tree.ts'

const HOUR_MS = 3_600_000
const KB = 1000

const setUp = (maxBytes?: number) => {
  let now = 1_700_000_000_000
  const store = new Store(() => now, new History(maxBytes))
  const database = store.database('projects/p/databases/d')
  const put = (id: string, n: Value | undefined) => {
    const time = store.timeline.commit()
    const before = database.find(['c', id])?.at() ?? null
    const fields = n === undefined ? null : MapValue.from([['n', n]])
    store.apply(database, [{ segments: ['c', id], before, fields, createTime: time, size: KB }], time)
    return time
  }
  const pass = (ms: number) => (now += ms)
  const versions = (id: string) => {
    let count = 0
    for (let version: Version | null | undefined = database.find(['c', id])?.head; version; version = version.previous)
      count++
    return count
  }
  const read = (id: string, time?: number) => database.find(['c', id])?.at(time)?.fields.get('n')
  return { store, database, put, pass, versions, read }
}

describe('the past of documents', () => {
  test('can be read for an hour', () => {
    const { store, put, pass, read, versions } = setUp()
    const first = put('x', 1n)
    put('x', 2n)
    pass(HOUR_MS / 2)
    put('x', 3n)
    expect(read('x', first)).toBe(1n)
    pass(HOUR_MS * 0.75)
    put('y', 1n)
    put('x', 4n)
    expect(versions('x')).toBe(3)
    expect(() => store.readTime(Timestamp.fromMicros(first))).toThrow("The requested 'read_time' is too old.")
  })

  test('takes no more room however often a document is rewritten', () => {
    const { put, versions, read, store } = setUp(100 * KB)
    const first = put('x', 0n)
    for (let n = 1n; n <= 5000n; n++) put('x', n)
    expect(versions('x')).toBeLessThan(100)
    expect(read('x')).toBe(5000n)
    // What has gone is refused, not answered wrongly.
    expect(() => store.readTime(Timestamp.fromMicros(first))).toThrow('too old')
  })

  test('stays while someone reads it', () => {
    const { store, put, read } = setUp(10 * KB)
    const then = put('x', 0n)
    const pin = store.history.pin(then)
    for (let n = 1n; n <= 100n; n++) put('x', n)
    expect(read('x', then)).toBe(0n)
    store.history.unpin(pin)
    put('x', 101n)
    expect(() => store.readTime(Timestamp.fromMicros(then))).toThrow('too old')
  })

  test('of a deleted document goes with it', () => {
    const { database, put, pass } = setUp()
    put('x', 1n)
    put('x', undefined)
    expect(database.findCollection(['c'])?.size).toBe(1)
    pass(HOUR_MS * 2)
    put('y', 1n)
    put('y', 2n)
    expect(database.findCollection(['c'])?.size).toBe(1)
    expect(database.find(['c', 'x'])).toBeUndefined()
  })

  test('of a deleted tree goes with all the places on the way to it', () => {
    const { database, store, put, pass } = setUp()
    const change = (fields: MapValue | null) => {
      const segments = ['a', 'b', 'deep', 'x']
      const time = store.timeline.commit()
      const before = database.find(segments)?.at() ?? null
      store.apply(database, [{ segments, before, fields, createTime: time, size: KB }], time)
    }
    change(MapValue.EMPTY)
    change(null)
    pass(HOUR_MS * 2)
    put('y', 1n)
    put('y', 2n)
    expect([...database.group('deep')]).toEqual([])
    expect([...(database.root.collections?.keys() ?? [])]).toEqual(['c'])
  })

  test('lies in the past: a read time to come is refused', () => {
    const { store, put } = setUp()
    const time = put('x', 1n)
    expect(() => store.readTime(Timestamp.fromMicros(time + 1e6))).toThrow('cannot be in the future')
  })
})

describe('times', () => {
  test('grow with every commit, and pass those of reads, though the clock stands', () => {
    const { store } = setUp()
    const times = [store.timeline.commit(), store.timeline.commit()]
    const read = store.timeline.read()
    times.push(read, store.timeline.commit())
    expect(read).toBe(times[1])
    expect(times[1]).toBeGreaterThan(times[0] as number)
    expect(times[3]).toBeGreaterThan(read)
  })
})

describe('commits', () => {
  test('are told to listeners in order, with what each document was and is', () => {
    const { store, put } = setUp()
    const seen: [string, Value | undefined, Value | undefined][] = []
    const stop = store.onCommit(({ changes }) => {
      for (const { node, before, after } of changes)
        seen.push([node.id, before?.fields.get('n'), after.fields?.get('n')])
    })
    put('x', 1n)
    put('x', 2n)
    put('x', undefined)
    stop()
    put('x', 3n)
    expect(seen).toEqual([
      ['x', undefined, 1n],
      ['x', 1n, 2n],
      ['x', 2n, undefined],
    ])
  })
})
