import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { collections, ProblemDetails, ServiceAccountDocument, ServiceAccountList } from '@infinity-matrix/contracts'
import {
  createRemoteJWKSet,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  SignJWT,
  UnsecuredJWT,
  type CryptoKey,
  type JWK,
} from 'jose'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { context, type Context } from '../../runtime/context.ts'
import { authorise, callerOf } from '../../runtime/http/authorise.ts'
import { createAuthenticate } from '../../runtime/http/authenticate.ts'
import { createApp } from '../../runtime/on-request.ts'
import { openApp, startLocalEngines, type LocalEngines, type OpenedApp } from '../../runtime/testing.ts'
import { serveServiceAccounts } from './routes.ts'

const audience = 'https://api.example.com'
const account = '112233445566778899001'
const email = 'ci@project.iam.gserviceaccount.com'

let engines: LocalEngines
let shared: Context
let app: OpenedApp
let google: { privateKey: CryptoKey; publicKey: CryptoKey }

/** Where Google's keys are, as far as the functions of a test know. */
const keyServer = createServer((_, response) => {
  response.writeHead(isDown ? 503 : 200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys }))
})
let keys: JWK[] = []
let isDown = false

beforeAll(async () => {
  engines = await startLocalEngines('demo-service-accounts')
  vi.stubEnv('API_AUDIENCE', audience)
  keyServer.listen(0, '127.0.0.1')
  await once(keyServer, 'listening')
  google = await generateKeyPair('RS256', { extractable: true })
  keys = [{ ...(await exportJWK(google.publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' }]
  shared = await context()
  app = await openApp(serveServiceAccounts)
})
afterAll(async () => {
  await Promise.all([shared.firestore.terminate(), shared.pubsub.close(), shared.batches.close()])
  await engines.close()
  keyServer.close()
})

let count = 0
const newTenant = () => `t-${++count}`
const enter = (tenant: string, more: object = {}) =>
  app.request('/v1/service-accounts', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ tenant, account, name: 'ci', scopes: ['agents:read'], ...more }),
  })
const entered = async (tenant: string, more?: object) => {
  const response = await enter(tenant, more)
  expect(response.status).toBe(201)
  return ServiceAccountDocument.parse(await response.json())
}

/** A function of another instance, with its own clock, to which the key server is Google's. */
const instance = async () => {
  let aheadMs = 0
  const nowMs = () => Date.now() + aheadMs
  const { port } = keyServer.address() as AddressInfo
  const googleKeys = createRemoteJWKSet(new URL(`http://127.0.0.1:${port}`))
  const rows = {
    'GET /agents/:tenant': { callers: ['service'], scope: 'agents:read', tenant: 'checked' },
    'PUT /agents/:tenant': { callers: ['service'], scope: 'agents:write', tenant: 'checked' },
  } as const
  const guarded = await createApp(
    (routes) =>
      routes.on(['GET', 'PUT'], '/agents/:tenant', (request) => {
        authorise(request, { tenant: request.req.param('tenant') })
        return request.json({ caller: callerOf(request) })
      }),
    { rows, authenticate: createAuthenticate({ ...shared, nowMs }, { googleKeys: async () => googleKeys }) },
  )
  const request = (tenant: string, token: string, method = 'GET') =>
    guarded.request(`/agents/${tenant}`, { method, headers: { authorization: `Bearer ${token}` } })
  return {
    request,
    ask: async (...asked: Parameters<typeof request>) => (await request(...asked)).status,
    pass: (seconds: number) => {
      aheadMs += seconds * 1000
    },
  }
}

const seconds = () => Math.floor(Date.now() / 1000)
const claimsFor = (tenant: string, more: object = {}) => ({
  iss: 'https://accounts.google.com',
  aud: `${audience}/${tenant}`,
  azp: account,
  sub: account,
  email,
  email_verified: true,
  iat: seconds(),
  exp: seconds() + 3600,
  ...more,
})
const signed = (tenant: string, more?: object, { key = google.privateKey, head = {} } = {}) =>
  new SignJWT(claimsFor(tenant, more)).setProtectedHeader({ alg: 'RS256', kid: 'k1', ...head }).sign(key)

describe("an account of Google's", () => {
  it('that is entered is a service with its scopes in that tenant, by the token that Google gave it', async () => {
    const tenant = newTenant()
    const { id } = await entered(tenant)
    const { request, ask } = await instance()
    const token = await signed(tenant)
    const answer = await request(tenant, token)
    expect([answer.status, await answer.json()]).toEqual([200, { caller: `service/${tenant}.${account}` }])
    expect([await ask(tenant, token, 'PUT'), await ask('other', token)]).toEqual([403, 404])
    const used: unknown = (await shared.firestore.doc(`${collections.serviceAccounts}/${id}`).get()).get('lastUsedOn')
    expect(used).toBe(new Date().toISOString().slice(0, 10))
  })

  it('may be entered by several tenants, and is in each what that one says', async () => {
    const [one, two, third] = [newTenant(), newTenant(), newTenant()]
    await entered(one)
    await entered(two, { scopes: ['agents:write'] })
    const { ask } = await instance()
    expect([await ask(one, await signed(one)), await ask(one, await signed(two))]).toEqual([200, 403])
    expect([await ask(two, await signed(two), 'PUT'), await ask(third, await signed(third))]).toEqual([200, 401])
  })

  it('that is revoked is refused by every instance within a minute, until it is entered again', async () => {
    const tenant = newTenant()
    const { id } = await entered(tenant)
    const { ask, pass } = await instance()
    const token = await signed(tenant)
    expect(await ask(tenant, token)).toBe(200)
    expect((await app.request(`/v1/service-accounts/${id}`, { method: 'DELETE' })).status).toBe(200)
    pass(60)
    expect(await ask(tenant, token)).toBe(401)
    const listed = await app.request(`/v1/service-accounts?tenant=${tenant}`)
    const [known] = ServiceAccountList.parse(await listed.json()).accounts
    expect(typeof known?.revokedAt).toBe('string')
    await entered(tenant)
    pass(60)
    expect(await ask(tenant, token)).toBe(200)
  })

  it('is one for so many days', async () => {
    const tenant = newTenant()
    await entered(tenant, { expiresInDays: 1 })
    const { ask, pass } = await instance()
    pass(86_400)
    const later = { iat: seconds() + 86_400, exp: seconds() + 90_000 }
    expect(await ask(tenant, await signed(tenant, later))).toBe(401)
  })

  it.each([
    [{ account: 'ci@project.iam.gserviceaccount.com' }, 'must be the unique id of a service account'],
    [{ scopes: [] }, 'must be a list of agents:read'],
    [{ expiresInDays: 367 }, 'must be a whole number of days from 1 to 366'],
  ])('with %j is refused', async (wrong, rule) => {
    const response = await enter('acme', wrong)
    const problem = ProblemDetails.parse(await response.json())
    expect([response.status, problem.errors?.[0]?.rule]).toEqual([422, expect.stringContaining(rule) as string])
  })

  it('is recorded as it comes and goes', async () => {
    const tenant = newTenant()
    const { id } = await entered(tenant)
    await app.request(`/v1/service-accounts/${id}`, { method: 'DELETE' })
    const { docs } = await shared.firestore.collection(collections.ledgerIntake).get()
    const Entry = z.object({ subject: z.string(), action: z.string(), details: z.record(z.string(), z.unknown()) })
    const actions = docs
      .flatMap((document) => z.array(z.string()).parse(document.get('entries')))
      .map((entry) => Entry.parse(JSON.parse(entry)))
      .filter(({ subject }) => subject === `serviceAccounts/${id}`)
      .map(({ action, details }) => [action, details])
    const details = { scopes: 'agents:read' }
    expect(actions).toEqual(
      expect.arrayContaining([
        ['service-account-entered', details],
        ['service-account-revoked', details],
      ]),
    )
  })
})

describe('a token', () => {
  it.each<[string, object]>([
    ['for another audience', { aud: 'https://api.example.com.evil.example/acme' }],
    ['for the audience without a tenant', { aud: audience }],
    ['for several audiences', { aud: [`${audience}/acme`, 'another'] }],
    ['of another issuer', { iss: 'https://accounts.google.com.evil.example' }],
    ['of an issuer that looks like it', { iss: 'accounts.google.com' }],
    ['that is over', { iat: seconds() - 7200, exp: seconds() - 3600 }],
    ['that has no end', { exp: undefined }],
    ['of another account', { sub: '998877665544332211009' }],
    ['whose address Google has not verified', { email_verified: false }],
    ['that has no address', { email: undefined, email_verified: undefined }],
    ['of a person', { email: 'ada@example.com' }],
  ])('%s is refused', async (_what, wrong) => {
    await entered('acme')
    const { ask } = await instance()
    expect(await ask('acme', await signed('acme', wrong))).toBe(401)
    expect(await ask('acme', await signed('acme'))).toBe(200)
  })

  it('that Google did not sign is refused', async () => {
    await entered('acme')
    const { ask } = await instance()
    const mallory = await generateKeyPair('RS256')
    const publicPem = new TextEncoder().encode(await exportSPKI(google.publicKey))
    const hmac = await new SignJWT(claimsFor('acme')).setProtectedHeader({ alg: 'HS256', kid: 'k1' }).sign(publicPem)
    const wrong: Record<string, string> = {
      "by another's key": await signed('acme', {}, { key: mallory.privateKey }),
      'by a key that Google does not have': await signed('acme', {}, { key: mallory.privateKey, head: { kid: 'k2' } }),
      'by the public key as a secret': hmac,
      'by nobody': new UnsecuredJWT(claimsFor('acme')).encode(),
    }
    const statuses = Object.entries(wrong).map(async ([what, token]) => [what, await ask('acme', token)])
    expect(await Promise.all(statuses)).toEqual(Object.keys(wrong).map((what) => [what, 401]))
  })

  it('is good for nothing where no audience is set', async () => {
    const tenant = newTenant()
    await entered(tenant)
    const { ask } = await instance()
    vi.stubEnv('API_AUDIENCE', '')
    try {
      expect(await ask(tenant, await signed(tenant, { aud: `/${tenant}` }))).toBe(401)
    } finally {
      vi.stubEnv('API_AUDIENCE', audience)
    }
    expect(await ask(tenant, await signed(tenant))).toBe(200)
  })

  it('cannot be told while the keys cannot be had, which is no fault of it; known keys go on', async () => {
    await entered('acme')
    const [warm, cold] = [await instance(), await instance()]
    const token = await signed('acme')
    expect(await warm.ask('acme', token)).toBe(200)
    isDown = true
    try {
      const answer = await cold.request('acme', token)
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1'])
      expect(await warm.ask('acme', token)).toBe(200)
    } finally {
      isDown = false
    }
    expect(await cold.ask('acme', token)).toBe(200)
  })
})
