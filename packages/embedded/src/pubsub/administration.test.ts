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
