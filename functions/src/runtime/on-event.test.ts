import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Firestore } from '@google-cloud/firestore'
import { PubSub } from '@google-cloud/pubsub'
import { collections, deadLetterIdOf, messageBytesMax, type DeadLetterDocument } from '@infinity-matrix/contracts'
import { observationJson, reportJson } from '@infinity-matrix/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { each, onEvent, type DeliveredEvent } from './on-event.ts'
import { deliverTo, startLocalEngines, type LocalEngines } from './testing.ts'

let engines: LocalEngines
let firestore: Firestore
let pubsub: PubSub

beforeAll(async () => {
  engines = await startLocalEngines('demo-on-event')
  firestore = new Firestore()
  pubsub = new PubSub()
})
afterAll(async () => {
  await Promise.all([firestore.terminate(), pubsub.close()])
  await engines.close()
})

const handled: DeliveredEvent[] = []
let failure: Error | undefined
const onTestEvent = onEvent('fleet-onStateChange', {
  accepts: ({ type }) => type !== 'agent.heartbeat.v1',
  options: { maxInstances: 1, concurrency: 1 },
  handle: each(async (delivered) => {
    if (failure) throw failure
    handled.push(delivered)
  }),
})

const deliver = (message: Parameters<typeof deliverTo>[1]) => deliverTo(onTestEvent, message)
let count = 0
const messageOf = (data: string | Uint8Array, attributes: Record<string, string> = {}) => ({
  messageId: `m${++count}`,
  publishTime: new Date().toISOString(),
  data: Buffer.from(data).toString('base64'),
  attributes,
})
const letterOf = async (messageId: string, index = 0) =>
  (await firestore.collection(collections.deadLetters).doc(deadLetterIdOf(messageId, index)).get()).data() as
    | DeadLetterDocument
    | undefined
const event = () => ({ ...reportJson('agent.started.v1', 1, { kind: 'worker' }), time: new Date().toISOString() })

describe('a message', () => {
  it('with an event reaches the handler, dated by Pub/Sub', async () => {
    const message = messageOf(JSON.stringify(event()))
    await deliver(message)
    expect(handled.at(-1)).toMatchObject({
      publishedAt: message.publishTime,
      event: { agentId: 'agent-1', sequence: 1 },
    })
  })

  it.each([
    ['that is not UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'not-json', 'must be UTF-8'],
    ['that is no JSON', Buffer.from('hello'), 'not-json', 'must be JSON (RFC 8259)'],
    [
      'that is too large',
      Buffer.alloc(messageBytesMax + 1, ' '),
      'too-large',
      `must be at most ${messageBytesMax} bytes, and has ${messageBytesMax + 1}`,
    ],
    ['without data', Buffer.alloc(0), 'not-json', 'must be JSON (RFC 8259)'],
  ])('%s becomes a dead letter with its bytes', async (_what, bytes, code, rule) => {
    const message = messageOf(bytes, { __name__: 'kept too' })
    await deliver(message)
    const letter = await letterOf(message.messageId)
    expect(letter).toMatchObject({ code, rule, messageId: message.messageId })
    expect(letter?.attributes).toContainEqual({ name: '__name__', value: 'kept too' })
    expect(Buffer.from(letter?.original ?? []).equals(bytes)).toBe(true)
  })

  it('larger than a document is kept in parts that add up', async () => {
    const bytes = Buffer.alloc(2_000_000, 'abc')
    const message = messageOf(bytes)
    await deliver(message)
    expect(await letterOf(message.messageId)).toMatchObject({ original: null, partCount: 3 })
    const parts = await firestore
      .collection(collections.deadLetters)
      .doc(deadLetterIdOf(message.messageId, 0))
      .collection(collections.parts)
      .get()
    const whole = Buffer.concat(parts.docs.map((part) => Buffer.from(part.get('bytes') as Uint8Array)))
    expect(whole.equals(bytes)).toBe(true)
  })

  it('with all attributes that Pub/Sub allows can still be announced as a dead letter', async () => {
    const attributes = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`a${index}`, 'x'.repeat(1024)]))
    const message = messageOf('no event', attributes)
    await deliver(message)
    expect((await letterOf(message.messageId))?.attributes).toHaveLength(100)
  })

  it('with an event of another topic names the topic', async () => {
    const heartbeat = {
      ...observationJson('agent.heartbeat.v1', { silenceBoundSeconds: 30 }),
      time: new Date().toISOString(),
    }
    const message = messageOf(JSON.stringify(heartbeat))
    await deliver(message)
    expect(await letterOf(message.messageId)).toMatchObject({
      code: 'wrong-topic',
      field: 'type',
      rule: 'agent.heartbeat.v1 does not belong on agent.state-changes',
    })
  })

  it('of which several events are refused, for different reasons, keeps each', async () => {
    const heartbeat = {
      ...observationJson('agent.heartbeat.v1', { silenceBoundSeconds: 30 }),
      time: new Date().toISOString(),
    }
    const message = messageOf(JSON.stringify({ events: [{ nonsense: 1 }, heartbeat, event(), { nonsense: 2 }] }))
    await deliver(message)
    const kept = await firestore.collection(collections.deadLetters).where('messageId', '==', message.messageId).get()
    const reasons = kept.docs.map((letter) => `${letter.id.split('-')[1]} ${letter.get('code') as string}`)
    expect(reasons).toEqual(['0 bad-envelope', '1 wrong-topic', '3 bad-envelope'])
    expect(handled.at(-1)?.event.type).toBe('agent.started.v1')
  })

  it('delivered twice is one dead letter', async () => {
    const message = messageOf('twice')
    await deliver(message)
    await deliver(message)
    const kept = await firestore.collection(collections.deadLetters).where('messageId', '==', message.messageId).get()
    expect(kept.size).toBe(1)
  })
})

