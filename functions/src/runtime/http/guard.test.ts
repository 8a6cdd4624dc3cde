import { collections, ProblemDetails, type Role } from '@infinity-matrix/contracts'
import { idToken, waitFor } from '@infinity-matrix/testing'
import type { Hono } from 'hono'
import { createLocalJWKSet, exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { context, type Context } from '../context.ts'
import { createApp } from '../on-request.ts'
import { projectId } from '../params.ts'
import { signedIn, startLocalEngines, type LocalEngines } from '../testing.ts'
import { authorise, callerOf, tenantOfList } from './authorise.ts'
import { createAuthenticate } from './authenticate.ts'

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const everyone = ['viewer', 'editor', 'admin'] as const
const rows = {
  'GET /open': { callers: 'anyone' },
  'GET /things/:tenant': { callers: everyone, scope: 'agents:read', tenant: 'checked' },
  'PUT /things/:tenant': { callers: ['editor', 'admin'], scope: 'agents:write', tenant: 'checked' },
  'GET /list': { callers: everyone, scope: 'agents:read', tenant: 'checked' },
  'GET /forgetful': { callers: everyone, scope: 'agents:read', tenant: 'checked' },
  'GET /broken': { callers: everyone, scope: 'agents:read', tenant: 'checked' },
  'GET /platform': { callers: ['admin'], scope: null, tenant: 'platform' },
  'POST /pushed': { callers: 'invoker' },
} as const

const serve = (app: Hono) => {
  app.get('/open', (request) => request.json({}))
  app.get('/things/:tenant', (request) => {
    authorise(request, { tenant: request.req.param('tenant') })
    return request.json({ caller: callerOf(request) })
  })
  app.put('/things/:tenant', (request) => {
    authorise(request, { tenant: request.req.param('tenant') })
    return request.json({})
  })
  app.get('/list', (request) => request.json({ tenant: tenantOfList(request, request.req.query('tenant')) ?? 'all' }))
  app.get('/forgetful', (request) => request.json({ secret: 'of another tenant' }))
  app.get('/broken', () => {
    throw new Error('a reason')
  })
  app.get('/platform', (request) => request.json({}))
  app.post('/pushed', (request) => request.json({}))
}

let engines: LocalEngines
let shared: Context
let app: Hono

beforeAll(async () => {
  engines = await startLocalEngines('demo-guard')
  shared = await context()
  app = await createApp(serve, { rows })
})
afterAll(async () => {
  await Promise.all([shared.firestore.terminate(), shared.pubsub.close()])
  await engines.close()
})

const as = (roles: Record<string, Role>, more: { uid?: string; hasSecondFactor?: boolean } = {}) =>
  signedIn({ roles, ...more })
const get = async (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  app.request(path, { method, headers })
const statusOf = async (...asked: Parameters<typeof get>) => (await get(...asked)).status

const Entry = z.object({
  kind: z.string(),
  actor: z.object({ kind: z.string(), id: z.string() }),
  tenant: z.string(),
  subject: z.string(),
  outcome: z.string(),
  reason: z.string().nullable(),
  trace: z.string(),
  details: z.record(z.string(), z.unknown()),
})
/** The entries that were appended in a trace. */
const recorded = async (trace: string | null) => {
  const { docs } = await shared.firestore.collection(collections.ledgerIntake).get()
  const entries = docs.flatMap((document) => z.array(z.string()).parse(document.get('entries')))
  return entries.map((entry) => Entry.parse(JSON.parse(entry))).filter((entry) => entry.trace === trace)
}

describe('who is let in', () => {
  it.each<[string, Record<string, string>]>([
    ['no credentials', {}],
    ['another scheme', { authorization: 'Basic YTpi' }],
    ['a token that is none', { authorization: 'Bearer x.y.z' }],
    ['a token of another project', { authorization: `Bearer ${idToken({ projectId: 'demo-other' })}` }],
    ['a token that is over', { authorization: `Bearer ${idToken({ projectId: 'demo-guard', issuedAtMs: 0 })}` }],
    ['a token that is far too long', { authorization: `Bearer ${'a'.repeat(9000)}` }],
  ])('nobody with %s', async (_what, headers) => {
    const response = await get('/things/acme', headers)
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer realm="infinity-matrix"/)
    expect(ProblemDetails.parse(await response.json()).status).toBe(401)
  })

  it('members of the tenant with the role', async () => {
    expect(await statusOf('/things/acme', as({ acme: 'viewer' }))).toBe(200)
    expect(await statusOf('/things/acme', as({ acme: 'viewer' }), 'PUT')).toBe(403)
    expect(await statusOf('/things/acme', as({ acme: 'editor' }), 'PUT')).toBe(200)
    expect(await statusOf('/things/acme', as({ other: 'admin' }))).toBe(404)
    expect(await statusOf('/things/acme', as({ '*': 'viewer' }))).toBe(200)
  })

  it('admins of the platform with a second factor', async () => {
    expect(await statusOf('/platform', as({ '*': 'admin' }))).toBe(200)
    expect(await statusOf('/platform', as({ acme: 'admin' }))).toBe(403)
    const response = await get('/platform', as({ '*': 'admin' }, { hasSecondFactor: false }))
    expect(response.status).toBe(403)
    expect(ProblemDetails.parse(await response.json()).detail).toContain('second factor')
  })

  it('anyone, where nothing of a tenant is told', async () => {
    expect(await statusOf('/open')).toBe(200)
    expect(await statusOf('/nowhere')).toBe(404)
    expect(await statusOf('/open', {}, 'DELETE')).toBe(405)
  })

  it('whom Google lets call a private function', async () => {
    expect(await statusOf('/pushed', {}, 'POST')).toBe(200)
  })
})

describe('a list', () => {
  it.each<[string, Record<string, Role>, string, number, string?]>([
    ['of one tenant is of that', { acme: 'viewer' }, '/list', 200, 'acme'],
    ['of the platform is of all', { '*': 'viewer' }, '/list', 200, 'all'],
    ['of several must name one', { acme: 'viewer', other: 'viewer' }, '/list', 400],
    ['of several, one', { acme: 'viewer', other: 'viewer' }, '/list?tenant=other', 200, 'other'],
    ["of another's", { acme: 'viewer' }, '/list?tenant=other', 404],
  ])('%s', async (_what, roles, path, status, tenant) => {
    const response = await get(path, as(roles))
    expect(response.status).toBe(status)
    if (tenant !== undefined) expect(await response.json()).toEqual({ tenant })
  })
})

describe('a fault of a route', () => {
  it('that does not check the tenant is not let answer', async () => {
    const response = await get('/forgetful', as({ acme: 'viewer' }))
    expect(response.status).toBe(500)
    expect(await response.text()).not.toContain('another tenant')
  })

  it('that has no row is seen before it serves', async () => {
    const unlisted = createApp((routes) => routes.get('/unlisted', (request) => request.json({})), { rows })
    await expect(unlisted).rejects.toThrow('GET /unlisted has no row')
  })
})

describe('what is recorded', () => {
  it.each<[string, string, Record<string, Role> | undefined, object]>([
    ['an answer', '/things/acme', { acme: 'viewer' }, { kind: 'api-call', outcome: 'done', tenant: 'acme' }],
    [
      'a refusal',
      '/things/acme',
      { other: 'viewer' },
      { kind: 'authorisation', outcome: 'denied', reason: 'other-tenant' },
    ],
    ['no credentials', '/things/acme', undefined, { kind: 'authentication', reason: 'credentials-needed' }],
    ['a failure', '/broken', { acme: 'viewer' }, { kind: 'error', outcome: 'failed', details: { status: 500 } }],
    ['a path that is none', '/secrets', undefined, { kind: 'api-call', subject: 'unknown', details: { status: 404 } }],
  ])('is %s, before it leaves, in its trace', async (_what, path, roles, entry) => {
    const trace = crypto.randomUUID().replaceAll('-', '')
    const response = await get(path, {
      traceparent: `00-${trace}-00f067aa0ba902b7-01`,
      ...(roles && as(roles, { uid: 'ada' })),
    })
    expect(response.headers.get('x-request-id')).toBe(trace)
    expect(response.headers.get('traceparent')).toMatch(new RegExp(`^00-${trace}-[0-9a-f]{16}-01$`))
    const entries = await recorded(trace)
    expect(entries).toHaveLength(1)
    expect(entries[0]).toMatchObject({ actor: roles ? { kind: 'person', id: 'ada' } : { kind: 'anonymous' }, ...entry })
  })

  it('has a trace of its own where the caller has none', async () => {
    const response = await get('/open', { traceparent: `00-${traceId}-0000000000000000-01` })
    const trace = response.headers.get('x-request-id')
    expect(trace).not.toBe(traceId)
    expect(await recorded(trace)).toHaveLength(1)
  })
})

describe('a token that is revoked', () => {
  const revoke = (uid: string, atMs: number) =>
    shared.firestore
      .collection(collections.revocations)
      .add({ principal: `person/${uid}`, at: new Date(atMs).toISOString(), shard: 3 })

  it('is refused by every instance within a minute, and a later one is not', async () => {
    let aheadMs = 0
    const nowMs = () => Date.now() + aheadMs
    const guarded = await createApp(serve, { rows, authenticate: createAuthenticate({ ...shared, nowMs }) })
    const ask = async (headers: Record<string, string>) => (await guarded.request('/things/acme', { headers })).status
    const old = as({ acme: 'viewer' }, { uid: 'demoted' })
    expect(await ask(old)).toBe(200)
    await revoke('demoted', nowMs())
    aheadMs = 30_000
    expect(await ask(old)).toBe(401)
    const fresh = signedIn({ roles: { acme: 'viewer' }, uid: 'demoted', issuedAtMs: nowMs() })
    expect(await ask(fresh)).toBe(200)
    expect(await ask(as({ acme: 'viewer' }, { uid: 'another' }))).toBe(200)
  })

  it('cannot be told once the list is a minute old and cannot be read: nobody is let in', async () => {
    let aheadMs = 0
    let isAway = false
    const firestore = new Proxy(shared.firestore, {
      get: (target, name) => {
        if (isAway && name === 'collection') throw Object.assign(new Error('14 UNAVAILABLE'), { code: 14 })
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    })
    const authenticate = createAuthenticate({ ...shared, firestore, nowMs: () => Date.now() + aheadMs })
    const guarded = await createApp(serve, { rows, authenticate })
    const ask = async () => (await guarded.request('/things/acme', { headers: as({ acme: 'viewer' }) })).status
    expect(await ask()).toBe(200)
    isAway = true
    aheadMs = 40_000
    expect(await ask()).toBe(200)
    aheadMs = 61_000
    expect(await ask()).toBe(503)
    isAway = false
    expect(await waitFor('the list', async () => ((await ask()) === 200 ? 200 : undefined))).toBe(200)
  })
})

describe("in production, Google's keys decide", () => {
  it('whether a token is of Firebase', async () => {
    const [google, mallory] = await Promise.all([generateKeyPair('RS256'), generateKeyPair('RS256')])
    const keys = createLocalJWKSet({ keys: [{ ...(await exportJWK(google.publicKey)), kid: 'k', alg: 'RS256' }] })
    const authenticate = createAuthenticate(shared, { firebaseKeys: async () => keys })
    const guarded = await createApp(serve, { rows, authenticate })
    const signed = (key: CryptoKey) =>
      new SignJWT({ roles: { acme: 'viewer' }, auth_time: Math.floor(Date.now() / 1000), firebase: {} })
        .setProtectedHeader({ alg: 'RS256', kid: 'k' })
        .setIssuer(`https://securetoken.google.com/${projectId()}`)
        .setAudience(projectId())
        .setSubject('ada')
        .setIssuedAt()
        .setExpirationTime('1h')
        .sign(key)
    const ask = async (token: string) =>
      guarded.request('/things/acme', { headers: { authorization: `Bearer ${token}` } })
    const answer = await ask(await signed(google.privateKey))
    expect([answer.status, await answer.json()]).toEqual([200, { caller: 'person/ada' }])
    expect((await ask(await signed(mallory.privateKey))).status).toBe(401)
    expect((await ask(idToken({ projectId: projectId() }))).status).toBe(401)
  })
})
