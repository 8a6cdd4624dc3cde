import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createPair, startBench, type Message } from './testing.ts'

// Google's own fixture: 10,000 messages and, for each ordering key, the sequence they must arrive in.
const file = join(import.meta.dirname, '../../../../../shared/data/pubsub-ordered/ordered-messages.json')

interface Fixture {
  input: { key: string; message: string }[]
  expected: { key: string; messages: string[] }[]
}

test.skipIf(!existsSync(file))(
  'the recorded messages arrive in the expected order per key (needs ../shared/data)',
  async () => {
    const { input, expected } = JSON.parse(readFileSync(file, 'utf8')) as Fixture
    const { client } = await startBench()
    const { subscription } = await createPair(client, { enableMessageOrdering: true })
    const topic = client.topic('events', { messageOrdering: true })
    const arrived = new Map<string, string[]>()
    let count = 0
    const { promise, resolve } = Promise.withResolvers<void>()
    subscription.on('message', (message: Message) => {
      const key = message.orderingKey ?? ''
      arrived.set(key, [...(arrived.get(key) ?? []), message.data.toString()])
      message.ack()
      if (++count === input.length) resolve()
    })
    await Promise.all(
      input.map(({ key, message }) =>
        topic.publishMessage({ data: Buffer.from(message), ...(key && { orderingKey: key }) }),
      ),
    )
    await promise
    const inOrder = expected.filter(({ key }) => key !== '')
    expect(inOrder.length).toBeGreaterThan(1990)
    for (const { key, messages } of inOrder) expect(arrived.get(key)).toEqual(messages)
    const unordered = expected.find(({ key }) => key === '')
    expect(arrived.get('')?.toSorted()).toEqual(unordered?.messages.toSorted())
  },
  30_000,
)

test.skipIf(!existsSync(file))(
  'given back at random, messages come again with those after them, and none overtakes (needs ../shared/data)',
  async () => {
    const { input, expected } = JSON.parse(readFileSync(file, 'utf8')) as Fixture
    const { client } = await startBench()
    const { subscription } = await createPair(client, { enableMessageOrdering: true })
    const topic = client.topic('events', { messageOrdering: true })
    const places = new Map(
      expected.map(({ key, messages }) => [key, new Map(messages.map((text, index) => [text, index]))]),
    )
    const last = new Map<string, number>()
    const overtaken: string[] = []
    const givenBack = new Set<string>()
    const open = new Set(input.map(({ message }) => message))
    const { promise, resolve } = Promise.withResolvers<void>()
    const random = seeded(7)
    subscription.on('message', (message: Message) => {
      const key = message.orderingKey ?? ''
      const text = message.data.toString()
      const place = places.get(key)?.get(text) ?? -1
      if (key !== '' && place > (last.get(key) ?? -1) + 1) overtaken.push(text)
      last.set(key, place)
      if (!givenBack.has(text) && random() < 0.01) {
        givenBack.add(text)
        message.nack()
        return
      }
      message.ack()
      open.delete(text)
      if (open.size === 0) resolve()
    })
    await Promise.all(
      input.map(({ key, message }) =>
        topic.publishMessage({ data: Buffer.from(message), ...(key && { orderingKey: key }) }),
      ),
    )
    await promise
    expect(overtaken).toEqual([])
    expect(givenBack.size).toBeGreaterThan(60)
  },
  30_000,
)

/** The same numbers from 0 to 1 each time (mulberry32). */
const seeded = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
