import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import {
  AgentChallenge,
  AgentId,
  AgentKey,
  AgentKeyList,
  AgentToken,
  agentTokensMax,
  agentTokenText,
  collections,
  ProblemDetails,
  type TenantAgent,
} from '@infinity-matrix/contracts'
import { base64url, SignJWT, UnsecuredJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { context, type Context } from '../../runtime/context.ts'
import { authorise } from '../../runtime/http/authorise.ts'
import { createAuthenticate } from '../../runtime/http/authenticate.ts'
import { createApp } from '../../runtime/on-request.ts'
import { projectId } from '../../runtime/params.ts'
import { tenantKeys } from '../../runtime/tenant-keys.ts'
import { openApp, signedIn, startLocalEngines, type LocalEngines, type OpenedApp } from '../../runtime/testing.ts'
import { createTokenKeys } from '../../runtime/token-keys.ts'
import { serveAgentKeys } from './key-routes.ts'
import { serveAgentTokens } from './token-routes.ts'

let engines: LocalEngines
let shared: Context
let app: OpenedApp
let desk: Awaited<ReturnType<typeof instance>>

/** One more instance of the function that gives tokens out, whose clock is ahead. */
const instance = (aheadMs = 0) => {
  const own = { ...shared, nowMs: () => Date.now() + aheadMs }
  return createApp((routes) => serveAgentTokens(routes, own))
}

beforeAll(async () => {
  engines = await startLocalEngines('demo-agents')
  shared = await context()
  app = await openApp(serveAgentKeys)
  desk = await instance()
})
afterAll(async () => {
  await Promise.all([shared.firestore.terminate(), shared.pubsub.close(), shared.batches.close()])
  await engines.close()
})

let count = 0
const newAgent = (): TenantAgent => ({ tenant: `t-${++count}`, agentId: AgentId.parse('a-1') })
const newPair = () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  return { publicKey: String(publicKey.export({ format: 'jwk' }).x), privateKey }
}
const json = (body: object) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})
const register = (body: object) => app.request('/v1/agent-keys', json(body))
/** An agent with a key. */
const registered = async (agent = newAgent()) => {
  const pair = newPair()
  const response = await register({ ...agent, publicKey: pair.publicKey })
  expect(response.status).toBe(201)
  return { agent, ...pair, ...AgentKey.parse(await response.json()) }
}
const challengeFor = async (agent: object) => {
  const response = await desk.request('/v1/agent-tokens/challenge', json(agent))
  expect(response.status).toBe(200)
  return AgentChallenge.parse(await response.json())
}
const signatureOf = (privateKey: KeyObject, agent: TenantAgent, given: AgentChallenge, audience = projectId()) =>
  sign(null, Buffer.from(agentTokenText({ audience, ...agent, ...given })), privateKey).toString('base64url')
const redeem = async (challenge: string, signature: string, at = desk) =>
  at.request('/v1/agent-tokens', json({ challenge, signature }))
const tokenFor = async (agent: TenantAgent, privateKey: KeyObject) => {
  const given = await challengeFor(agent)
  const response = await redeem(given.challenge, signatureOf(privateKey, agent, given))
  expect([response.status, response.headers.get('cache-control')]).toEqual([200, 'no-store'])
  return AgentToken.parse(await response.json()).token
}

/** A function that tells agents of themselves; its clock can be put ahead. */
const openGuarded = async () => {
  let aheadMs = 0
  const nowMs = () => Date.now() + aheadMs
  const rows = {
    'GET /agents/:tenant/:id': { callers: ['viewer', 'agent'], scope: 'agents:read', tenant: 'checked' },
    'PUT /agents/:tenant/:id': { callers: ['editor'], scope: 'agents:write', tenant: 'checked' },
    'GET /agents/:tenant': { callers: ['viewer', 'agent'], scope: 'agents:read', tenant: 'checked' },
  } as const
  const guarded = await createApp(
    (routes) => {
      routes.on(['GET', 'PUT'], '/agents/:tenant/:id', (request) => {
        authorise(request, { tenant: request.req.param('tenant'), agentId: request.req.param('id') })
        return request.json({})
      })
      routes.get('/agents/:tenant', (request) => {
        authorise(request, { tenant: request.req.param('tenant') })
        return request.json({})
      })
    },
    { rows, authenticate: createAuthenticate({ ...shared, nowMs }) },
  )
  const ask = async (path: string, token: string, method = 'GET') =>
    (await guarded.request(path, { method, headers: { authorization: `Bearer ${token}` } })).status
  return {
    ask,
    pass: (seconds: number) => {
      aheadMs += seconds * 1000
    },
  }
}

