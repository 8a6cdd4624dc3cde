import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { Engine } from '../engine.ts'
import { DocumentNode } from '../store/tree.ts'
import type { Write } from '../rpc/messages.ts'
import { MapValue } from '../values/value.ts'
import { ModelClient, commitNow, orderBy, queryMessage, setWrite, truthOf, where, type Wanted } from './testing.ts'

const BATCH = 10

/** Every look at a document or at a field of one: by the listeners, and by the commit itself. */
const countLooks = () => {
  const at = vi.spyOn(DocumentNode.prototype, 'at')
  const get = vi.spyOn(MapValue.prototype, 'get')
  return () => at.mock.calls.length + get.mock.calls.length
}

afterEach(() => {
  vi.restoreAllMocks()
})

const fill = async (engine: Engine, documents: number): Promise<void> => {
  for (let n = 0; n < documents; n += 500) {
    const writes: Write[] = []
    for (let i = n; i < Math.min(documents, n + 500); i++) {
      writes.push(setWrite(`c/d${String(i).padStart(6, '0')}`, { n: BigInt(i), even: i % 2 === 0 }))
    }
    await commitNow(engine, writes)
  }
}

/** How much is looked at when `BATCH` documents are changed, with `wanted` listened to among so many documents. */
const looksOf = async (documents: number, wanted: readonly Wanted[], offset = 0): Promise<number> => {
  const engine = new Engine(Date.now)
  await fill(engine, documents)
  const client = new ModelClient(engine, () => {})
  wanted.forEach((one, i) => client.add(i + 1, one))
  const before = client.snapshots
  const looks = countLooks()
  await commitNow(
    engine,
    Array.from({ length: BATCH }, (_, i) =>
      setWrite(`c/d${String(i + offset).padStart(6, '0')}`, { n: BigInt(documents + i), even: true }),
    ),
  )
  await turn()
  const count = looks()
  vi.restoreAllMocks()
  expect(client.ended).toBeNull()
  if (wanted.length > 0 && client.known.size > 0) {
    for (const { wanted: what, documents: known } of client.known.values()) expect(known).toEqual(truthOf(engine, what))
  }
  expect(client.snapshots).toBeGreaterThanOrEqual(before)
  client.stream.cancel()
  engine.close()
  return count
}

const query = (message: Parameters<typeof queryMessage>[0]): Wanted => ({ below: '', query: queryMessage(message) })

const SHAPES: readonly [string, Wanted][] = [
  ['a whole collection', query({})],
  ['a filter', query({ where: where('even', '==', true) })],
  ['an order with a limit', query({ orderBy: orderBy('n'), limit: { value: 20 } })],
  ['a filter and a limit', query({ where: where('n', '>', 3n), limit: { value: 20 } })],
  ['a limit by name', query({ limit: { value: 20 } })],
]

describe('what a commit costs with a listener', { timeout: 60_000 }, () => {
  test.each(SHAPES)('does not depend on how many documents there are: %s', async (_, wanted) => {
    const [few, many] = [await looksOf(1000, [wanted]), await looksOf(20_000, [wanted])]
    expect(many).toBeLessThanOrEqual(few * 1.1)
    expect(few).toBeLessThan(BATCH * 60)
  })

  test('does not depend on listeners elsewhere', async () => {
    const elsewhere = Array.from({ length: 1000 }, (_, i) =>
      query({ from: [{ collectionId: `other${i}`, allDescendants: i % 2 === 0 }] }),
    )
    const here = query({ where: where('even', '==', true) })
    expect(await looksOf(1000, [here, ...elsewhere])).toBe(await looksOf(1000, [here]))
  })

  test('is not there for those who listen to nothing that has changed', async () => {
    expect(await looksOf(1000, [{ paths: ['c/other'] }])).toBe(await looksOf(1000, []))
  })
})
