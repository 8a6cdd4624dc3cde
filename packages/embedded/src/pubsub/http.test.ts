import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { startPubSubEngine } from './engine.ts'
import { connect, createPair, startBench } from './testing.ts'

test('POST /reset deletes all there is, and the same names can be made again', async () => {
  const { engine, client } = await startBench()
  const { topic, subscription } = await createPair(client)
  await topic.publishMessage({ data: Buffer.from('old') })
  await subscription.createSnapshot('before')
  await client.createSchema('event', 'AVRO', '"string"')
  const ended = new Promise((resolve) => subscription.on('error', ({ code }: { code?: number }) => resolve(code)))
  subscription.on('message', () => {})

  const response = await fetch(`http://${engine.host}:${engine.port}/reset`, { method: 'POST' })
  expect(response.status).toBe(200)
  expect(await ended).toBe(5)
  const [topics] = await client.getTopics()
  const [subscriptions] = await client.getSubscriptions()
  const [snapshots] = await client.getSnapshots()
  const schemas = []
  for await (const schema of client.listSchemas()) schemas.push(schema)
  expect([topics, subscriptions, snapshots, schemas]).toEqual([[], [], [], []])
  await createPair(client)
})

test('what was reset does not come back with the next start', async () => {
  const persistIn = await mkdtemp(join(tmpdir(), 'imx-pubsub-'))
  onTestFinished(() => rm(persistIn, { recursive: true }))
  const first = await startPubSubEngine({ persistIn })
  await fetch(`http://${first.host}:${first.port}/v1/projects/demo-test/topics/events`, { method: 'PUT' })
  await fetch(`http://${first.host}:${first.port}/reset`, { method: 'POST' })
  await first.close()
  const second = await startPubSubEngine({ persistIn })
  const client = connect(second)
  expect((await client.getTopics())[0]).toEqual([])
  await client.close()
  await second.close()
})

test('POST /shutdown is answered, and ends the engine', async () => {
  const engine = await startPubSubEngine()
  const address = `http://${engine.host}:${engine.port}`
  const response = await fetch(`${address}/shutdown`, { method: 'POST' })
  expect([response.status, await response.text()]).toEqual([200, 'Shutting down...\n'])
  await engine.closed
  await expect(fetch(address)).rejects.toThrow()
})

test('GET / says that it is there; what is nowhere is NOT FOUND', async () => {
  const { engine } = await startBench()
  const ask = async (path: string, method = 'GET') =>
    (await fetch(`http://${engine.host}:${engine.port}${path}`, { method })).status
  expect([await ask('/'), await ask('/reset'), await ask('/toString', 'POST')]).toEqual([200, 404, 404])
})

test('a page of any origin may use it', async () => {
  const { engine } = await startBench()
  const url = `http://${engine.host}:${engine.port}/v1/projects/demo-test/topics/events`
  const origin = 'http://localhost:3000'
  const asked = { origin, 'access-control-request-method': 'PUT', 'access-control-request-headers': 'content-type' }
  const preflight = await fetch(url, { method: 'OPTIONS', headers: asked })
  expect(preflight.status).toBe(200)
  expect(preflight.headers.get('access-control-allow-headers')).toBe('content-type')
  const answers = [
    preflight,
    await fetch(url, { method: 'PUT', headers: { origin } }),
    await fetch(url, { headers: { origin } }),
  ]
  expect(answers.map(({ headers }) => headers.get('access-control-allow-origin'))).toEqual([origin, origin, origin])
})