const Entry = z.object({
  kind: z.string(),
  action: z.string(),
  tenant: z.string(),
  subject: z.string(),
  outcome: z.string(),
  reason: z.string().nullable(),
  trace: z.string().nullable(),
  actor: z.object({ kind: z.string(), id: z.string() }),
  details: z.record(z.string(), z.unknown()),
})
const entries = async () => {
  const { docs } = await shared.firestore.collection(collections.ledgerIntake).get()
  return docs
    .flatMap((document) => z.array(z.string()).parse(document.get('entries')))
    .map((entry) => Entry.parse(JSON.parse(entry)))
}

describe('an agent that signs a challenge', () => {
  it('gets a token for what is its own, and for nothing else', async () => {
    const { agent, privateKey } = await registered()
    const token = await tokenFor(agent, privateKey)
    const { ask } = await openGuarded()
    const own = `/agents/${agent.tenant}/a-1`
    expect([await ask(own, token), await ask(own, token, 'PUT')]).toEqual([200, 403])
    expect(await ask(`/agents/${agent.tenant}/a-2`, token)).toBe(404)
    expect(await ask('/agents/other/a-1', token)).toBe(404)
    expect(await ask(`/agents/${agent.tenant}`, token)).toBe(404)
  })

  it('has it for ten minutes', async () => {
    const { agent, privateKey } = await registered()
    const token = await tokenFor(agent, privateKey)
    const { ask, pass } = await openGuarded()
    pass(599)
    expect(await ask(`/agents/${agent.tenant}/a-1`, token)).toBe(200)
    pass(12)
    expect(await ask(`/agents/${agent.tenant}/a-1`, token)).toBe(401)
  })

  it('gets one for each, also where it is redeemed twice in one moment at two instances', async () => {
    const { agent, privateKey } = await registered()
    const given = await challengeFor(agent)
    const signature = signatureOf(privateKey, agent, given)
    const other = await instance()
    const both = await Promise.all([redeem(given.challenge, signature), redeem(given.challenge, signature, other)])
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 401])
    expect((await redeem(given.challenge, signature)).status).toBe(401)
    const tokens = await Promise.all([tokenFor(agent, privateKey), tokenFor(agent, privateKey)])
    expect(tokens).toHaveLength(2)
  })

  it('gets none when its minute is over', async () => {
    const { agent, privateKey } = await registered()
    const given = await challengeFor(agent)
    const later = await instance(61_000)
    expect((await redeem(given.challenge, signatureOf(privateKey, agent, given), later)).status).toBe(401)
  })

  it('gets so many a minute', async () => {
    const { agent, privateKey } = await registered()
    for (let got = 0; got < agentTokensMax; got++) await tokenFor(agent, privateKey)
    const given = await challengeFor(agent)
    const refused = await redeem(given.challenge, signatureOf(privateKey, agent, given))
    const problem = ProblemDetails.parse(await refused.json())
    expect([refused.status, problem.limit, problem.value]).toEqual([429, agentTokensMax, agentTokensMax + 1])
    expect(Date.parse(problem.resetAt ?? '')).toBeGreaterThan(Date.now())
  })
})

