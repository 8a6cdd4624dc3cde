import { ApiKeySecret, collections, ProblemDetails, type Role, type RolesByTenant } from '@infinity-matrix/contracts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { context, type Context } from '../runtime/context.ts'
import { authorise } from '../runtime/http/authorise.ts'
import { createAuthenticate } from '../runtime/http/authenticate.ts'
import { createApp } from '../runtime/on-request.ts'
import { openApp, signedIn, startLocalEngines, type LocalEngines, type OpenedApp } from '../runtime/testing.ts'
import { serveApiKeys } from './api-keys/routes.ts'
import type { Accounts } from './members/accounts.ts'
import { serveMembers } from './members/routes.ts'

let engines: LocalEngines
let shared: Context
let app: OpenedApp

// Accounts are Google's; emulator-tests/access.test.ts has them from the Auth emulator.
const claims = new Map<string, RolesByTenant>()
/** What the tokens of an account came to tell, one after the other. */
const told: { uid: string; roles: RolesByTenant }[] = []
const ended: string[] = []
const accounts: Accounts = {
  uidOf: async (email) => (email === 'ada@example.com' ? 'ada' : undefined),
  exists: async (uid) => uid !== 'nobody',
  ensure: async () => undefined,
  setClaims: async (uid, { roles }) => {
    claims.set(uid, roles)
    told.push({ uid, roles })
  },
  endSessions: async (uid) => void ended.push(uid),
  customToken: async (uid) => uid,
}

beforeAll(async () => {
  engines = await startLocalEngines('demo-access')
  shared = await context()
  app = await openApp((routes, of) => {
    serveMembers(routes, of, async () => accounts)
    serveApiKeys(routes, of)
  })
})
afterAll(async () => {
  await Promise.all([shared.firestore.terminate(), shared.pubsub.close(), shared.batches.close()])
  await engines.close()
})

let count = 0
const newTenant = () => `t-${++count}`
const as = (uid: string, roles: Record<string, Role>) => signedIn({ uid, roles })
const send = (method: string, path: string, body?: object, headers: Record<string, string> = {}) =>
  app.request(path, {
    method,
    headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  })
const grant = (body: object, headers?: Record<string, string>) => send('POST', '/v1/members', body, headers)
const ruleOf = async (response: Response) => ProblemDetails.parse(await response.json()).errors?.[0]?.rule
const entriesAbout = async (subject: string) => {
  const { docs } = await shared.firestore.collection(collections.ledgerIntake).get()
  const entries = docs.flatMap((document) => z.array(z.string()).parse(document.get('entries')))
  const Entry = z.object({ subject: z.string(), action: z.string(), actor: z.object({ id: z.string() }) })
  return entries.map((entry) => Entry.parse(JSON.parse(entry))).filter((entry) => entry.subject === subject)
}

describe('a member', () => {
  it('is made by an admin of the tenant, by address or id, and tokens tell so', async () => {
    const tenant = newTenant()
    const admin = as('root', { [tenant]: 'admin' })
    const granted = await grant({ tenant, role: 'editor', email: 'ada@example.com' }, admin)
    expect(await granted.json()).toMatchObject({ uid: 'ada', tenant, role: 'editor' })
    expect(claims.get('ada')).toMatchObject({ [tenant]: 'editor' })
    expect((await grant({ tenant, role: 'viewer', uid: 'bob' }, admin)).status).toBe(200)
    const listed = await send('GET', `/v1/members?tenant=${tenant}`, undefined, admin)
    expect(await listed.json()).toMatchObject({ members: [{ uid: 'ada' }, { uid: 'bob', role: 'viewer' }] })
    expect(await entriesAbout('members/bob')).toMatchObject([{ action: 'role-granted', actor: { id: 'root' } }])
  })

  it.each([
    [{ role: 'viewer', uid: 'nobody' }, 422, 'must be of an account'],
    [{ role: 'viewer', email: 'eve@example.com' }, 422, 'must be of an account'],
    [{ role: 'viewer' }, 422, 'must have either uid or email'],
    [{ role: 'god', uid: 'ada' }, 422, 'must be one of viewer, editor, admin, service'],
  ])('as %j is refused', async (body, status, rule) => {
    const response = await grant({ tenant: 'acme', ...body })
    expect(response.status).toBe(status)
    expect(await ruleOf(response)).toContain(rule)
  })

  it('who loses rights has tokens that tell less before, and that are revoked', async () => {
    const tenant = newTenant()
    await grant({ tenant, role: 'admin', uid: 'root' })
    await grant({ tenant, role: 'editor', uid: 'carol' })
    await grant({ tenant, role: 'viewer', uid: 'carol' })
    const carols = told.filter(({ uid }) => uid === 'carol').map(({ roles }) => roles[tenant])
    expect(carols).toEqual(['editor', undefined, 'viewer'])
    const revoked = shared.firestore.collection(collections.revocations).where('principal', '==', 'person/carol')
    expect((await revoked.get()).size).toBe(1)
    const removed = await send('DELETE', `/v1/members/carol?tenant=${tenant}`)
    expect([removed.status, claims.get('carol')]).toEqual([200, {}])
    expect((await revoked.get()).size).toBe(2)
    expect((await send('DELETE', `/v1/members/carol?tenant=${tenant}`)).status).toBe(404)
  })

  it('who is the last admin of a tenant stays it, unless the platform says otherwise', async () => {
    const tenant = newTenant()
    await grant({ tenant, role: 'admin', uid: 'sole' })
    const own = as('sole', { [tenant]: 'admin' })
    const left = await send('DELETE', `/v1/members/sole?tenant=${tenant}`, undefined, own)
    expect([left.status, await ruleOf(left)]).toEqual([409, 'must not be the last admin: make another one first'])
    await grant({ tenant, role: 'admin', uid: 'second' }, own)
    expect((await send('DELETE', `/v1/members/sole?tenant=${tenant}`, undefined, own)).status).toBe(200)
    expect((await send('DELETE', `/v1/members/second?tenant=${tenant}`)).status).toBe(200)
  })

  it('two last admins who leave at once do not both', async () => {
    const tenant = newTenant()
    for (const uid of ['one', 'two']) await grant({ tenant, role: 'admin', uid })
    const leave = (uid: string) =>
      send('DELETE', `/v1/members/${uid}?tenant=${tenant}`, undefined, as(uid, { [tenant]: 'admin' }))
    const statuses = (await Promise.all([leave('one'), leave('two')])).map(({ status }) => status)
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 409])
  })

  it('whose sessions are ended is signed out everywhere', async () => {
    const tenant = newTenant()
    await grant({ tenant, role: 'viewer', uid: 'dave' })
    expect((await send('POST', `/v1/members/dave/end-sessions?tenant=${tenant}`)).status).toBe(200)
    expect(ended).toContain('dave')
    const stored = await shared.firestore.doc('members/dave').get()
    expect(stored.get('signedInFrom')).toBeGreaterThan(0)
  })
})

