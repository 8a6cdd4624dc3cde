import { Firestore } from '@google-cloud/firestore'
import { PubSub, type Message } from '@google-cloud/pubsub'
import {
  AgentDocument,
  AgentId,
  collections,
  deadLetterTopic,
  IngestAnswer,
  ingestBytesMax,
  ingestEventsMax,
  ingestPath,
  IngestProblem,
  messageBytesMax,
  ProblemDetails,
  topics,
} from '@infinity-matrix/contracts'
import type { Verdict } from '@infinity-matrix/core/fleet'
import { observationJson, reportJson, waitFor } from '@infinity-matrix/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { context } from '../runtime/context.ts'
import { createAgentTokens } from '../runtime/http/agent-tokens.ts'
import { serveFunction, startLocalEngines, openApp, signedIn } from '../runtime/testing.ts'
import { ingest } from './ingest.ts'
import { createIntake } from './intake.ts'

const closing: (() => Promise<unknown>)[] = []
const published: { topic: string; text: string }[] = []
let firestore: Firestore
let pubsub: PubSub
let url = ''

const listenTo = async (name: string) => {
  const [topic] = await pubsub.createTopic(name)
  const [subscription] = await topic.createSubscription(`heard-${name}`)
  subscription.on('message', (message: Message) => {
    published.push({ topic: name, text: message.data.toString('utf8') })
    message.ack()
  })
  closing.unshift(() => subscription.close())
}

beforeAll(async () => {
  const engines = await startLocalEngines('demo-ingest')
  firestore = new Firestore()
  pubsub = new PubSub()
  const server = await serveFunction('ingest', ingest)
  url = server.origin + ingestPath
  closing.push(
    server.close,
    () => firestore.terminate(),
    () => pubsub.close(),
    engines.close,
  )
  await listenTo(topics.stateChanges.name)
  await listenTo(topics.healthChecks.name)
  await listenTo(deadLetterTopic(topics.stateChanges.name))
})
afterAll(async () => {
  for (const close of closing) await close()
})

let agents = 0
const newAgentId = () => `agent-${++agents}`
const started = (agentId: string) =>
  reportJson('agent.started.v1', 1, { kind: 'worker' }, { agentId, timeMs: Date.now() })
const stepped = (agentId: string, sequence: number) =>
  reportJson('agent.step-taken.v1', sequence, { step: 'acted' }, { agentId, timeMs: Date.now() })
const heartbeat = (agentId: string) =>
  observationJson('agent.heartbeat.v1', { silenceBoundSeconds: 30 }, { agentId, timeMs: Date.now() })

