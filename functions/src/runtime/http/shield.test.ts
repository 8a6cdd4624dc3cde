import type { Hono } from 'hono'
import { ProblemDetails } from '@infinity-matrix/contracts'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { context } from '../context.ts'
import { createApp, type AppOptions } from '../on-request.ts'
import { RequestProblem } from '../problem.ts'
import { signedIn, startLocalEngines, type LocalEngines } from '../testing.ts'

let engines: LocalEngines
let closed: Hono
let open: Hono
const page = 'https://console.example.com'
const rows: AppOptions['rows'] = {
  'GET /things': { callers: 'anyone' },
  'POST /things': { callers: 'anyone' },
  'GET /broken': { callers: 'anyone' },
  'GET /mine': { callers: ['editor', 'admin'], scope: null, tenant: 'platform' },
}
const newApp = () =>
  createApp(
    (app) => {
      app.get('/things', (request) => request.json({ text: request.req.query('text') ?? '' }))
      app.post('/things', (request) => request.json({ made: true }, 201))
      app.get('/broken', () => {
        throw new RequestProblem(400, { detail: 'no <b>', errors: [{ field: '<i>', rule: 'must not' }] })
      })
      app.get('/mine', (request) => request.json({}))
    },
    { rows, name: 'test', instancesMax: 1 },
  )

beforeAll(async () => {
  engines = await startLocalEngines('demo-shield')
  closed = await newApp()
  vi.stubEnv('CORS_ORIGINS', ` ${page}, https://other.example.com`)
  open = await newApp()
})
afterAll(async () => {
  const { firestore, pubsub, batches } = await context()
  await Promise.all([firestore.terminate(), pubsub.close(), batches.close()])
  await engines.close()
})

const problemOf = async (response: Response) => ProblemDetails.parse(await response.json())

describe('every answer', () => {
  it.each([['/things'], ['/broken'], ['/nowhere'], ['/mine']])(
    'of %s is nothing to run, frame, guess at or keep',
    async (path) => {
      const { headers } = await closed.request(path)
      expect(Object.fromEntries(headers)).toMatchObject({
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-store',
        'cross-origin-resource-policy': 'same-origin',
      })
      expect(headers.get('strict-transport-security')).toMatch(/^max-age=\d{8}/)
      expect(headers.get('set-cookie')).toBeNull()
    },
  )

  it('has no mark-up in it, whatever was asked, and means the same', async () => {
    const response = await closed.request(`/things?text=${encodeURIComponent('<script>a && "b"</script>')}`)
    const text = await response.text()
    expect(text).not.toMatch(/[<>]/)
    expect(JSON.parse(text)).toEqual({ text: '<script>a && "b"</script>' })
    const problem = await closed.request('/broken')
    expect(problem.headers.get('content-type')).toBe('application/problem+json')
    expect(await problem.text()).not.toMatch(/[<>]/)
  })
})

describe("a browser on another origin's page", () => {
  const post = (app: Hono, headers: Record<string, string>) =>
    app.request('http://api.example.com/things', { method: 'POST', headers })

  it.each<[string, Record<string, string>]>([
    ['names its origin', { origin: 'https://evil.example.com' }],
    ['hides its origin', { origin: 'null' }],
    ['says that it is elsewhere', { 'sec-fetch-site': 'cross-site' }],
    ['is of another host of the site', { 'sec-fetch-site': 'same-site' }],
  ])('that %s changes nothing', async (_what, headers) => {
    const response = await post(closed, headers)
    expect(response.status).toBe(403)
    expect(await problemOf(response)).toMatchObject({
      errors: [{ field: 'origin', rule: 'must be one of CORS_ORIGINS' }],
    })
    expect((await post(open, headers)).status).toBe(403)
  })

  it('that is declared may, and reads the answer; one of our own, or what is no browser, may, too', async () => {
    const allowed = await post(open, { origin: page, 'sec-fetch-site': 'cross-site' })
    expect([allowed.status, allowed.headers.get('access-control-allow-origin')]).toEqual([201, page])
    expect(allowed.headers.get('access-control-allow-credentials')).toBeNull()
    expect((await post(closed, { origin: 'http://api.example.com', 'sec-fetch-site': 'same-origin' })).status).toBe(201)
    expect((await post(closed, {})).status).toBe(201)
  })

  it('reads nothing unless it is declared', async () => {
    const ask = (origin: string) => open.request('/things', { headers: { origin } })
    expect((await ask('https://evil.example.com')).headers.get('access-control-allow-origin')).toBeNull()
    expect((await ask(page)).headers.get('access-control-allow-origin')).toBe(page)
    const preflight = (origin: string) =>
      open.request('/things', { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } })
    expect((await preflight(page)).headers.get('access-control-allow-headers')).toContain('authorization')
    expect((await preflight('https://evil.example.com')).headers.get('access-control-allow-origin')).toBeNull()
  })
})

