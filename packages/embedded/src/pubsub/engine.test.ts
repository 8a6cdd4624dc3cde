import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { SteppedTime } from '../clock/time-source.ts'
import { createPair, publishNumbers, receive, startBench, type Message } from './testing.ts'

const inOrder = (a = '', b = ''): number => a.localeCompare(b)
const textOf = (message: Message | undefined): string | undefined => message?.data.toString()

test('a published message reaches a subscriber with its data, attributes, id and time', async () => {
  const { client } = await startBench()
  const { topic, subscription } = await createPair(client)
  const id = await topic.publishMessage({ data: Buffer.from('hello'), attributes: { kind: 'greeting' } })
  const [message] = await receive(subscription, 1, (received) => received.ack())
  expect(textOf(message)).toBe('hello')
  expect(message?.attributes).toEqual({ kind: 'greeting' })
  expect(message?.id).toBe(id)
  expect(message?.publishTime.getTime()).toBeGreaterThan(Date.UTC(2020, 0, 1))
})

test('every subscription of a topic gets every message; one made later gets what comes later', async () => {
  const { client } = await startBench()
  const { topic, subscription } = await createPair(client)
  const [second] = await topic.createSubscription('second')
  await topic.publishMessage({ data: Buffer.from('early') })
  const [late] = await topic.createSubscription('late')
  await topic.publishMessage({ data: Buffer.from('late') })
  const all = await Promise.all([receive(subscription, 2), receive(second, 2), receive(late, 1)])
  expect(all.map((messages) => messages.map(textOf).toSorted(inOrder))).toEqual([
    ['early', 'late'],
    ['early', 'late'],
    ['late'],
  ])
})

test('a message given back comes again', async () => {
  const { client } = await startBench()
  const { topic, subscription } = await createPair(client)
  const id = await topic.publishMessage({ data: Buffer.from('x') })
  let attempts = 0
  const messages = await receive(subscription, 3, (message) => (++attempts < 3 ? message.nack() : message.ack()))
  expect(messages.map((message) => message.id)).toEqual([id, id, id])
})

test('what a consumer held when its process was killed goes to another once the deadline has passed', async () => {
  const clock = new SteppedTime()
  const { engine, client } = await startBench(clock)
  const { topic } = await createPair(client, { ackDeadlineSeconds: 10 })
  await publishNumbers(topic, 20)
  const consumer = fork(join(import.meta.dirname, '../../test/silent-consumer.ts'), [
    `${engine.host}:${engine.port}`,
    'worker',
  ])
  const held = new Set<unknown>()
  await new Promise<void>((resolve) => consumer.on('message', (id) => held.add(id).size === 20 && resolve()))
  consumer.kill('SIGKILL')
  await once(consumer, 'exit')

  const stepping = setInterval(() => clock.advance(61_000), 50)
  const messages = await receive(client.subscription('worker'), 20, (message) => message.ack())
  clearInterval(stepping)
  expect(new Set(messages.map((message) => message.id))).toEqual(held)
})

test('a filter lets only matching messages in', async () => {
  const { client } = await startBench()
  const { topic, subscription } = await createPair(client, { filter: 'attributes.tier = "1"' })
  await topic.publishMessage({ data: Buffer.from('no'), attributes: { tier: '2' } })
  await topic.publishMessage({ data: Buffer.from('yes'), attributes: { tier: '1' } })
  expect((await receive(subscription, 1)).map(textOf)).toEqual(['yes'])
})

test('a message that fails as often as its policy allows ends in the dead-letter topic with its history', async () => {
  const { client } = await startBench()
  const [dead] = await client.createTopic('dead-letters')
  const [morgue] = await dead.createSubscription('morgue')
  const { topic, subscription } = await createPair(client, {
    deadLetterPolicy: { deadLetterTopic: dead.name, maxDeliveryAttempts: 5 },
  })
  await topic.publishMessage({ data: Buffer.from('poison'), attributes: { a: 'b' } })
  const attempts: number[] = []
  subscription.on('message', (message: Message) => {
    attempts.push(message.deliveryAttempt)
    message.nack()
  })
  const [letter] = await receive(morgue, 1, (message) => message.ack())
  expect(textOf(letter)).toBe('poison')
  expect(letter?.attributes).toMatchObject({
    a: 'b',
    CloudPubSubDeadLetterSourceDeliveryCount: '5',
    CloudPubSubDeadLetterSourceSubscription: 'worker',
    CloudPubSubDeadLetterSourceSubscriptionProject: 'demo-test',
  })
  expect(attempts).toEqual([1, 2, 3, 4, 5])
})

test('a stream ends with NOT_FOUND when its subscription is deleted', async () => {
  const { client } = await startBench()
  const { subscription } = await createPair(client)
  const failed = new Promise<Error & { code: number }>((resolve) => subscription.on('error', resolve))
  subscription.on('message', () => {})
  await client.subscription('worker').delete()
  expect(await failed).toMatchObject({ code: 5 })
})

test('a subscription outlives its topic, with what it held', async () => {
  const { client } = await startBench()
  const { topic, subscription } = await createPair(client)
  await topic.publishMessage({ data: Buffer.from('left behind') })
  await topic.delete()
  expect((await subscription.getMetadata())[0].topic).toBe('_deleted-topic_')
  expect((await receive(subscription, 1)).map(textOf)).toEqual(['left behind'])
})
