import { expect, test } from 'vitest'
import { connectRaw, createPair, startBench } from './testing.ts'

test('a subscription has the defaults of production', async () => {
  const { client } = await startBench()
  const { subscription } = await createPair(client)
  expect((await subscription.getMetadata())[0]).toMatchObject({
    name: 'projects/demo-test/subscriptions/worker',
    topic: 'projects/demo-test/topics/events',
    ackDeadlineSeconds: 10,
    messageRetentionDuration: { seconds: '604800' },
    expirationPolicy: { ttl: { seconds: '2678400' } },
    state: 'ACTIVE',
  })
})

test('an update changes what its mask names and nothing else', async () => {
  const { client } = await startBench()
  const { subscription } = await createPair(client, { labels: { a: 'b' } })
  await subscription.setMetadata({ ackDeadlineSeconds: 77, retryPolicy: { minimumBackoff: { seconds: 1 } } })
  expect((await subscription.getMetadata())[0]).toMatchObject({
    ackDeadlineSeconds: 77,
    labels: { a: 'b' },
    retryPolicy: { minimumBackoff: { seconds: '1' }, maximumBackoff: { seconds: '600' } },
  })
  const filter = subscription.setMetadata({ filter: 'attributes:a' })
  await expect(filter).rejects.toMatchObject({ code: 3 })
})

test('lists come in pages and by project', async () => {
  const { client } = await startBench()
  const names = ['topic-a', 'topic-b', 'topic-c']
  for (const name of names) await client.createTopic(name)
  const [first, next] = await client.getTopics({ pageSize: 2, autoPaginate: false })
  expect(first).toHaveLength(2)
  const [rest] = await client.getTopics({ ...next, autoPaginate: false })
  expect([...first, ...rest].map(({ name }) => name)).toEqual(names.map((name) => `projects/demo-test/topics/${name}`))
  await client.topic('topic-a').createSubscription('worker')
  expect((await client.topic('topic-a').getSubscriptions())[0]).toHaveLength(1)
  expect((await client.topic('topic-b').getSubscriptions())[0]).toHaveLength(0)
  expect((await client.getSubscriptions())[0]).toHaveLength(1)
})

test('pages skip nothing and repeat nothing when topics come and go between them', async () => {
  const { client } = await startBench()
  const create = (id: string) => client.createTopic(id)
  for (const id of ['ttt-b', 'ttt-d', 'ttt-f', 'ttt-h']) await create(id)
  const seen: string[] = []
  const read = async (next: object) => {
    const [page, further] = await client.getTopics({ pageSize: 2, ...next, autoPaginate: false })
    seen.push(...page.map(({ name }) => name.slice(-1)))
    return further as object
  }
  const next = await read({})
  await client.topic('ttt-b').delete()
  await client.topic('ttt-d').delete()
  await create('ttt-a')
  await create('ttt-g')
  await read(await read(next))
  expect(seen).toEqual(['b', 'd', 'f', 'g', 'h'])
})

test('what is kept for other services is reported as it was given', async () => {
  const { client } = await startBench()
  const topicFields = {
    labels: { team: 'a', größe: '1' },
    kmsKeyName: 'projects/p/locations/l/keyRings/r/cryptoKeys/k',
    messageStoragePolicy: { allowedPersistenceRegions: ['europe-west6'] },
    ingestionDataSourceSettings: { cloudStorage: { bucket: 'b', textFormat: {} } },
    messageTransforms: [{ javascriptUdf: { functionName: 'f', code: 'function f(m) { return m }' } }],
  }
  const [topic] = await client.createTopic({ name: 'events', ...topicFields })
  expect((await topic.getMetadata())[0]).toMatchObject(topicFields)
  const bigqueryConfig = { table: 'p.d.t', writeMetadata: true }
  const [toTable] = await topic.createSubscription('to-table', { bigqueryConfig, expirationPolicy: {} })
  expect((await toTable.getMetadata())[0]).toMatchObject({
    bigqueryConfig: { ...bigqueryConfig, state: 'ACTIVE' },
    expirationPolicy: { ttl: null },
  })
  const error = await new Promise((resolve) => toTable.on('error', resolve).on('message', () => {}))
  expect(error).toMatchObject({ code: 9, details: 'This method is not supported for this subscription type.' })
  await toTable.close()
  const cloudStorageConfig = { bucket: 'b', textConfig: {}, maxDuration: { seconds: '300' } }
  const [toBucket] = await topic.createSubscription('to-bucket', { cloudStorageConfig })
  expect((await toBucket.getMetadata())[0]).toMatchObject({
    cloudStorageConfig: { ...cloudStorageConfig, state: 'ACTIVE' },
  })
})

test('a pull takes what is there, waits when told to, and never takes more than asked', async () => {
  const { client, engine } = await startBench()
  const { topic } = await createPair(client)
  const { subscriber: api } = connectRaw(engine)
  const subscription = 'projects/demo-test/subscriptions/worker'
  const pull = async (options: object) =>
    (await api.pull({ subscription, maxMessages: 2, ...options }))[0].receivedMessages
  expect(await pull({ returnImmediately: true })).toEqual([])
  const waiting = pull({})
  await topic.publishMessage({ data: Buffer.from('1') })
  const [received] = (await waiting) ?? []
  expect(received?.message?.data?.toString()).toBe('1')
  for (const text of ['2', '3', '4']) await topic.publishMessage({ data: Buffer.from(text) })
  expect(await pull({})).toHaveLength(2)
  expect(await pull({})).toHaveLength(1)
  await api.modifyAckDeadline({ subscription, ackIds: [received?.ackId ?? ''], ackDeadlineSeconds: 0 })
  expect(await pull({})).toMatchObject([{ message: { messageId: received?.message?.messageId } }])
})