describe('who has no key of it', () => {
  it('is told the same of an agent that there is not, and of one that there is', async () => {
    const { agent } = await registered()
    const { privateKey } = newPair()
    const answers = await Promise.all(
      [agent, newAgent()].map(async (asked) => {
        const given = await challengeFor(asked)
        const response = await redeem(given.challenge, signatureOf(privateKey, asked, given))
        return [Object.keys(given), response.status, response.headers.get('www-authenticate'), await response.json()]
      }),
    )
    expect(answers[0]).toEqual(answers[1])
    expect(answers[0]?.[1]).toBe(401)
  })

  it('gets no token by what the agent signed for something else', async () => {
    const [one, two] = [await registered(), await registered()]
    const given = await challengeFor(one.agent)
    const signed = (agent: TenantAgent, of: AgentChallenge, audience?: string) =>
      redeem(given.challenge, signatureOf(one.privateKey, agent, of, audience))
    expect((await signed(one.agent, given, 'another-project')).status).toBe(401)
    expect((await signed(two.agent, given)).status).toBe(401)
    expect((await signed(one.agent, { ...given, expiresAt: '2999-01-01T00:00:00.000Z' })).status).toBe(401)
    expect((await signed(one.agent, await challengeFor(one.agent))).status).toBe(401)
    const ofOther = await challengeFor(two.agent)
    expect((await redeem(ofOther.challenge, signatureOf(one.privateKey, two.agent, ofOther))).status).toBe(401)
    // All of that did not use it up.
    expect((await signed(one.agent, given)).status).toBe(200)
  })

  it('makes no challenge of its own', async () => {
    const { agent, privateKey } = await registered()
    const { expiresAt } = await challengeFor(agent)
    const forged = await new SignJWT({ tenant: agent.tenant })
      .setProtectedHeader({ alg: 'HS256', typ: 'agent-challenge+jwt', kid: '1' })
      .setIssuer(`infinity-matrix/${projectId()}`)
      .setAudience(projectId())
      .setSubject(agent.agentId)
      .setJti('mine')
      .setExpirationTime('1h')
      .sign(new Uint8Array(32))
    const given = { challenge: forged, expiresAt }
    expect((await redeem(forged, signatureOf(privateKey, agent, given))).status).toBe(401)
    const token = await tokenFor(agent, privateKey)
    const signature = signatureOf(privateKey, agent, { challenge: token, expiresAt })
    expect((await redeem(token, signature)).status).toBe(401)
  })

  it.each([
    [{ tenant: 'acme' }, 'agentId'],
    [{ tenant: 'Acme', agentId: 'a' }, 'tenant'],
    [{ tenant: 'acme', agentId: '../b' }, 'agentId'],
  ])('is told what is wrong with %j', async (body, field) => {
    const response = await desk.request('/v1/agent-tokens/challenge', json(body))
    expect([response.status, ProblemDetails.parse(await response.json()).errors?.[0]?.field]).toEqual([422, field])
  })
})

describe('a token', () => {
  it('that the control plane did not sign is none', async () => {
    const { agent, privateKey, id } = await registered()
    const { ask } = await openGuarded()
    const own = `/agents/${agent.tenant}/a-1`
    const keys = createTokenKeys({ keys: tenantKeys(shared), nowMs: shared.nowMs })
    const current = await keys.current()
    const claims = (more: object = {}) => ({
      iss: `infinity-matrix/${projectId()}`,
      aud: projectId(),
      sub: agent.agentId,
      tenant: agent.tenant,
      key: id,
      iat: Math.floor(Date.now() / 1000),
      exp: Math.floor(Date.now() / 1000) + 600,
      ...more,
    })
    const header = { alg: 'EdDSA', typ: 'agent+jwt', kid: String(current.version) }
    const by = (key: KeyObject | Uint8Array, head: object = {}, more?: object) =>
      new SignJWT(claims(more)).setProtectedHeader({ ...header, ...head }).sign(key)
    const { privateKey: signs, publicKey } = current
    expect(await ask(own, await by(signs))).toBe(200)

    const wrong: Record<string, string> = {
      'of the agent itself': await by(privateKey),
      'of no version': await by(signs, { kid: '77' }),
      'of another kind': await by(signs, { typ: 'JWT' }),
      'for another audience': await by(signs, {}, { aud: 'other' }),
      'of another issuer': await by(signs, {}, { iss: 'infinity-matrix/other' }),
      'of no time': await by(signs, {}, { exp: undefined }),
      'by the public key as a secret': await by(base64url.decode(String(publicKey.export({ format: 'jwk' }).x)), {
        alg: 'HS256',
      }),
      'that nobody signed': new UnsecuredJWT(claims()).encode(),
      'that is a challenge': (await challengeFor(agent)).challenge,
    }
    const statuses = Object.entries(wrong).map(async ([what, token]) => [what, await ask(own, token)])
    expect(await Promise.all(statuses)).toEqual(Object.keys(wrong).map((what) => [what, 401]))
  })
})

