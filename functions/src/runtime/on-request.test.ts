import { get, type IncomingMessage } from 'node:http'
import { collections, ProblemDetails } from '@infinity-matrix/contracts'
import { newKeyRange } from '@infinity-matrix/core/ramp'
import { testNowMs } from '@infinity-matrix/testing'
import { onRequest as onRequestOfSdk } from 'firebase-functions/https'
import type { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { context } from './context.ts'
import { RangeFullError } from './governor.ts'
import { authorise } from './http/authorise.ts'
import { onRequest } from './on-request.ts'
import { RequestProblem } from './problem.ts'
import { readJson, readQuery } from './request-body.ts'
import { serveFunction, signedIn, startLocalEngines, type LocalEngines } from './testing.ts'

const Colour = z.object({ name: z.enum(['red', 'blue'], { error: 'must be red or blue' }) })
const Traced = z.object({ trace: z.string().nullable() })
const limits = { mediaTypes: ['application/json', 'text/plain'], bytesMax: 100 }
const options = { maxInstances: 2, concurrency: 10, memory: '256MiB', timeoutSeconds: 30 } as const

const rows = {
  ...Object.fromEntries(
    ['POST /colours', 'GET /colours', 'GET /limited', 'GET /away', 'GET /full', 'GET /broken'].map(
      (route) => [route, { callers: 'anyone' }] as const,
    ),
  ),
  'POST /palettes': { callers: ['editor', 'admin'], scope: null, tenant: 'checked' },
} as const

const serve = (app: Hono) => {
  app.post('/colours', (request) => readJson(request, Colour, limits).then((colour) => request.json(colour)))
  app.get('/colours', (request) => request.json(readQuery(request, Colour)))
  app.post('/palettes', (request) => {
    authorise(request, { tenant: 'acme' })
    return request.json({})
  })
  app.get('/limited', () => {
    throw new RequestProblem(429, { limit: 5, value: 6, resetAt: '2026-01-01T00:00:00.000Z' }, { 'retry-after': '7' })
  })
  app.get('/away', () => {
    throw Object.assign(new Error('14 UNAVAILABLE: at 10.0.0.7'), { code: 14 })
  })
  app.get('/full', () => {
    const range = { ...newKeyRange(testNowMs), shares: {} }
    const share = { perSecond: 0, wantedPerSecond: 9, untilMs: testNowMs }
    throw new RangeFullError('agents', { range, share, changeableAtMs: 0, isFair: true }, testNowMs, testNowMs + 2500)
  })
  app.get('/broken', () => {
    throw new Error('a secret')
  })
}
const served = onRequest('fleet-api', options, serve, { rows })

let engines: LocalEngines
let server: Awaited<ReturnType<typeof serveFunction>>
let origin = ''

beforeAll(async () => {
  engines = await startLocalEngines('demo-on-request')
  server = await serveFunction('served', served)
  origin = server.origin
})
afterAll(async () => {
  await server.close()
  const { firestore, pubsub } = await context()
  await Promise.all([firestore.terminate(), pubsub.close()])
  await engines.close()
})

const post = (
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = { 'content-type': 'application/json' },
) => fetch(`${origin}/colours`, { method: 'POST', headers, body })

/** Every error has this form, whoever made it. */
const problemOf = async (response: Response): Promise<ProblemDetails> => {
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  expect(response.headers.get('x-content-type-options')).toBe('nosniff')
  const text = await response.text()
  expect(text).not.toMatch(/node_modules|at .*:\d+:\d+|secret|10\.0\.0\.7/)
  const problem = ProblemDetails.parse(JSON.parse(text))
  expect(problem.status).toBe(response.status)
  return problem
}

describe('under the functions framework', () => {
  // First, because the framework's app must be ready for it before any function is called.
  it.each([
    ['application/json', 'must be JSON (RFC 8259)'],
    ['text/plain', 'must be JSON (RFC 8259)'],
  ])('a body that is no JSON, as %s, is a problem of the function', async (contentType, rule) => {
    const problem = await problemOf(await post('{"name": <b>', { 'content-type': contentType }))
    expect(problem).toMatchObject({ status: 400, title: 'Bad Request', errors: [{ field: '', rule }] })
  })

  it('routes answer', async () => {
    const response = await post('{"name":"red"}')
    expect([response.status, await response.json()]).toEqual([200, { name: 'red' }])
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    expect(await (await fetch(`${origin}/colours?name=blue`)).json()).toEqual({ name: 'blue' })
  })

  it('fields that break a rule are named', async () => {
    const errors = [{ field: 'name', rule: 'must be red or blue' }]
    expect(await problemOf(await post('{"name":"green"}'))).toMatchObject({ status: 422, errors })
    expect(await problemOf(await fetch(`${origin}/colours`))).toMatchObject({ status: 400, errors })
  })

  it('a body that is too large tells the limit and its own size', async () => {
    const body = JSON.stringify({ name: 'x'.repeat(100) })
    expect(await problemOf(await post(body))).toMatchObject({ status: 413, limit: 100, value: body.length })
  })

  it('a body that is not UTF-8 is refused', async () => {
    const bytes = new Uint8Array([0x22, 0xff, 0x22])
    const problem = await problemOf(await post(bytes, { 'content-type': 'text/plain' }))
    expect(problem).toMatchObject({ status: 400, errors: [{ field: '', rule: 'must be UTF-8' }] })
  })

  it.each<[string, string, RequestInit, number, Partial<ProblemDetails>]>([
    ['an unknown path', '/nowhere', {}, 404, { title: 'Not Found' }],
    ['a body of another type', '/colours', { method: 'POST', body: new URLSearchParams('name=red') }, 415, {}],
    ['no body', '/colours', { method: 'POST' }, 415, {}],
    [
      'an unknown charset',
      '/colours',
      { method: 'POST', body: '{}', headers: { 'content-type': 'application/json; charset=latin1' } },
      415,
      {},
    ],
    [
      'an unknown content encoding',
      '/colours',
      { method: 'POST', body: '{}', headers: { 'content-type': 'application/json', 'content-encoding': 'lzma' } },
      415,
      { detail: 'The content encoding of the body is not supported.' },
    ],
    [
      'a body that is not compressed as it says',
      '/colours',
      { method: 'POST', body: '{}', headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' } },
      400,
      { detail: 'The body cannot be read.' },
    ],
    ['a failure of the route', '/broken', {}, 500, { title: 'Internal Server Error' }],
  ])('%s is a problem', async (_what, path, init, status, wanted) => {
    expect(await problemOf(await fetch(origin + path, init))).toMatchObject({ status, ...wanted })
  })

  it.each([
    ['somebody', () => signedIn({ uid: 'ada' }), 400, { kind: 'person', id: 'ada' }],
    ['nobody', () => ({}), 401, { kind: 'anonymous', id: 'anonymous' }],
  ])('a body that cannot be read is recorded as a call of %s', async (_who, headers, status, actor) => {
    const encoding = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
    const init = { method: 'POST', body: '{}', headers: { ...encoding, ...headers() } }
    const response = await fetch(`${origin}/palettes`, init)
    expect((await problemOf(response)).status).toBe(status)
    const trace = response.headers.get('x-request-id')
    const { firestore } = await context()
    const { docs } = await firestore.collection(collections.ledgerIntake).get()
    const entries = docs.flatMap((intake) => z.array(z.string()).parse(intake.get('entries')))
    const [entry] = entries.map((text): unknown => JSON.parse(text)).filter((one) => Traced.parse(one).trace === trace)
    expect(entry).toMatchObject({ actor, subject: '/palettes', details: { route: 'POST /palettes', status } })
  })

  it('a URL that is none is a problem', async () => {
    // fetch would put it right.
    const answer = await new Promise<IncomingMessage>((resolve) => get(origin, { path: '/col\\ours' }, resolve))
    const body = Buffer.concat(await answer.toArray()).toString()
    const headers = new Headers(
      ['content-type', 'x-content-type-options'].map((name) => [name, String(answer.headers[name])]),
    )
    const status = answer.statusCode ?? 0
    expect((await problemOf(new Response(body, { status, headers }))).status).toBe(400)
  })

  it('a method that a path does not have is told which it has', async () => {
    const response = await fetch(`${origin}/colours`, { method: 'DELETE' })
    expect(response.headers.get('allow')?.split(', ').toSorted()).toEqual(['GET', 'HEAD', 'POST'])
    expect((await problemOf(response)).status).toBe(405)
  })

  it('a limit that is passed tells when to come again', async () => {
    const response = await fetch(`${origin}/limited`)
    expect(response.headers.get('retry-after')).toBe('7')
    expect(await problemOf(response)).toEqual({
      type: 'about:blank',
      title: 'Too Many Requests',
      status: 429,
      limit: 5,
      value: 6,
      resetAt: '2026-01-01T00:00:00.000Z',
    })
  })

  it('a range of keys that takes no more is told with its limit, and when it will', async () => {
    const response = await fetch(`${origin}/full`)
    expect(response.headers.get('retry-after')).toBe('3')
    expect(await problemOf(response)).toMatchObject({
      status: 503,
      detail: 'agents takes 500 writes a second now, and 0 are given away until 2026-01-01T00:00:02.500Z',
    })
  })

  it('a backend that is away is one to try again', async () => {
    const response = await fetch(`${origin}/away`)
    expect(response.headers.get('retry-after')).toBe('1')
    expect((await problemOf(response)).status).toBe(503)
  })
})

describe('its declaration', () => {
  it("is that of the SDK's own onRequest", () => {
    const { __endpoint } = onRequestOfSdk({ ...options, invoker: 'public' }, () => {})
    expect(served.__endpoint).toEqual(__endpoint)
  })
})
