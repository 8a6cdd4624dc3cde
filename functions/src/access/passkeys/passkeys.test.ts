import { collections, PasskeyView, ProblemDetails, SignInToken } from '@infinity-matrix/contracts'
import { softwareAuthenticator, type AuthenticatorTweaks, type SoftwareAuthenticator } from '@infinity-matrix/testing'
import type { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { context, type Context } from '../../runtime/context.ts'
import { createAuthenticate } from '../../runtime/http/authenticate.ts'
import { createApp } from '../../runtime/on-request.ts'
import { signedIn, startLocalEngines, type LocalEngines } from '../../runtime/testing.ts'
import { serveApiKeys } from '../api-keys/routes.ts'
import type { Accounts } from '../members/accounts.ts'
import { servePasskeys } from './routes.ts'

const place = { origin: 'https://console.example.com', domain: 'example.com' }

// Custom tokens are Google's; emulator-tests/people.test.ts has them taken by the Auth emulator.
const accounts: Accounts = {
  uidOf: async () => undefined,
  exists: async () => true,
  ensure: async () => undefined,
  setClaims: async () => undefined,
  endSessions: async () => undefined,
  customToken: async (_uid, claims) => JSON.stringify(claims),
}

let engines: LocalEngines
let shared: Context

beforeAll(async () => {
  engines = await startLocalEngines('demo-passkeys')
  vi.stubEnv('SIGN_IN_ORIGINS', place.origin)
  vi.stubEnv('PASSKEY_DOMAIN', place.domain)
  shared = await context()
})
afterAll(async () => {
  await Promise.all([shared.firestore.terminate(), shared.pubsub.close(), shared.batches.close()])
  await engines.close()
})

/** An instance of the function, with a clock of its own. */
const instance = async () => {
  let aheadMs = 0
  const own = { ...shared, nowMs: () => Date.now() + aheadMs }
  const app: Hono = await createApp(
    (routes) => {
      servePasskeys(routes, own, async () => accounts)
      serveApiKeys(routes, own)
    },
    { authenticate: createAuthenticate(own) },
  )
  return {
    app,
    nowMs: own.nowMs,
    pass: (seconds: number) => {
      aheadMs += seconds * 1000
    },
  }
}

interface SignIn {
  hasSecondFactor?: boolean
  secondsAgo?: number
  claims?: Record<string, unknown>
  provider?: string
}
let count = 0
/** An account that is an admin of a tenant of its own, on an instance of its own. */
const account = async (known?: { uid: string }) => {
  const own = await instance()
  const { uid } = known ?? { uid: `uid-${++count}` }
  const send = async (method: string, path: string, body?: object, { secondsAgo = 0, ...signIn }: SignIn = {}) =>
    own.app.request(path, {
      method,
      headers: {
        ...signedIn({
          uid,
          roles: { [uid]: 'admin' },
          hasSecondFactor: false,
          ...signIn,
          issuedAtMs: own.nowMs(),
          signedInAtMs: own.nowMs() - secondsAgo * 1000,
        }),
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    })
  const challenge = async (what: 'registration' | 'assertion', signIn?: SignIn) => {
    const body = what === 'registration' ? { account: 'ada@example.com' } : undefined
    const response = await send('POST', `/v1/passkeys/${what}-options`, body, signIn)
    expect(response.status).toBe(200)
    return z.object({ challenge: z.string() }).parse(await response.json()).challenge
  }
  const register = async (key: SoftwareAuthenticator, tweaks: AuthenticatorTweaks = {}, signIn?: SignIn) => {
    const response = key.create(await challenge('registration', signIn), tweaks)
    return send('POST', '/v1/passkeys', { name: 'a key', response }, signIn)
  }
  const show = async (key: SoftwareAuthenticator, tweaks: AuthenticatorTweaks = {}) =>
    send('POST', '/v1/passkeys/assertions', { response: key.get(await challenge('assertion'), tweaks) })
  /** What a sign-in with the custom token of a good assertion says. */
  const shown = async (key: SoftwareAuthenticator): Promise<SignIn> => {
    const response = await show(key)
    expect(response.status).toBe(200)
    const { customToken } = SignInToken.parse(await response.json())
    return { provider: 'custom', claims: JSON.parse(customToken) as Record<string, unknown> }
  }
  const asAdmin = async (signIn: SignIn) => (await send('GET', `/v1/api-keys?tenant=${uid}`, undefined, signIn)).status
  return { ...own, uid, send, challenge, register, show, shown, asAdmin }
}

const registered = async () => {
  const key = softwareAuthenticator(place)
  const ada = await account()
  const response = await ada.register(key)
  expect(response.status).toBe(201)
  return { key, ...ada, passkey: PasskeyView.parse(await response.json()) }
}
const faultOf = async (response: Response) => {
  const { status, errors, detail } = ProblemDetails.parse(await response.json())
  return `${status} ${errors?.[0]?.rule ?? detail}`
}
const entriesOf = async (uid: string) => {
  const { docs } = await shared.firestore.collection(collections.ledgerIntake).get()
  const Entry = z.object({
    id: z.string(),
    action: z.string(),
    actor: z.object({ id: z.string() }),
    outcome: z.string(),
    reason: z.string().nullable(),
  })
  return (
    docs
      .flatMap((document) => z.array(z.string()).parse(document.get('entries')))
      .map((entry) => Entry.parse(JSON.parse(entry)))
      .filter(({ actor, action }) => actor.id === uid && action.startsWith('passkey-'))
      // UUIDs of version 7: in the order in which they were made.
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
      .map(({ action, outcome, reason }) => [action, outcome, reason].filter((word) => word !== null).join(' '))
  )
}

describe('a passkey', () => {
  it('that is shown makes an admin of an account that may be one', async () => {
    const { key, shown, asAdmin, uid, passkey } = await registered()
    expect(await asAdmin({})).toBe(403)
    const signIn = await shown(key)
    expect(signIn.claims).toEqual({ passkey: passkey.id, provenAt: expect.any(Number) })
    expect(await asAdmin(signIn)).toBe(200)
    expect(await entriesOf(uid)).toEqual(['passkey-registered done', 'passkey-shown allowed'])
  })

  it('that is the first needs a sign-in of the last five minutes', async () => {
    const { register, send } = await account()
    const response = await send('POST', '/v1/passkeys/registration-options', { account: 'ada' }, { secondsAgo: 301 })
    expect(await faultOf(response)).toContain('403 Sign in again')
    expect((await register(softwareAuthenticator(place), {}, { secondsAgo: 290 })).status).toBe(201)
  })

  it('more needs a second factor, also where two come first at the same moment', async () => {
    const ada = await account()
    const keys = [softwareAuthenticator(place), softwareAuthenticator(place)]
    const answers = []
    for (const key of keys) answers.push(key.create(await ada.challenge('registration')))
    const both = answers.map((response) => ada.send('POST', '/v1/passkeys', { name: 'a key', response }))
    const statuses = (await Promise.all(both)).map(({ status }) => status)
    expect(statuses.toSorted((a, b) => a - b)).toEqual([201, 403])
    const first = keys[statuses.indexOf(201)] ?? softwareAuthenticator(place)
    const third = softwareAuthenticator(place)
    expect((await ada.send('POST', '/v1/passkeys/registration-options', { account: 'ada' })).status).toBe(403)
    expect((await ada.register(third, {}, await ada.shown(first))).status).toBe(201)
  })

  it('that is known already is not registered again', async () => {
    const { key, register, shown } = await registered()
    expect(await faultOf(await register(key, {}, await shown(key)))).toContain('422 must not be of a passkey that')
    expect((await (await account()).register(key)).status).toBe(422)
  })

  it('is listed to its owner, without its key, and is removed with a second factor', async () => {
    const { key, send, shown, passkey, uid } = await registered()
    const listed = await (await send('GET', '/v1/passkeys')).text()
    expect([listed.includes(passkey.id), listed.includes('publicKey'), listed.includes('a key')]).toEqual([
      true,
      false,
      true,
    ])
    const remove = (signIn?: SignIn) => send('DELETE', `/v1/passkeys/${passkey.id}`, undefined, signIn)
    expect((await remove()).status).toBe(403)
    const other = await registered()
    expect((await other.send('DELETE', `/v1/passkeys/${passkey.id}`)).status).toBe(404)
    const signIn = await shown(key)
    expect((await remove(signIn)).status).toBe(200)
    expect((await remove(signIn)).status).toBe(404)
    expect(await entriesOf(uid)).toContain('passkey-removed done')
  })

  it('is one person’s: services have none', async () => {
    const { app, send, uid } = await account()
    const list = (headers: Record<string, string>) => app.request('/v1/passkeys', { headers })
    expect((await list({})).status).toBe(401)
    const asked = { tenant: uid, name: 'ci', scopes: ['agents:read'] }
    const made = await send('POST', '/v1/api-keys', asked, { hasSecondFactor: true })
    const { key } = z.object({ key: z.string() }).parse(await made.json())
    expect(await faultOf(await list({ authorization: `Bearer ${key}` }))).toContain('403 Only people')
  })
})

describe('a registration', () => {
  const wrong: [string, AuthenticatorTweaks, string][] = [
    ['on another page', { origin: 'https://console.examp1e.com' }, 'must be made on a page of SIGN_IN_ORIGINS'],
    ['for another domain', { domain: 'examp1e.com' }, 'must be of a passkey for this domain'],
    ['without its user verified', { isVerified: false }, 'must be made with its user present and verified'],
    ['of another ceremony', { type: 'webauthn.get' }, 'must be what a passkey answers'],
    ['to a challenge of nobody', { challenge: 'A'.repeat(43) }, 'must answer a challenge of this account'],
    ['with certificates', { format: 'apple' }, 'without attestation'],
  ]
  it.each(wrong)('%s is refused', async (_what, tweaks, rule) => {
    const { register, uid } = await account()
    const fault = await faultOf(await register(softwareAuthenticator(place), tweaks))
    expect([fault.slice(0, 3), fault]).toEqual(['422', expect.stringContaining(rule)])
    expect(await entriesOf(uid)).toEqual([expect.stringMatching(/^passkey-refused denied/)])
    expect((await register(softwareAuthenticator(place))).status).toBe(201)
  })
})

describe('an assertion', () => {
  const wrong: [string, AuthenticatorTweaks, string, string][] = [
    [
      'on another page',
      { origin: 'https://console.examp1e.com' },
      'must be made on a page of SIGN_IN_ORIGINS',
      'origin',
    ],
    ['for another domain', { domain: 'examp1e.com' }, 'must be of a passkey for this domain', 'domain'],
    ['without its user verified', { isVerified: false }, 'with its user present and verified', 'user-verification'],
    ['of another ceremony', { type: 'webauthn.create' }, 'must be what a passkey answers', 'response'],
    ['to a challenge of nobody', { challenge: 'A'.repeat(43) }, 'must answer a challenge of this account', 'challenge'],
    ['that counts as far as the last one', { counter: 5 }, 'must count further than before', 'counter'],
    ['that counts less far than the last one', { counter: 0 }, 'must count further than before', 'counter'],
  ]
  it.each(wrong)('%s is refused', async (_what, tweaks, rule, reason) => {
    const { key, show, uid } = await registered()
    expect((await show(key, { counter: 5 })).status).toBe(200)
    expect(await faultOf(await show(key, tweaks))).toContain(rule)
    expect((await entriesOf(uid)).at(-1)).toBe(`passkey-refused denied ${reason}`)
    expect((await show(key, { counter: 6 })).status).toBe(200)
  })

  it('by the passkey of another account, or by another key, is refused', async () => {
    const [ada, eve] = [await registered(), await registered()]
    const response = ada.key.get(await eve.challenge('assertion'))
    const refused = await eve.send('POST', '/v1/passkeys/assertions', { response })
    expect(await faultOf(refused)).toBe('422 must be of a passkey of this account')
    const forged = { ...eve.key.get(await ada.challenge('assertion')), id: ada.key.id, rawId: ada.key.id }
    const byEve = await ada.send('POST', '/v1/passkeys/assertions', { response: forged })
    expect(await faultOf(byEve)).toContain('422 must be what a passkey answers')
  })

  it('answers a challenge of its account and ceremony, on one instance, in five minutes', async () => {
    const [ada, eve] = [await registered(), await registered()]
    const elsewhere = await account(ada)
    const asked = async (response: object, at = ada.send) =>
      (await at('POST', '/v1/passkeys/assertions', { response })).status
    expect(await asked(ada.key.get(await eve.challenge('assertion')))).toBe(422)
    const registration = await ada.challenge('registration', await ada.shown(ada.key))
    expect(await asked(ada.key.get(registration))).toBe(422)
    const challenge = await ada.challenge('assertion')
    const both = [asked(ada.key.get(challenge)), asked(ada.key.get(challenge), elsewhere.send)]
    expect((await Promise.all(both)).toSorted((a, b) => a - b)).toEqual([200, 422])
    const late = ada.key.get(await ada.challenge('assertion'))
    ada.pass(301)
    expect(await asked(late)).toBe(422)
    expect(await asked(ada.key.get(await ada.challenge('assertion')))).toBe(200)
  })

  it('without any passkey has no options', async () => {
    const { send } = await account()
    expect(await faultOf(await send('POST', '/v1/passkeys/assertion-options'))).toBe(
      '409 must not be none: register one first',
    )
  })
})

describe('as a second factor, a passkey', () => {
  it('counts for twelve hours, also in tokens that are refreshed', async () => {
    const { key, shown, asAdmin, pass } = await registered()
    const signIn = await shown(key)
    pass(12 * 3600 - 60)
    expect(await asAdmin(signIn)).toBe(200)
    pass(61)
    expect(await asAdmin(signIn)).toBe(403)
    expect(await asAdmin(await shown(key))).toBe(200)
  })

  it('counts no more on any instance, a minute after it was removed', async () => {
    const ada = await registered()
    const signIn = await ada.shown(ada.key)
    expect(await ada.asAdmin(signIn)).toBe(200)
    const elsewhere = await account(ada)
    expect((await elsewhere.send('DELETE', `/v1/passkeys/${ada.passkey.id}`, undefined, signIn)).status).toBe(200)
    ada.pass(60)
    expect(await ada.asAdmin(signIn)).toBe(403)
  })

  it('counts in no token but those of its account that a custom token began', async () => {
    const { key, shown, asAdmin, passkey } = await registered()
    const { claims = {} } = await shown(key)
    const [eve, now] = [await registered(), Math.floor(Date.now() / 1000)]
    const { claims: others = {} } = await eve.shown(eve.key)
    expect(await asAdmin({ provider: 'custom', claims })).toBe(200)
    expect(await asAdmin({ provider: 'password', claims })).toBe(403)
    expect(await asAdmin({ provider: 'google.com', claims })).toBe(403)
    expect(await asAdmin({ provider: 'custom', claims: others })).toBe(403)
    expect(await asAdmin({ provider: 'custom', claims: { passkey: passkey.id } })).toBe(403)
    expect(await asAdmin({ provider: 'custom', claims: { passkey: '0'.repeat(64), provenAt: now } })).toBe(403)
    expect(await asAdmin({ provider: 'custom', claims: { passkey: '../members/x', provenAt: now } })).toBe(403)
    expect(await asAdmin({ provider: 'custom', claims: { passkey: passkey.id, provenAt: now + 3600 } })).toBe(403)
    expect(await asAdmin({ provider: 'custom', claims: { passkey: true, provenAt: now } })).toBe(401)
  })
})