const post = (body: string | object, contentType = 'application/json', headers: Record<string, string> = {}) =>
  fetch(url, {
    method: 'POST',
    headers: { ...signedIn(), 'content-type': contentType, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
const answerOf = async (response: Response) => IngestAnswer.parse(await response.json())
const lines = (...events: unknown[]) => events.map((event) => `${JSON.stringify(event)}\n`).join('')

/** The events that were published about an agent, in the order of their messages. */
const publishedOf = (agentId: string) => {
  const taken = published.filter(({ topic }) => !topic.endsWith('.dead'))
  const events = taken.flatMap(({ text }) =>
    text.split('\n').map((line) => JSON.parse(line) as { subject: string; id: string }),
  )
  return events.filter(({ subject }) => subject === `agents/${agentId}`)
}
const whenPublished = (agentId: string, count: number) =>
  waitFor(`${count} events of ${agentId}`, () => {
    const events = publishedOf(agentId)
    return events.length >= count ? events : undefined
  })
const lettersAbout = async (agentId: string) =>
  (await firestore.collection(collections.deadLetters).where('subject', '==', `agents/${agentId}`).get()).docs

describe('events are taken', () => {
  it.each<[string, string, (...events: object[]) => string]>([
    ['a batch', 'application/json', (...events) => JSON.stringify({ events })],
    ['a list', 'application/json; charset=utf-8', (...events) => JSON.stringify(events)],
    ["CloudEvents' batch", 'application/cloudevents-batch+json', (...events) => JSON.stringify(events)],
    ['lines', 'application/x-ndjson', (...events) => `\n${lines(...events)}\r\n`],
  ])('as %s', async (_what, contentType, bodyOf) => {
    const agentId = newAgentId()
    const events = [started(agentId), stepped(agentId, 2), heartbeat(agentId)]
    const response = await post(bodyOf(...events), contentType)
    expect(response.status).toBe(202)
    const results = events.map(({ id }) => ({ status: 'accepted', id }))
    expect(await answerOf(response)).toEqual({ accepted: 3, refused: 0, results })
    expect(new Set(await whenPublished(agentId, 3))).toEqual(new Set(events))
  })

  it.each(['application/json', 'application/cloudevents+json'])('as one event, %s', async (contentType) => {
    const event = started(newAgentId())
    const response = await post(event, contentType)
    expect(await answerOf(response)).toMatchObject({ accepted: 1, results: [{ id: event.id }] })
    expect(response.status).toBe(202)
  })

  it('reports and heartbeats go to the topic of their kind, those of one request together', async () => {
    const agentId = newAgentId()
    await post({ events: [started(agentId), heartbeat(agentId), stepped(agentId, 2)] })
    await whenPublished(agentId, 3)
    const messages = published.filter(({ text }) => text.includes(`agents/${agentId}"`))
    expect(messages.map(({ topic }) => topic).toSorted()).toEqual([topics.stateChanges.name, topics.healthChecks.name])
  })

  it('no message is larger than a function may be given', async () => {
    const agentId = newAgentId()
    const tail = 'ü'.repeat(4000)
    const events = [
      started(agentId),
      ...Array.from({ length: 120 }, (_, index) =>
        reportJson(
          'agent.finished.v2',
          index + 2,
          { outcome: 'failure', logTail: tail },
          { agentId, timeMs: Date.now() },
        ),
      ),
    ]
    expect((await post({ events })).status).toBe(202)
    expect(await whenPublished(agentId, 121)).toEqual(events)
    const sizes = published.filter(({ text }) => text.includes(agentId)).map(({ text }) => Buffer.byteLength(text))
    expect(sizes).toHaveLength(2)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(messageBytesMax)
  })
})

describe('events are refused', () => {
  it('with field, rule and line, beside those that are taken, and are kept once however often they are sent', async () => {
    const agentId = newAgentId()
    const good = started(agentId)
    const bad = { ...stepped(agentId, 2), tier: 'gold' }
    const foreign = observationJson(
      'agent.heard-again.v1',
      { heardAt: new Date().toISOString() },
      { agentId, timeMs: Date.now() },
    )
    const body = `${lines(good, bad)}{"subject":"agents/${agentId}",\n${lines(foreign)}`
    for (const attempt of ['first', 'again']) {
      const response = await post(body, 'application/x-ndjson')
      expect([attempt, response.status]).toEqual([attempt, 202])
      const tier = { code: 'bad-envelope', field: 'tier', rule: 'must be one of elite, mastery, standard' }
      const type = {
        code: 'wrong-topic',
        field: 'type',
        rule: 'agent.heard-again.v1 is for the control plane alone to say',
      }
      expect(await answerOf(response)).toEqual({
        accepted: 1,
        refused: 3,
        results: [
          { status: 'accepted', id: good.id },
          { status: 'refused', line: 2, problem: tier },
          { status: 'refused', line: 3, problem: { code: 'not-json', field: '', rule: 'must be JSON (RFC 8259)' } },
          { status: 'refused', line: 4, problem: type },
        ],
      })
    }
    const letters = await lettersAbout(agentId)
    expect(letters.map((letter) => letter.get('code') as string).toSorted()).toEqual(['bad-envelope', 'wrong-topic'])
    const originals = letters.map((letter) => Buffer.from(letter.get('original') as Uint8Array).toString())
    expect(originals).toContain(JSON.stringify(bad))
  })

  it('as a problem, when none is taken', async () => {
    const agentId = newAgentId()
    const response = await post([{ ...started(agentId), tier: 'gold' }, {}])
    expect(response.status).toBe(422)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(IngestProblem.parse(await response.json())).toMatchObject({
      title: 'Unprocessable Entity',
      errors: [
        { event: 0, field: 'tier', rule: 'must be one of elite, mastery, standard' },
        { event: 1, field: 'specversion', rule: 'must be "1.0"' },
      ],
      results: [{ status: 'refused' }, { status: 'refused' }],
    })
  })

  it.each<[string, string | Uint8Array<ArrayBuffer>, string, string]>([
    ['no JSON', '{"specversion": ', 'application/json', 'must be JSON (RFC 8259)'],
    ['no JSON of CloudEvents', '<b>', 'application/cloudevents+json', 'must be JSON (RFC 8259)'],
    ['not UTF-8', new Uint8Array([0x22, 0xff, 0x22]), 'application/x-ndjson', 'must be UTF-8'],
    ['an empty batch', '{"events":[]}', 'application/json', 'must be a list of at least one event'],
    ['no list', '{"events":7}', 'application/json', 'must be a list of at least one event'],
    ['no line', '\n \n', 'application/x-ndjson', 'must hold at least one event'],
  ])('as a whole, when the body is %s, and it is kept', async (_what, body, contentType, rule) => {
    const response = await fetch(url, { method: 'POST', body, headers: { ...signedIn(), 'content-type': contentType } })
    expect(ProblemDetails.parse(await response.json())).toMatchObject({ status: 400, errors: [{ rule }] })
    const kept = await firestore.collection(collections.deadLetters).where('rule', '==', rule).get()
    const originals = kept.docs.map((letter) => Buffer.from(letter.get('original') as Uint8Array))
    expect(originals.some((original) => original.equals(Buffer.from(body)))).toBe(true)
  })

  it.each([
    ['the size of a body', ' '.repeat(ingestBytesMax + 1), ingestBytesMax],
    ['the number of events', '{}\n'.repeat(ingestEventsMax + 1), ingestEventsMax],
  ])('by a limit on %s that tells itself and what it met', async (_what, body, limit) => {
    const response = await post(body, 'application/x-ndjson')
    expect(ProblemDetails.parse(await response.json())).toMatchObject({ status: 413, limit, value: limit + 1 })
  })

  it('when one is larger than a message may be', async () => {
    const agentId = newAgentId()
    const response = await post([{ ...started(agentId), extra: 'x'.repeat(messageBytesMax) }, started(agentId)])
    expect(await answerOf(response)).toMatchObject({ accepted: 1, results: [{ problem: { code: 'too-large' } }, {}] })
  })
})

describe('an agent', () => {
  const as = async (agentId: string) => {
    const agent = { tenant: 'acme', agentId: AgentId.parse(agentId) }
    return { authorization: `Bearer ${await createAgentTokens(await context()).issue(agent, 'key')}` }
  }

  it('sends what is its own', async () => {
    const agentId = newAgentId()
    const response = await post([started(agentId), heartbeat(agentId)], 'application/json', await as(agentId))
    expect(await answerOf(response)).toMatchObject({ accepted: 2, refused: 0 })
    expect(await whenPublished(agentId, 2)).toHaveLength(2)
  })

  it.each<[string, (own: string, other: string) => object[]]>([
    ['of another agent', (_, other) => [started(other)]],
    ['of another agent among its own', (own, other) => [started(own), stepped(other, 2)]],
    ['of itself in another tenant', (own) => [started(own), { ...stepped(own, 2), tenant: 'other' }]],
    ['of another agent that cannot be accepted', (own, other) => [started(own), { ...started(other), tier: 'gold' }]],
    ['of nobody', (own) => [started(own), { ...stepped(own, 2), subject: undefined }]],
  ])('sends nothing %s: all of the request is refused, and nothing of it kept', async (_what, eventsOf) => {
    const [own, other] = [newAgentId(), newAgentId()]
    const response = await post(eventsOf(own, other), 'application/json', await as(own))
    expect(response.status).toBe(403)
    const after = await post(started(own), 'application/json', await as(own))
    expect(after.status).toBe(202)
    expect(await whenPublished(own, 1)).toHaveLength(1)
    expect([publishedOf(other), await lettersAbout(other), await lettersAbout(own)]).toEqual([[], [], []])
  })
})

it('nobody has what cannot be read kept as a letter of another tenant', async () => {
  const agentId = newAgentId()
  const deep = `{"tenant":"acme","subject":"agents/${agentId}","data":${'['.repeat(40)}${']'.repeat(40)}}`
  const sender = signedIn({ roles: { other: 'editor' } })
  expect((await post(deep, 'application/json', sender)).status).toBe(403)
  expect(await lettersAbout(agentId)).toEqual([])
  expect((await post(deep, 'application/json', signedIn({ roles: { acme: 'editor' } }))).status).toBe(400)
  expect(await lettersAbout(agentId)).toHaveLength(1)
})

describe('a client that prefers to wait', () => {
  const wait = { prefer: 'respond-async, wait=10' }

  it('is answered when its reports are in state, with the verdict of each', async () => {
    const agentId = newAgentId()
    const events = [started(agentId), stepped(agentId, 2), stepped(agentId, 4), stepped(agentId, 2)]
    const response = await post(events, 'application/json', wait)
    expect(response.status).toBe(200)
    expect(response.headers.get('preference-applied')).toBe('wait=10')
    const verdicts = ['applied', 'applied', 'parked', 'duplicate']
    expect(await answerOf(response)).toMatchObject({ results: verdicts.map((verdict) => ({ verdict })) })
    const stored = await firestore.collection(collections.agents).doc(agentId).get()
    expect(AgentDocument.parse(stored.data())).toMatchObject({ lastSequence: 2, version: 1 })
    await whenPublished(agentId, 4)
    const again = await answerOf(await post(events, 'application/json', wait))
    expect(again.results).toEqual(events.map(({ id }) => ({ status: 'accepted', id, verdict: 'duplicate' })))
  })

  it('is not told that a heartbeat is in state', async () => {
    const agentId = newAgentId()
    const response = await post([started(agentId), heartbeat(agentId)], 'application/json', wait)
    expect([response.status, (await answerOf(response)).results]).toMatchObject([202, [{ verdict: 'applied' }, {}]])
  })
})

describe('an instance', () => {
  const intake = async (options: { fold: () => Promise<Verdict>; eventsUnderWayMax?: number }) => {
    const app = await openApp((routes, shared) => {
      const take = createIntake({ context: shared, ...options })
      routes.post(ingestPath, (request) => take(request))
    })
    return (events: object[], waitSeconds: number) =>
      app.request(ingestPath, {
        method: 'POST',
        headers: { 'content-type': 'application/json', prefer: `wait=${waitSeconds}` },
        body: JSON.stringify(events),
      })
  }

  it('whose fold fails accepts what it has published', async () => {
    const send = await intake({ fold: () => Promise.reject(new Error('the window is full')) })
    const event = started(newAgentId())
    const response = await send([event], 5)
    expect([response.status, await response.json()]).toMatchObject([
      202,
      { accepted: 1, results: [{ status: 'accepted', id: event.id }] },
    ])
  })

  it('answers when the client has waited as long as it likes to', async () => {
    const send = await intake({ fold: () => new Promise(() => {}) })
    expect((await send([started(newAgentId())], 1)).status).toBe(202)
  })

  it('that has its hands full says when to come again, and takes more when it is done', async () => {
    const folding: ((verdict: Verdict) => void)[] = []
    const fold = () => new Promise<Verdict>((resolve) => folding.push(resolve))
    const send = await intake({ fold, eventsUnderWayMax: 2 })
    const events = () => [started(newAgentId()), started(newAgentId())]
    const first = send(events(), 30)
    await waitFor('both to be folded', () => (folding.length === 2 ? true : undefined))
    const refused = await send(events(), 30)
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
    for (const settle of folding.splice(0)) settle('applied')
    expect((await first).status).toBe(200)
    const second = send(events(), 30)
    await waitFor('both to be folded', () => (folding.length === 2 ? true : undefined))
    for (const settle of folding) settle('applied')
    expect((await second).status).toBe(200)
  })
})
