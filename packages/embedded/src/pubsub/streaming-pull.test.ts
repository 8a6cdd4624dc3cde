import type { v1 } from '@google-cloud/pubsub'
import { expect, test, vi } from 'vitest'
import { SteppedTime } from '../clock/time-source.ts'
import type { PubSubEngineOptions } from './engine.ts'
import { connectRaw, createPair, startBench } from './testing.ts'

const name = 'projects/demo-test/subscriptions/worker'
const messages = (count: number) => Array.from({ length: count }, (_, index) => ({ data: Buffer.from(String(index)) }))

interface Response {
  receivedMessages?: { ackId: string; message: { messageId: string } }[]
  subscriptionProperties?: object | null
}

// Without the client's own flow control and leases in between. Resolves when the stream is open.
const openStream = async (subscriber: v1.SubscriberClient, request: object = {}) => {
  const stream = subscriber.streamingPull()
  const received: { ackId: string; id: string }[] = []
  const sizes: number[] = []
  let properties = 0
  stream.on('error', () => {})
  stream.on('data', ({ receivedMessages = [], subscriptionProperties }: Response) => {
    if (receivedMessages.length > 0) sizes.push(receivedMessages.length)
    else if (subscriptionProperties) properties++
    for (const { ackId, message } of receivedMessages) received.push({ ackId, id: message.messageId })
  })
  stream.write({ subscription: name, streamAckDeadlineSeconds: 10, ...request })
  await vi.waitFor(() => expect(properties).toBe(1))
  return { stream, received, sizes, properties: () => properties }
}

const setUp = async (options: PubSubEngineOptions = {}) => {
  const { client, engine } = await startBench(undefined, options)
  const { topic } = await createPair(client)
  const { publisher, subscriber } = connectRaw(engine)
  const publish = (count: number) => publisher.publish({ topic: topic.name, messages: messages(count) })
  const pull = async () =>
    (await subscriber.pull({ subscription: name, maxMessages: 1000, returnImmediately: true }))[0]
  return { subscriber, publish, pull }
}

test('a stream is never given more messages than it takes, and gets the next when one is done', async () => {
  const { subscriber, publish, pull } = await setUp()
  const { stream, received } = await openStream(subscriber, { maxOutstandingMessages: 3 })
  await publish(30)
  await vi.waitFor(() => expect(received).toHaveLength(3))
  expect((await pull()).receivedMessages).toHaveLength(27)
  await publish(2)
  stream.write({ ackIds: [received[0]?.ackId ?? ''] })
  await vi.waitFor(() => expect(received).toHaveLength(4))
  expect((await pull()).receivedMessages).toHaveLength(1)
  stream.end()
})

test('a response holds at most 100 messages, so that a client with little room reads from all its streams', async () => {
  const { subscriber, publish } = await setUp()
  const { stream, received, sizes } = await openStream(subscriber, { maxOutstandingMessages: 1000 })
  await publish(250)
  await vi.waitFor(() => expect(received).toHaveLength(250))
  expect(sizes).toEqual([100, 100, 50])
  stream.end()
})

test('a stream that asks for more than the engine gives to one gets what the engine gives', async () => {
  const { subscriber, publish, pull } = await setUp({ outstandingPerStreamMax: 2 })
  const { stream, received } = await openStream(subscriber, { maxOutstandingMessages: 1000 })
  await publish(30)
  await vi.waitFor(() => expect(received).toHaveLength(2))
  expect((await pull()).receivedMessages).toHaveLength(28)
  stream.end()
})

test('a stream is given no more once it holds as many bytes as it takes', async () => {
  const { subscriber, publish, pull } = await setUp()
  const { stream, received } = await openStream(subscriber, { maxOutstandingBytes: 5 })
  await publish(30)
  await vi.waitFor(() => expect(received).toHaveLength(5))
  expect((await pull()).receivedMessages).toHaveLength(25)
  stream.end()
})

test('two streams share what is published in one request, each message with one of them', async () => {
  const { subscriber, publish } = await setUp()
  const streams = [await openStream(subscriber), await openStream(subscriber)]
  await publish(100)
  await vi.waitFor(() => expect(streams.flatMap(({ received }) => received)).toHaveLength(100))
  expect(new Set(streams.flatMap(({ received }) => received.map(({ id }) => id))).size).toBe(100)
  for (const { received, stream } of streams) {
    expect(received.length).toBeGreaterThan(20)
    stream.end()
  }
})

