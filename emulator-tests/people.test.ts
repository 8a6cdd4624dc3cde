// How people sign in: passkeys, wallets and providers, with accounts of the Auth emulator, the rules and the API.
import { collections, PasskeyView, SignInToken, WalletNonce } from '@infinity-matrix/contracts'
import { agentDocument, softwareAuthenticator, waitFor, type SoftwareAuthenticator } from '@infinity-matrix/testing'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { createSiweMessage } from 'viem/siwe'
import { beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import {
  ask,
  grantAsOperator,
  projectId,
  refresh,
  signInWithCustomToken,
  signInWithProvider,
  signInWithTwoFactors,
  signUp,
} from './auth.ts'
import { firestore, functionUrl, uniqueTenant } from './suite.ts'

const page = { origin: 'http://localhost:5000', domain: 'localhost' }
const timeout = 180_000
let documents = ''
let api = ''
let fleet = ''

beforeAll(async () => {
  documents = `http://${process.env['FIRESTORE_EMULATOR_HOST']}/v1/projects/${projectId}/databases/(default)/documents`
  api = `${await functionUrl('access-api')}/v1`
  fleet = `${await functionUrl('fleet-api')}/v1`
})

const Options = z.object({ challenge: z.string() })
const registered = async (token: string, key: SoftwareAuthenticator) => {
  const options = await ask(`${api}/passkeys/registration-options`, token, 'POST', { account: 'ada@example.com' })
  const response = key.create(Options.parse(await options.json()).challenge)
  const answer = await ask(`${api}/passkeys`, token, 'POST', { name: 'a key', response })
  expect(answer.status).toBe(201)
  return PasskeyView.parse(await answer.json())
}
/** A custom token for a passkey that was shown. */
const shown = async (token: string, key: SoftwareAuthenticator): Promise<string> => {
  const options = Options.parse(await (await ask(`${api}/passkeys/assertion-options`, token, 'POST')).json())
  const answer = await ask(`${api}/passkeys/assertions`, token, 'POST', { response: key.get(options.challenge) })
  expect(answer.status).toBe(200)
  return SignInToken.parse(await answer.json()).customToken
}

const agentOf = async (tenant: string): Promise<string> => {
  const agentId = `of-${tenant}`
  await firestore.collection(collections.agents).doc(agentId).set(agentDocument({ agentId, tenant }))
  return agentId
}
const readsOf = async (agentId: string, token: string) => {
  const byRules = await ask(`${documents}/${collections.agents}/${agentId}`, token)
  const byApi = await ask(`${fleet}/agents/${agentId}`, token)
  return [byRules.status, byApi.status]
}

/** What only an admin with a second factor may do: by the rules, and by the API. */
const asAdminOf = async (tenant: string) => {
  await firestore.collection(collections.erasures).doc(tenant).set({ tenant })
  return async (token: string) => {
    const byRules = await ask(`${documents}/${collections.erasures}/${tenant}`, token)
    const byApi = await ask(`${api}/members?tenant=${tenant}`, token)
    return [byRules.status, byApi.status]
  }
}

it('who signs in by password is an admin once they show a passkey, until it is removed', { timeout }, async () => {
  const tenant = uniqueTenant()
  const email = `ada@${tenant}.example`
  const { refreshToken } = await signUp(email)
  await grantAsOperator(['--email', email], tenant, 'admin')
  const weak = await refresh(refreshToken)
  const does = await asAdminOf(tenant)
  expect(await does(weak)).toEqual([403, 403])

  const key = softwareAuthenticator(page)
  const passkey = await registered(weak, key)
  expect(await does(weak)).toEqual([403, 403])
  const session = await signInWithCustomToken(await shown(weak, key))
  expect(await does(session.idToken)).toEqual([200, 200])
  const refreshed = await refresh(session.refreshToken)
  expect(await does(refreshed)).toEqual([200, 200])

  // Another one, whose removal leaves the first as it is.
  const second = await registered(refreshed, softwareAuthenticator(page))
  expect((await ask(`${api}/passkeys/${second.id}`, weak, 'DELETE')).status).toBe(403)
  expect((await ask(`${api}/passkeys/${second.id}`, refreshed, 'DELETE')).status).toBe(200)
  expect(await does(refreshed)).toEqual([200, 200])

  expect((await ask(`${api}/passkeys/${passkey.id}`, refreshed, 'DELETE')).status).toBe(200)
  expect((await does(refreshed))[0]).toBe(403)
  await waitFor('the passkey to count no more', async () => ((await does(refreshed))[1] === 403 ? true : undefined), {
    deadlineSeconds: 60,
  })
  expect((await does(await refresh(session.refreshToken)))[1]).toBe(403)
})

it('whose sessions are ended has none by a custom token that was kept until then', { timeout }, async () => {
  const tenant = uniqueTenant()
  const [rootEmail, email] = [`root@${tenant}.example`, `ada@${tenant}.example`]
  const [root, ada] = await Promise.all([signUp(rootEmail), signUp(email)])
  await grantAsOperator(['--email', rootEmail], tenant, 'admin')
  await grantAsOperator(['--email', email], tenant, 'admin')
  const weak = await refresh(ada.refreshToken)
  const key = softwareAuthenticator(page)
  await registered(weak, key)
  const [kept, used] = [await shown(weak, key), await shown(weak, key)]
  const session = await signInWithCustomToken(used)
  const does = await asAdminOf(tenant)
  expect(await does(session.idToken)).toEqual([200, 200])

  const strong = await signInWithTwoFactors(rootEmail, { ...root, idToken: await refresh(root.refreshToken) })
  const ended = await ask(`${api}/members/${ada.localId}/end-sessions?tenant=${tenant}`, strong, 'POST')
  expect(ended.status).toBe(200)
  // Which Firebase itself would not refresh, and its emulator does.
  expect(await does(await refresh(session.refreshToken))).toEqual([403, 401])
  const late = await signInWithCustomToken(kept)
  expect(await does(late.idToken)).toEqual([403, 401])
  expect(await does(await refresh(late.refreshToken))).toEqual([403, 401])
})

it('a wallet signs in, and may do what its role says, as an admin with a passkey', { timeout }, async () => {
  const tenant = uniqueTenant()
  const agentId = await agentOf(tenant)
  const wallet = privateKeyToAccount(generatePrivateKey())
  const begun = await ask(`${api}/sign-in/wallet/nonce`, undefined, 'POST')
  const message = createSiweMessage({
    domain: 'localhost:5000',
    address: wallet.address,
    uri: 'http://localhost:5000/',
    version: '1',
    chainId: 1,
    nonce: WalletNonce.parse(await begun.json()).nonce,
  })
  const signed = { message, signature: await wallet.signMessage({ message }) }
  const [answer, again] = await Promise.all([
    ask(`${api}/sign-in/wallet`, undefined, 'POST', signed),
    ask(`${api}/sign-in/wallet`, undefined, 'POST', signed),
  ])
  expect([answer.status, again.status].toSorted((a, b) => a - b)).toEqual([200, 422])
  const { uid, customToken } = SignInToken.parse(await (answer.status === 200 ? answer : again).json())
  const session = await signInWithCustomToken(customToken)
  expect(await readsOf(agentId, session.idToken)).toEqual([403, 403])

  await grantAsOperator(['--uid', uid], tenant, 'viewer')
  const viewer = await refresh(session.refreshToken)
  expect(await readsOf(agentId, viewer)).toEqual([200, 200])

  await grantAsOperator(['--uid', uid], tenant, 'admin')
  const weak = await refresh(session.refreshToken)
  const does = await asAdminOf(tenant)
  expect(await does(weak)).toEqual([403, 403])
  const key = softwareAuthenticator(page)
  await registered(weak, key)
  expect(await does((await signInWithCustomToken(await shown(weak, key))).idToken)).toEqual([200, 200])
})

it.each(['google.com', 'oidc.acme'])('who signs in by %s has roles', { timeout }, async (provider) => {
  const tenant = uniqueTenant()
  const agentId = await agentOf(tenant)
  const told = { sub: tenant, email: `ada@${tenant}.example`, email_verified: true, roles: { [tenant]: 'admin' } }
  const session = await signInWithProvider(provider, told)
  expect(await readsOf(agentId, session.idToken)).toEqual([403, 403])
  await grantAsOperator(['--email', told.email], tenant, 'viewer')
  expect(await readsOf(agentId, await refresh(session.refreshToken))).toEqual([200, 200])
})
