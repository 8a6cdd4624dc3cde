import { setImmediate as turn } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { startFirestoreEngine, type FirestoreEngine } from '../index.ts'
import { WatchIndex } from '../listen/watch-index.ts'
import { at } from '../oracle/client.ts'
import type { JsonObject } from '../oracle/proto-json.ts'
import { JsonStream } from '../oracle/stream-client.ts'
import { EMPTY_WRITE } from './messages.ts'
import { prepareWrites } from '../writes/write.ts'
import { MapValue } from '../values/value.ts'

const DATABASE = 'projects/p/databases/(default)'
const DOCUMENTS = `${DATABASE}/documents`

let firestore: FirestoreEngine

beforeAll(async () => {
  firestore = await startFirestoreEngine()
})
afterAll(() => firestore.close())

const open = (method: 'Listen' | 'Write', authorization?: string): JsonStream => {
  const stream = new JsonStream(`127.0.0.1:${firestore.port}`, method, authorization)
  onTestFinished(() => stream.close())
  return stream
}

const commit = async (id: string, n: number, text = ''): Promise<void> => {
  const fields = MapValue.from([
    ['n', BigInt(n)],
    ['text', text],
  ])
  const write = { ...EMPTY_WRITE, operation: 'update' as const, update: { name: `${DOCUMENTS}/c/${id}`, fields } }
  const { engine } = firestore
  await engine.coordinator(engine.database(DATABASE)).commit(prepareWrites(DATABASE, [write]), null)
}

const listenTo = (collectionId: string): JsonObject => ({
  database: DATABASE,
  addTarget: { targetId: 1, query: { parent: DOCUMENTS, structuredQuery: { from: [{ collectionId }] } } },
})

const response = async (stream: JsonStream): Promise<JsonObject> => {
  const event = await stream.next()
  if (event.kind !== 'response') throw new Error(`no response: ${JSON.stringify(event)}`)
  return event.response
}

/** Reads up to the next snapshot, and gives how many responses came before it. */
const untilSnapshot = async (stream: JsonStream): Promise<number> => {
  for (let count = 0; ; count++) {
    const { targetChange } = (await response(stream)) as { targetChange?: JsonObject }
    if (targetChange?.['readTime'] !== undefined && targetChange['targetIds'] === undefined) return count
  }
}

describe('a stream over gRPC', () => {
  test('whose client does not read is not fed on; then it gets the latest', { timeout: 30_000 }, async () => {
    const stream = open('Listen')
    stream.send(listenTo('c'))
    await untilSnapshot(stream)
    stream.pause()
    const commits = 3000
    for (let n = 0; n < commits; n++) {
      await commit('x', n, 'x'.repeat(1000))
      await turn()
    }
    stream.resume()
    let seen = 0
    let count = 0
    while (seen < commits - 1) {
      const document = at(await response(stream), 'documentChange', 'document', 'fields', 'n', 'integerValue')
      if (document === undefined) continue
      expect(Number(document)).toBeGreaterThan(seen - 1)
      seen = Number(document)
      count++
    }
    expect(count).toBeLessThan(commits / 2)
  })

  test('whose client is gone is forgotten', async () => {
    const removed = vi.spyOn(WatchIndex.prototype, 'remove')
    onTestFinished(() => removed.mockRestore())
    const stream = open('Listen')
    stream.send(listenTo('gone'))
    await untilSnapshot(stream)
    stream.close()
    await vi.waitFor(() => expect(removed).toHaveBeenCalledWith(`${DOCUMENTS}/gone/`, expect.anything()))
  })

  test.each(['Listen', 'Write'] as const)('%s ends with what is wrong with a token', async (method) => {
    const stream = open(method, 'Bearer nonsense')
    stream.send({ database: DATABASE })
    expect(await stream.next()).toMatchObject({ kind: 'error', status: 'INVALID_ARGUMENT' })
  })

  test.each(['Listen', 'Write'] as const)('%s ends when the client has said all', async (method) => {
    const stream = open(method)
    stream.halfClose()
    expect(await stream.next()).toEqual({ kind: 'end' })
  })

  test('ends with an error for a request that names no database', async () => {
    const stream = open('Listen')
    stream.send({ database: 'nonsense', removeTarget: 1 })
    expect(await stream.next()).toMatchObject({ kind: 'error', status: 'INVALID_ARGUMENT' })
    expect(await stream.next()).toEqual({ kind: 'end' })
  })
})