test('deadlines change on the stream: 0 gives a message back', async () => {
  const { subscriber, publish } = await setUp()
  const { stream, received } = await openStream(subscriber)
  await publish(1)
  await vi.waitFor(() => expect(received).toHaveLength(1))
  stream.write({ modifyDeadlineAckIds: [received[0]?.ackId], modifyDeadlineSeconds: [0] })
  await vi.waitFor(() => expect(received).toHaveLength(2))
  expect(received[1]?.id).toBe(received[0]?.id)
  stream.end()
})

test('a keep-alive is answered', async () => {
  const { subscriber } = await setUp()
  const { stream, properties } = await openStream(subscriber)
  stream.write({})
  await vi.waitFor(() => expect(properties()).toBe(2))
  stream.end()
})

test.each([
  ['the subscription', { subscription: name }],
  ['flow control', { maxOutstandingMessages: 5 }],
  ['the protocol version', { protocolVersion: 1 }],
  ['deadlines in another number than ids', { modifyDeadlineAckIds: ['x'] }],
])('%s in a later request ends the stream', async (_, request) => {
  const { subscriber } = await setUp()
  const { stream } = await openStream(subscriber)
  const failed = new Promise((resolve) => stream.on('error', resolve))
  stream.write(request)
  expect(await failed).toMatchObject({ code: 3 })
})

test('the deadline of a stream changes for what is delivered from then on', async () => {
  const clock = new SteppedTime()
  const { client, engine } = await startBench(clock)
  const { topic } = await createPair(client)
  const { publisher, subscriber } = connectRaw(engine)
  const { stream, received, properties } = await openStream(subscriber)
  stream.write({ streamAckDeadlineSeconds: 600 })
  stream.write({})
  await vi.waitFor(() => expect(properties()).toBe(2))
  await publisher.publish({ topic: topic.name, messages: messages(1) })
  await vi.waitFor(() => expect(received).toHaveLength(1))
  const [taken] = received
  stream.end()
  clock.advance(599_000)
  const pull = async () =>
    (await subscriber.pull({ subscription: name, maxMessages: 1, returnImmediately: true }))[0].receivedMessages
  expect(await pull()).toEqual([])
  clock.advance(1200)
  expect((await pull())?.[0]?.message?.messageId).toBe(taken?.id)
})

test('a stream that the service ends is opened again by the client, which misses nothing', async () => {
  const clock = new SteppedTime()
  const { client } = await startBench(clock, { streamLifetimeMs: 60_000 })
  const { topic, subscription } = await createPair(client)
  const received = new Set<string>()
  let ended = 0
  subscription.on('message', (message) => {
    received.add(message.id)
    message.ack()
  })
  subscription.on('debug', ({ message }) => {
    if (message.includes('has ended with status 14')) ended++
  })
  await topic.publishMessage({ data: Buffer.from('before') })
  await vi.waitFor(() => expect(received.size).toBe(1))
  clock.advance(60_000)
  await vi.waitFor(() => expect(ended).toBeGreaterThan(0))
  await topic.publishMessage({ data: Buffer.from('after') })
  await vi.waitFor(() => expect(received.size).toBe(2), { timeout: 5000 })
  await subscription.close()
})

test('an open stream hears that its subscription delivers exactly once from now on', async () => {
  const { subscriber } = await setUp()
  const { stream, properties } = await openStream(subscriber)
  await subscriber.updateSubscription({
    subscription: { name, enableExactlyOnceDelivery: true },
    updateMask: { paths: ['enable_exactly_once_delivery'] },
  })
  await vi.waitFor(() => expect(properties()).toBe(2))
  stream.end()
})

test.each([
  ['a first request without a subscription', { subscription: '', streamAckDeadlineSeconds: 10 }, 3],
  ['a deadline below 10 s', { subscription: name, streamAckDeadlineSeconds: 5 }, 3],
  ['a subscription that does not exist', { subscription: `${name}-2`, streamAckDeadlineSeconds: 10 }, 5],
  ['an ack id that is none', { subscription: name, streamAckDeadlineSeconds: 10, ackIds: ['x'] }, 3],
])('%s ends the stream with a status', async (_, request, code) => {
  const { subscriber } = await setUp()
  const stream = subscriber.streamingPull()
  const failed = new Promise((resolve) => stream.on('error', resolve))
  stream.on('data', () => {})
  stream.write(request)
  expect(await failed).toMatchObject({ code })
})
