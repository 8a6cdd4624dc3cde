import { randomBytes } from 'node:crypto'
import { Duration, Snapshot, Subscription, type Message, type PubSub, type Topic } from '@google-cloud/pubsub'
import { expect, test } from 'vitest'
import { connect, receive, startBench } from './testing.ts'

// The steps of the system tests of Google's client for Node (googleapis/google-cloud-node,
// handwritten/pubsub/system-test/pubsub.ts and the samples), which expect production.

const bytes = (text: string) => ({ data: Buffer.from(text) })

const setUp = async () => {
  const { client, engine } = await startBench()
  const topicOf = async (name: string): Promise<Topic> => (await client.topic(name).get({ autoCreate: true }))[0]
  const topic = await topicOf('events')
  const subscribe = async (name: string) => {
    const lease = { minAckDeadline: Duration.from({ seconds: 60 }), maxAckDeadline: Duration.from({ seconds: 60 }) }
    const subscription = client.topic('events').subscription(name, lease)
    await subscription.create()
    return subscription
  }
  return { client, engine, topic, topicOf, subscribe }
}

const streamed = (stream: NodeJS.ReadableStream): Promise<unknown[]> =>
  new Promise((resolve, reject) => {
    const items: unknown[] = []
    stream
      .on('error', reject)
      .on('data', (item) => items.push(item))
      .on('end', () => resolve(items))
  })

test('topics are listed, streamed and paged', async () => {
  const { client, topicOf } = await setUp()
  await topicOf('other')
  expect((await client.getTopics())[0]).toHaveLength(2)
  expect(await streamed(client.getTopicsStream())).toHaveLength(2)
  const [page] = await client.getTopics({ pageSize: 1, gaxOpts: { autoPaginate: false } })
  expect(page).toHaveLength(1)
})

test('topics and subscriptions tell whether they are there', async () => {
  const { client, topic, subscribe } = await setUp()
  expect(await client.topic('events').exists()).toEqual([true])
  expect(await client.topic('should-not-exist').exists()).toEqual([false])
  expect(await (await subscribe('worker')).exists()).toEqual([true])
  expect(await topic.subscription('should-not-exist').exists()).toEqual([false])
  await topic.subscription('made-on-demand').get({ autoCreate: true })
  expect(await topic.subscription('made-on-demand').exists()).toEqual([true])
  await topic.delete()
  expect(await client.topic('events').exists()).toEqual([false])
})

test('attributes arrive as they were sent', async () => {
  const { topic, subscribe } = await setUp()
  const subscription = await subscribe('worker')
  const attributes = { customAttribute: 'value', googclient_traceparent: '00-x-y-01' }
  const message = { ...bytes('raw message data'), attributes }
  for (let copy = 0; copy < 6; copy++) await topic.publishMessage(message)
  const [received] = await receive(subscription, 1)
  expect(received).toMatchObject(message)
  expect(received?.attributes).toEqual(message.attributes)
})

test('retention of topics and subscriptions is set in whole seconds', async () => {
  const { topic } = await setUp()
  const seconds = 3 * 24 * 60 * 60
  const kept = { messageRetentionDuration: { seconds: String(seconds), nanos: 0 } }
  await topic.setMetadata({ messageRetentionDuration: { seconds } })
  expect((await topic.getMetadata())[0]).toMatchObject(kept)
  const [subscription] = await topic.createSubscription('worker', {
    messageRetentionDuration: seconds,
    topic: '',
    name: '',
  })
  expect((await subscription.getMetadata())[0]).toMatchObject(kept)
  const other = topic.subscription('other')
  await other.create()
  await other.setMetadata({ messageRetentionDuration: seconds })
  expect((await other.getMetadata())[0]).toMatchObject(kept)
})

test('a name is used once in a project', async () => {
  const { topicOf, subscribe } = await setUp()
  await subscribe('worker')
  const other = await topicOf('other')
  await expect(other.subscription('worker').create()).rejects.toMatchObject({ code: 6 })
})

test('subscriptions are listed and streamed, of a topic and of all', async () => {
  const { client, topic, topicOf, subscribe } = await setUp()
  await subscribe('first')
  await subscribe('second')
  await (await topicOf('other')).createSubscription('third')
  const [ofTopic] = await topic.getSubscriptions()
  expect(ofTopic).toHaveLength(2)
  expect(ofTopic[0]).toBeInstanceOf(Subscription)
  expect(await streamed(topic.getSubscriptionsStream())).toHaveLength(2)
  expect((await client.getSubscriptions())[0]).toHaveLength(3)
  expect((await streamed(client.getSubscriptionsStream()))[0]).toBeInstanceOf(Subscription)
})

test('a subscription that is not there is an error of the listener', async () => {
  const { topic } = await setUp()
  const subscription = topic.subscription('should-not-exist')
  const error = await new Promise((resolve) => subscription.on('error', resolve).on('message', () => {}))
  expect(error).toMatchObject({ code: 5, message: expect.stringContaining('Resource not found') as string })
  await subscription.close()
})

test.each(['ack', 'nack'] as const)('a listener may %s and close at once', async (answer) => {
  const { topic, subscribe } = await setUp()
  const subscription = await subscribe('worker')
  for (let copy = 0; copy < 10; copy++) await topic.publishMessage(bytes('hello'))
  await receive(subscription, 1, (message) => message[answer]())
  await expect(subscription.close()).resolves.not.toThrow()
})