describe('who asks too often', () => {
  const within = async (limits: Record<string, string>, work: (app: Hono) => Promise<void>) => {
    for (const [name, value] of Object.entries(limits)) vi.stubEnv(name, value)
    await work(await newApp())
    for (const name of Object.keys(limits)) vi.stubEnv(name, '0')
  }

  it('is told how much is left, and then the limit, what is used of it, and when it is free again', async () => {
    await within({ QUOTA_PRINCIPAL_PER_MINUTE: '3' }, async (app) => {
      const ask = (uid: string) => app.request('/mine', { headers: signedIn({ uid }) })
      const first = await ask('a')
      expect(first.headers.get('ratelimit-policy')).toBe('"principal";q=3;w=60')
      expect(first.headers.get('ratelimit')).toMatch(/^"principal";r=\d+;t=\d{1,2}$/)
      const answers = [await ask('a'), await ask('a'), await ask('a')]
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 429])
      const [, , refused] = answers
      expect(Number(refused?.headers.get('retry-after'))).toBeLessThanOrEqual(60)
      expect(refused?.headers.get('ratelimit')).toMatch(/^"principal";r=0;t=\d+$/)
      const problem = refused && (await problemOf(refused))
      expect(problem).toMatchObject({ limit: 3, value: 4, type: expect.stringContaining('quota-exceeded') })
      expect(Date.parse(problem?.resetAt ?? '')).toBeGreaterThan(Date.now() - 60_000)
      expect((await ask('b')).status).toBe(200)
    })
  })

  it('counts against its tenant, with the others of it', async () => {
    await within({ QUOTA_TENANT_PER_MINUTE: '2' }, async (app) => {
      const ask = (uid: string, tenant: string) =>
        app.request('/mine', { headers: signedIn({ uid, roles: { [tenant]: 'admin' } }) })
      await ask('a', 'acme')
      await ask('b', 'acme')
      expect((await ask('c', 'acme')).status).toBe(429)
      expect((await ask('d', 'other')).status).not.toBe(429)
    })
  })

  it('without good credentials is known by its address, as the front end saw it', async () => {
    await within({ QUOTA_ADDRESS_PER_MINUTE: '2' }, async (app) => {
      const ask = (forwarded: string) =>
        app.request('/mine', { headers: { authorization: 'Bearer guess', 'x-forwarded-for': forwarded } })
      const statuses: Response[] = []
      for (const spoofed of ['1.1.1.1', '2.2.2.2', '3.3.3.3', '4.4.4.4'])
        statuses.push(await ask(`${spoofed}, 9.9.9.9`))
      expect(statuses.map(({ status }) => status)).toEqual([401, 401, 401, 429])
      expect((await ask('9.9.9.9, 8.8.8.8')).status).toBe(401)
      const good = { ...signedIn(), 'x-forwarded-for': '8.8.8.8' }
      expect((await app.request('/mine', { headers: good })).status).toBe(200)
    })
  })
})
