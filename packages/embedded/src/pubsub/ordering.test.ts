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