test('no more messages are out than flow control allows', async () => {
  const { client, topic, subscribe } = await setUp()
  await subscribe('worker')
  for (let copy = 0; copy < 10; copy++) await topic.publishMessage(bytes('hello'))
  const flowControl = { maxMessages: 3, allowExcessMessages: false }
  const subscription = client.subscription('worker', { flowControl })
  let out = 0
  let most = 0
  const messages = await receive(subscription, 10, (message: Message) => {
    most = Math.max(most, ++out)
    setImmediate(() => {
      out--
      message.ack()
    })
  })
  expect(messages).toHaveLength(10)
  expect(most).toBeLessThanOrEqual(3)
  await subscription.close()
})

test('a message of 9 MB comes as it went', async () => {
  const { topic, subscribe } = await setUp()
  const subscription = await subscribe('worker')
  const data = randomBytes(9_000_000)
  const id = await topic.publishMessage({ data })
  const [message] = await receive(subscription, 1)
  expect(message?.id).toBe(id)
  expect(message?.data.equals(data)).toBe(true)
})

test('a subscription is detached', async () => {
  const { client, subscribe } = await setUp()
  const subscription = await subscribe('worker')
  expect(await subscription.detached()).toEqual([false])
  await client.detachSubscription('worker')
  expect(await subscription.detached()).toEqual([true])
})

test('snapshots are made, listed and streamed', async () => {
  const { client, subscribe } = await setUp()
  const snapshot = (await subscribe('worker')).snapshot('before')
  await snapshot.create()
  const [snapshots] = await client.getSnapshots()
  expect(snapshots.map(({ name }) => name)).toEqual(['projects/demo-test/snapshots/before'])
  expect((await streamed(client.getSnapshotsStream()))[0]).toBeInstanceOf(Snapshot)
  await snapshot.delete()
  expect((await client.getSnapshots())[0]).toEqual([])
})

/** Acknowledges a message when it comes, goes back as told, and resolves with how often it has come when it is there again. */
const comesAgain = async (
  goBack: (message: Message, subscription: Subscription) => Promise<unknown>,
): Promise<number> => {
  const { topic, subscribe } = await setUp()
  const subscription = await subscribe('worker')
  const snapshot = subscription.snapshot('before')
  await snapshot.create()
  let times = 0
  const again = new Promise<void>((resolve, reject) => {
    subscription.on('error', reject)
    subscription.on('message', (message: Message) => {
      message.ack()
      if (++times === 1) goBack(message, subscription).catch(reject)
      else resolve()
    })
  })
  await topic.publishMessage(bytes('Hello, world!'))
  await again
  await subscription.close()
  return times
}

test('seeking to a snapshot brings a message again', async () => {
  expect(await comesAgain((_, subscription) => subscription.snapshot('before').seek())).toBe(2)
})

test('seeking to the time of a message brings it again', async () => {
  expect(await comesAgain((message, subscription) => subscription.seek(message.publishTime))).toBe(2)
})

test('seeking to the future purges', async () => {
  const { topic, subscribe } = await setUp()
  const subscription = await subscribe('worker')
  await topic.publishMessage(bytes('Hello, world!'))
  await subscription.seek(new Date('3000-01-01'))
  await topic.publishMessage(bytes('Oh no!'))
  const [message] = await receive(subscription, 1)
  expect(message?.data.toString()).toBe('Oh no!')
  await subscription.close()
})

test('a push subscription with or without wrapping, and its config changed', async () => {
  const { topic } = await setUp()
  const pushEndpoint = 'https://localhost:1/push'
  const [plain] = await topic.createSubscription('plain')
  expect((await plain.getMetadata())[0].pushConfig).toMatchObject({ pushEndpoint: '' })
  await plain.modifyPushConfig({ pushEndpoint })
  expect((await plain.getMetadata())[0].pushConfig).toMatchObject({ pushEndpoint })
  const [bare] = await topic.createSubscription('bare', {
    pushConfig: { pushEndpoint, noWrapper: { writeMetadata: true } },
  })
  expect((await bare.getMetadata())[0].pushConfig?.noWrapper?.writeMetadata).toBe(true)
})

test('a dead-letter policy is set, reported and removed', async () => {
  const { client, topic, topicOf } = await setUp()
  const dead = await topicOf('dead')
  const deadLetterPolicy = { deadLetterTopic: dead.name, maxDeliveryAttempts: 10 }
  const [subscription] = await topic.createSubscription('worker', { deadLetterPolicy })
  expect((await subscription.get())[0].metadata?.deadLetterPolicy).toEqual(deadLetterPolicy)
  await client.subscription('worker').setMetadata({ deadLetterPolicy: null })
  expect((await subscription.getMetadata())[0].deadLetterPolicy).toBeNull()
})

test('a client can be closed while others go on', async () => {
  const { client, engine } = await setUp()
  const other: PubSub = connect(engine)
  await other.getTopics()
  await other.close()
  expect(other.isOpen).toBe(false)
  expect((await client.getTopics())[0]).toHaveLength(1)
})