describe('an API key', () => {
  const create = async (tenant: string, more: object = {}) => {
    const response = await send('POST', '/v1/api-keys', { tenant, name: 'ci', scopes: ['agents:read'], ...more })
    expect([response.status, response.headers.get('cache-control')]).toEqual([201, 'no-store'])
    return ApiKeySecret.parse(await response.json())
  }
  /** A function of another instance, which asks with its own clock. */
  const instance = async () => {
    let aheadMs = 0
    const nowMs = () => Date.now() + aheadMs
    const rows = {
      'GET /agents/:tenant': { callers: ['service'], scope: 'agents:read', tenant: 'checked' },
      'PUT /agents/:tenant': { callers: ['service'], scope: 'agents:write', tenant: 'checked' },
    } as const
    const guarded = await createApp(
      (routes) =>
        routes.on(['GET', 'PUT'], '/agents/:tenant', (request) => {
          authorise(request, { tenant: request.req.param('tenant') })
          return request.json({})
        }),
      { rows, authenticate: createAuthenticate({ ...shared, nowMs }) },
    )
    const ask = async (tenant: string, key: string, method = 'GET') =>
      (await guarded.request(`/agents/${tenant}`, { method, headers: { authorization: `Bearer ${key}` } })).status
    return {
      ask,
      pass: (seconds: number) => {
        aheadMs += seconds * 1000
      },
    }
  }

  it('is shown once, is there as a hash, and lets a service do what its scopes say in its tenant', async () => {
    const tenant = newTenant()
    const { key, prefix, id } = await create(tenant)
    expect(key.startsWith(`${prefix}_`)).toBe(true)
    const stored = JSON.stringify((await shared.firestore.doc(`apiKeys/${id}`).get()).data())
    expect(stored).not.toContain(key.slice(prefix.length + 1, -8))
    const listed = await (await send('GET', `/v1/api-keys?tenant=${tenant}`)).text()
    expect([listed.includes(prefix), listed.includes('digest'), listed.includes(key)]).toEqual([true, false, false])
    const { ask } = await instance()
    expect([await ask(tenant, key), await ask(tenant, key, 'PUT'), await ask('other', key)]).toEqual([200, 403, 404])
    expect(await ask(tenant, `${key.slice(0, -1)}${key.endsWith('0') ? '1' : '0'}`)).toBe(401)
    const used: unknown = (await shared.firestore.doc(`apiKeys/${id}`).get()).get('lastUsedOn')
    expect(used).toBe(new Date().toISOString().slice(0, 10))
  })

  it('that is revoked is refused by every instance within a minute', async () => {
    const tenant = newTenant()
    const { key, id } = await create(tenant)
    const { ask, pass } = await instance()
    expect(await ask(tenant, key)).toBe(200)
    expect((await send('DELETE', `/v1/api-keys/${id}`)).status).toBe(200)
    pass(60)
    expect(await ask(tenant, key)).toBe(401)
    expect((await send('POST', `/v1/api-keys/${id}/rotate`, {})).status).toBe(409)
    expect((await entriesAbout(`apiKeys/${id}`)).map(({ action }) => action)).toEqual(
      expect.arrayContaining(['api-key-created', 'api-key-revoked']),
    )
  })

  it('has two secrets while one takes the place of the other, and none when it has expired', async () => {
    const tenant = newTenant()
    const { key, id } = await create(tenant, { expiresInDays: 1 })
    const rotated = await send('POST', `/v1/api-keys/${id}/rotate`, { overlapHours: 2 })
    const { key: next } = ApiKeySecret.parse(await rotated.json())
    const { ask, pass } = await instance()
    expect([await ask(tenant, key), await ask(tenant, next)]).toEqual([200, 200])
    pass(2 * 3600)
    expect([await ask(tenant, key), await ask(tenant, next)]).toEqual([401, 200])
    pass(86_400)
    expect(await ask(tenant, next)).toBe(401)
  })

  it.each([
    [{ scopes: [] }, 'must be a list of agents:read'],
    [{ scopes: ['everything'] }, 'must be a list of agents:read'],
    [{ expiresInDays: 0 }, 'must be a whole number of days from 1 to 366'],
    [{ name: '' }, 'must be 1 to 64 characters'],
  ])('with %j is refused', async (wrong, rule) => {
    const response = await send('POST', '/v1/api-keys', {
      tenant: 'acme',
      name: 'ci',
      scopes: ['agents:read'],
      ...wrong,
    })
    expect(response.status).toBe(422)
    expect(await ruleOf(response)).toContain(rule)
  })
})