describe('a handler that fails', () => {
  const failWith = async (code: number, message: Parameters<typeof deliverTo>[1]) => {
    failure = Object.assign(new Error(`status ${code}`), { code })
    try {
      return await deliver(message)
    } finally {
      failure = undefined
    }
  }

  it('for a passing reason has the message delivered again', async () => {
    const message = messageOf(JSON.stringify(event()))
    await expect(failWith(14, message)).rejects.toThrow('1 of 1 events failed: status 14')
    expect(await letterOf(message.messageId)).toBeUndefined()
  })

  it('for good has the event set aside', async () => {
    const message = messageOf(JSON.stringify(event()))
    await failWith(3, message)
    expect(await letterOf(message.messageId)).toMatchObject({ code: 'not-storable', rule: 'status 3' })
  })
})

const data = resolve(import.meta.dirname, '../../../../shared/data')
const recorded = existsSync(data) ? '' : ` (skipped: ${data} is absent, it is not part of the repository)`

describe(`bodies as Google Cloud sends them${recorded}`, () => {
  const jsonOf = (folder: string, isWanted: (name: string) => boolean) =>
    readdirSync(join(data, folder))
      .filter((name) => name.endsWith('.json') && isWanted(name))
      .map((name) => ({ name, body: JSON.parse(readFileSync(join(data, folder, name), 'utf8')) as unknown }))

  it.skipIf(recorded)('parse, and what they carry is judged', async () => {
    const conformance = jsonOf('functions-framework-conformance/events/generate/data', (name) =>
      /pubsub.*-cloudevent-(?:in|out)put/.test(name),
    )
    const bodies = [
      ...jsonOf('google-cloudevents/testdata/google/events/cloud/pubsub/v1', () => true),
      ...conformance.map(({ name, body }) => ({ name, body: (body as { data: unknown }).data })),
    ]
    expect(bodies.length).toBeGreaterThanOrEqual(9)
    for (const { name, body } of bodies) {
      const { message } = body as { message: { publishTime: string; data?: string } }
      const messageId = `${name}-${++count}`
      await deliver({ data: '', ...message, messageId })
      const letter = await letterOf(messageId)
      expect(Buffer.from(letter?.original ?? []).toString('base64'), name).toBe(message.data ?? '')
      expect(letter, name).toMatchObject({ code: 'not-json' })
    }
  })
})
