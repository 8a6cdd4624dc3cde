import { expect, test } from 'vitest'
import { createPair, receive, startBench } from './testing.ts'

test('a published message reaches a subscriber with its data, attributes, id and time', async () => {
  const { client } = await startBench()
  const { topic, subscription } = await createPair(client)
  const id = await topic.publishMessage({ data: Buffer.from('hello'), attributes: { kind: 'greeting' } })
  const [message] = await receive(subscription, 1, (received) => received.ack())
  expect(message?.data.toString()).toBe('hello')
  expect(message?.attributes).toEqual({ kind: 'greeting' })
  expect(message?.id).toBe(id)
  expect(message?.publishTime.getTime()).toBeGreaterThan(Date.UTC(2020, 0, 1))
  await subscription.close()
})