describe('keys', () => {
  const listOf = async ({ tenant, agentId }: TenantAgent) => {
    const response = await app.request(`/v1/agent-keys?tenant=${tenant}&agentId=${agentId}`)
    return AgentKeyList.parse(await response.json()).keys
  }
  const remove = async ({ tenant, agentId }: TenantAgent, id: string) =>
    (await app.request(`/v1/agent-keys/${id}?tenant=${tenant}&agentId=${agentId}`, { method: 'DELETE' })).status

  it('are two while one takes the place of the other; what was got with the one that goes is void in a minute', async () => {
    const one = await registered()
    const two = await registered(one.agent)
    const third = await register({ ...one.agent, publicKey: newPair().publicKey })
    const rule = ProblemDetails.parse(await third.json()).errors?.[0]?.rule
    expect([third.status, rule]).toEqual([409, 'must be one of at most 2 keys of the agent: remove one first'])
    const [old, fresh] = [await tokenFor(one.agent, one.privateKey), await tokenFor(one.agent, two.privateKey)]
    expect((await listOf(one.agent)).map(({ id, lastUsedOn }) => [id, typeof lastUsedOn])).toEqual([
      [one.id, 'string'],
      [two.id, 'string'],
    ])
    const { ask, pass } = await openGuarded()
    const own = `/agents/${one.agent.tenant}/a-1`
    expect([await ask(own, old), await ask(own, fresh)]).toEqual([200, 200])
    expect([await remove(one.agent, one.id), await remove(one.agent, one.id)]).toEqual([200, 404])
    pass(60)
    expect([await ask(own, old), await ask(own, fresh)]).toEqual([401, 200])
    const given = await challengeFor(one.agent)
    expect((await redeem(given.challenge, signatureOf(one.privateKey, one.agent, given))).status).toBe(401)
  })

  it('of an agent of the same id in another tenant are others', async () => {
    const one = await registered()
    const elsewhere = { ...one.agent, tenant: `${one.agent.tenant}-b` }
    const two = await registered(elsewhere)
    const token = await tokenFor(elsewhere, two.privateKey)
    await remove(one.agent, one.id)
    const { ask, pass } = await openGuarded()
    pass(60)
    expect(await ask(`/agents/${elsewhere.tenant}/a-1`, token)).toBe(200)
    expect(await ask(`/agents/${one.agent.tenant}/a-1`, token)).toBe(404)
  })

  it.each([
    [{ publicKey: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' }, 'of small order'],
    [{ publicKey: '_____________________________________________w' }, 'must be an Ed25519 public key'],
    [{ publicKey: '__________________________________________8' }, 'in its one form'],
    [{ publicKey: 'x' }, 'must be an Ed25519 public key'],
    [{ agentId: '' }, 'must be 1 to 128 letters'],
    [{ tenant: '*' }, 'must be 1 to 63 of'],
  ])('like %j are refused', async (wrong, rule) => {
    const response = await register({ ...newAgent(), publicKey: newPair().publicKey, ...wrong })
    const problem = ProblemDetails.parse(await response.json())
    expect([response.status, problem.errors?.[0]?.rule]).toEqual([422, expect.stringContaining(rule) as string])
  })

  it('are for editors of the tenant to register', async () => {
    const agent = newAgent()
    const as = (roles: Record<string, 'viewer' | 'editor'>) =>
      app.request('/v1/agent-keys', {
        ...json({ ...agent, publicKey: newPair().publicKey }),
        headers: { 'content-type': 'application/json', ...signedIn({ roles }) },
      })
    expect((await as({ [agent.tenant]: 'viewer' })).status).toBe(403)
    expect((await as({ other: 'editor' })).status).toBe(404)
    expect((await as({ [agent.tenant]: 'editor' })).status).toBe(201)
  })
})

it('what was done, and what was refused, is recorded', async () => {
  const { agent, privateKey, id } = await registered()
  await tokenFor(agent, privateKey)
  const given = await challengeFor(agent)
  const refused = await redeem(given.challenge, signatureOf(newPair().privateKey, agent, given))
  const all = await entries()
  const of = (action: string) => all.filter((entry) => entry.tenant === agent.tenant && entry.action === action)
  expect(of('agent-key-registered')).toMatchObject([{ kind: 'change', subject: 'agents/a-1', details: { key: id } }])
  expect(of('agent-token-issued')).toMatchObject([
    { kind: 'authentication', actor: { kind: 'agent', id: 'a-1' }, outcome: 'done', details: { key: id } },
  ])
  expect(of('api-called').map(({ actor }) => actor.kind)).toContain('agent')
  expect(all.filter(({ trace }) => trace === refused.headers.get('x-request-id'))).toMatchObject([
    { kind: 'authentication', outcome: 'denied', reason: 'bad-credentials', actor: { kind: 'anonymous' } },
  ])
})
