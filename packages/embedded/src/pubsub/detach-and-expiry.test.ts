import { expect, test, vi } from 'vitest'
import { SteppedTime } from '../clock/time-source.ts'
import { connectRaw, createPair, publishNumbers, startBench } from './testing.ts'

const DAY_MS = 24 * 3_600_000

const setUp = async (options: object = {}) => {
  const clock = new SteppedTime()
  const { client, engine } = await startBench(clock)
  const { topic, subscription } = await createPair(client, options)
  const { subscriber } = connectRaw(engine)
  const pull = () => subscriber.pull({ subscription: subscription.name, maxMessages: 10, returnImmediately: true })
  return { clock, client, topic, subscription, subscriber, pull }
}

test('a detached subscription has no messages, gets none and cannot be read', async () => {
  const { client, topic, subscription, subscriber, pull } = await setUp({ retainAckedMessages: true })
  await publishNumbers(topic, 3)
  const stream = subscriber.streamingPull()
  const ended = new Promise((resolve) => stream.on('error', resolve))
  let received = 0
  stream.on('data', ({ receivedMessages }: { receivedMessages: object[] }) => (received += receivedMessages.length))
  stream.write({ subscription: subscription.name, streamAckDeadlineSeconds: 10 })
  await vi.waitFor(() => expect(received).toBe(3))
  await client.detachSubscription('worker')
  expect(await ended).toMatchObject({ code: 9 })
  await expect(pull()).rejects.toMatchObject({ code: 9 })
  await expect(subscription.seek(new Date(0))).rejects.toMatchObject({ code: 9 })
  await expect(subscription.createSnapshot('s-1')).rejects.toMatchObject({ code: 9 })
  const [metadata] = await subscription.getMetadata()
  expect(metadata).toMatchObject({ detached: true, topic: topic.name })
  expect((await topic.getSubscriptions())[0]).toEqual([])
  await publishNumbers(topic, 1)
  await client.subscription('worker').delete()
})

test('a subscription that nobody uses is deleted when its time to live is over', async () => {
  const { clock, subscription, pull } = await setUp({ expirationPolicy: { ttl: { seconds: DAY_MS / 1000 } } })
  clock.advance(DAY_MS - 1000)
  await pull()
  clock.advance(DAY_MS - 1000)
  expect((await subscription.exists())[0]).toBe(true)
  clock.advance(2000)
  expect((await subscription.exists())[0]).toBe(false)
})

test('an open stream is use, and a subscription without a time to live stays', async () => {
  const { clock, topic, subscription, subscriber } = await setUp({
    expirationPolicy: { ttl: { seconds: DAY_MS / 1000 } },
  })
  await topic.createSubscription('for-ever', { expirationPolicy: {} } as object)
  const stream = subscriber.streamingPull()
  const opened = new Promise((resolve) => stream.once('data', resolve))
  const ended = new Promise((resolve) => stream.on('end', resolve))
  stream.on('error', () => {})
  stream.write({ subscription: subscription.name, streamAckDeadlineSeconds: 10 })
  await opened
  clock.advance(5 * DAY_MS)
  expect((await subscription.exists())[0]).toBe(true)
  stream.end()
  await ended
  clock.advance(DAY_MS + 1000)
  expect((await subscription.exists())[0]).toBe(false)
  clock.advance(400 * DAY_MS)
  expect((await topic.subscription('for-ever').exists())[0]).toBe(true)
})

test('a dead letter says where it comes from', async () => {
  const clock = new SteppedTime()
  const { client, engine } = await startBench(clock)
  const [dead] = await client.createTopic('dead-letters')
  await dead.createSubscription('undertaker')
  const { topic, subscription } = await createPair(client, {
    enableMessageOrdering: true,
    deadLetterPolicy: { deadLetterTopic: dead.name, maxDeliveryAttempts: 5 },
  })
  const { subscriber } = connectRaw(engine)
  const pull = async (name: string) =>
    (await subscriber.pull({ subscription: name, maxMessages: 10, returnImmediately: true }))[0].receivedMessages ?? []
  const publishedMs = clock.now()
  const ordered = client.topic(topic.name, { messageOrdering: true })
  await ordered.publishMessage({ data: Buffer.from('x'), attributes: { a: 'b' }, orderingKey: 'k' })
  const attempts: (number | null | undefined)[] = []
  for (let attempt = 0; attempt < 5; attempt++) {
    const [taken] = await pull(subscription.name)
    attempts.push(taken?.deliveryAttempt)
    const ackIds = [taken?.ackId ?? '']
    // By giving it back, and by letting the deadline pass.
    if (attempt % 2)
      await subscriber.modifyAckDeadline({ subscription: subscription.name, ackIds, ackDeadlineSeconds: 0 })
    else clock.advance(10_200)
  }
  expect(attempts).toEqual([1, 2, 3, 4, 5])
  expect(await pull(subscription.name)).toEqual([])
  const [letter] = await pull('projects/demo-test/subscriptions/undertaker')
  expect(letter?.message).toMatchObject({
    orderingKey: 'k',
    attributes: {
      a: 'b',
      CloudPubSubDeadLetterSourceDeliveryCount: '5',
      CloudPubSubDeadLetterSourceSubscription: 'worker',
      CloudPubSubDeadLetterSourceSubscriptionProject: 'demo-test',
      CloudPubSubDeadLetterSourceTopicPublishTime: new Date(publishedMs).toISOString(),
    },
  })
})
