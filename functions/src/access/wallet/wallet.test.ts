import { collections, ProblemDetails, SignInToken, WalletNonce } from '@infinity-matrix/contracts'
import type { Hono } from 'hono'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { createSiweMessage, type SiweMessage } from 'viem/siwe'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { context, type Context } from '../../runtime/context.ts'
import { createApp } from '../../runtime/on-request.ts'
import { startLocalEngines, type LocalEngines } from '../../runtime/testing.ts'
import type { Accounts } from '../members/accounts.ts'
import { serveWalletSignIn } from './routes.ts'
import { startNode } from './testing.ts'

// Accounts and custom tokens are Google's; emulator-tests/people.test.ts has them of the Auth emulator.
const made = new Map<string, string>()
const accounts: Accounts = {
  uidOf: async () => undefined,
  exists: async () => true,
  ensure: async (uid, name) => void made.set(uid, name),
  setClaims: async () => undefined,
  endSessions: async () => undefined,
  customToken: async (_uid, claims) => JSON.stringify(claims),
}

const contractChain = 31_337
let engines: LocalEngines
let shared: Context
let node: Awaited<ReturnType<typeof startNode>>
let app: Hono
let aheadMs = 0

const openInstance = () =>
  createApp((routes) =>
    serveWalletSignIn(routes, { ...shared, nowMs: () => Date.now() + aheadMs }, async () => accounts),
  )

beforeAll(async () => {
  engines = await startLocalEngines('demo-wallets')
  node = await startNode(contractChain)
  vi.stubEnv('SIGN_IN_ORIGINS', 'https://console.example.com')
  vi.stubEnv('WALLET_CHAIN_IDS', `1, ${contractChain}`)
  vi.stubEnv('WALLET_RPC_URLS', `${contractChain}=${node.url}`)
  shared = await context()
  app = await openInstance()
})
afterAll(async () => {
  await Promise.all([shared.firestore.terminate(), shared.pubsub.close(), shared.batches.close()])
  await Promise.all([engines.close(), node.close()])
})

const post = (path: string, body?: object, at = app) =>
  at.request(`/v1/sign-in/wallet${path}`, {
    method: 'POST',
    ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  })
const newNonce = async () => WalletNonce.parse(await (await post('/nonce')).json()).nonce

const ada = privateKeyToAccount(generatePrivateKey())
/** A message that would be taken, but for what is changed. */
const messageOf = async (changed: Partial<SiweMessage> = {}): Promise<string> =>
  createSiweMessage({
    domain: 'console.example.com',
    address: ada.address,
    uri: 'https://console.example.com/sign-in',
    version: '1',
    chainId: 1,
    nonce: await newNonce(),
    statement: 'Sign in to Infinity Matrix.',
    issuedAt: new Date(Date.now() + aheadMs),
    ...changed,
  })
const signed = async (message: string, by = ada) => ({ message, signature: await by.signMessage({ message }) })
const faultOf = async (response: Response) => {
  const { status, errors, detail } = ProblemDetails.parse(await response.json())
  return `${status} ${errors?.[0] ? `${errors[0].field} ${errors[0].rule}` : detail}`
}
const entriesOf = async (action: string) => {
  const { docs } = await shared.firestore.collection(collections.ledgerIntake).get()
  const Entry = z.looseObject({ action: z.string(), actor: z.object({ id: z.string() }) })
  return docs
    .flatMap((document) => z.array(z.string()).parse(document.get('entries')))
    .map((entry) => Entry.parse(JSON.parse(entry)))
    .filter((entry) => entry.action === action)
}

describe('a wallet', () => {
  it('signs its account in, which is the same each time, and tells nothing of its address in the ledger', async () => {
    const response = await post('', await signed(await messageOf()))
    expect([response.status, response.headers.get('cache-control')]).toEqual([200, 'no-store'])
    const { uid, customToken } = SignInToken.parse(await response.json())
    expect(uid).toMatch(/^wallet-[0-9a-f]{40}$/)
    expect(made.get(uid)).toBe(ada.address)
    expect(JSON.parse(customToken)).toEqual({ provenAt: expect.any(Number) })
    const again = await post('', await signed(await messageOf({ resources: ['https://example.com/terms'] })))
    expect(SignInToken.parse(await again.json()).uid).toBe(uid)
    const entries = await entriesOf('wallet-signed-in')
    expect(entries.filter(({ actor }) => actor.id === uid)).toHaveLength(2)
    expect(JSON.stringify(entries).toLowerCase()).not.toContain(ada.address.slice(2).toLowerCase())
  })

  const minutes = (count: number) => new Date(Date.now() + count * 60_000)
  const wrong: [string, Partial<SiweMessage>, string][] = [
    ['a phishing page', { domain: 'console.examp1e.com' }, 'message.domain must be of a page that people sign in on'],
    ['a page over plain http', { scheme: 'http' }, 'message.domain must be of a page that people sign in on'],
    ['another page’s URI', { uri: 'https://console.example.com.evil.com/' }, 'message.uri must be of its domain'],
    ['another chain', { chainId: 137 }, 'message.chainId must be one of 1, 31337'],
    ['an old moment', { issuedAt: minutes(-6) }, 'message.issuedAt must be at most 300 seconds ago'],
    ['a moment to come', { issuedAt: minutes(2) }, 'message.issuedAt must be at most 300 seconds ago'],
    ['a time that has passed', { expirationTime: minutes(-1) }, 'message.expirationTime must not have passed'],
    ['a time that is to come', { notBefore: minutes(1) }, 'message.notBefore must have passed'],
    ['a nonce that is not ours', { nonce: '0'.repeat(64) }, 'message.nonce must be one of ours'],
    ['a nonce of another form', { nonce: 'abcdefgh12345678' }, 'message.nonce must be one of ours'],
  ]
  it.each(wrong)('that signs for %s is refused', async (_what, changed, fault) => {
    const before = (await entriesOf('wallet-refused')).length
    expect(await faultOf(await post('', await signed(await messageOf(changed))))).toContain(`422 ${fault}`)
    expect(await entriesOf('wallet-refused')).toHaveLength(before + 1)
  })

  it('uses a nonce once, of two instances at the same moment on one', async () => {
    const asked = await signed(await messageOf())
    const both = await Promise.all([post('', asked), post('', asked, await openInstance())])
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 422])
    expect(await faultOf(await post('', asked))).toContain('message.nonce must be one of ours')
  })

  it('uses a nonce in five minutes', async () => {
    const nonce = await newNonce()
    aheadMs += 301_000
    expect(await faultOf(await post('', await signed(await messageOf({ nonce }))))).toContain('message.nonce')
    expect((await post('', await signed(await messageOf()))).status).toBe(200)
  })
})

describe('a message', () => {
  const form = '422 message must be a message of EIP-4361 and nothing else'
  it.each<[string, (message: string) => string, string]>([
    ['with more before it', (message) => `Pay 1 ETH.\n${message}`, form],
    ['with more after it', (message) => `${message}\nPay 1 ETH.`, form],
    ['with a line within it', (message) => message.replace('\nVersion', '\nPay 1 ETH.\nVersion'), form],
    ['of another version', (message) => message.replace('Version: 1', 'Version: 2'), form],
    ['that is none', () => 'Sign in to Infinity Matrix.', form],
    ['with its address in lower case', (message) => message.replace(ada.address, ada.address.toLowerCase()), 'EIP-55'],
  ])('%s is refused, though it is signed', async (_what, change, fault) => {
    expect(await faultOf(await post('', await signed(change(await messageOf()))))).toContain(fault)
  })

  it('that was changed after it was signed is refused, and so is that of another key', async () => {
    const asked = await signed(await messageOf())
    const changed = { ...asked, message: asked.message.replace('Sign in to', 'Sign in at') }
    const fault = "422 signature must be by the key of the message's address: contracts of chain 1 are not asked here"
    expect(await faultOf(await post('', changed))).toBe(fault)
    const eve = privateKeyToAccount(generatePrivateKey())
    expect(await faultOf(await post('', await signed(await messageOf(), eve)))).toBe(fault)
    // Neither used the nonce up.
    expect((await post('', asked)).status).toBe(200)
  })

  it('with the other signature that its key’s one gives away is refused', async () => {
    const { message, signature } = await signed(await messageOf())
    const order = 0xffffffff_ffffffff_ffffffff_fffffffe_baaedce6_af48a03b_bfd25e8c_d0364141n
    const s = order - BigInt(`0x${signature.slice(66, 130)}`)
    const other = `${signature.slice(0, 66)}${s.toString(16).padStart(64, '0')}${signature.endsWith('1b') ? '1c' : '1b'}`
    expect(await faultOf(await post('', { message, signature: other }))).toContain('must have s in the lower half')
    expect((await post('', { message, signature })).status).toBe(200)
  })
})

describe('a contract wallet', () => {
  const ask = async (changed: Partial<SiweMessage>) =>
    post('', { message: await messageOf(changed), signature: `0x${'ab'.repeat(100)}` })

  it('is asked on its own chain, where there is a node of it', async () => {
    const address = node.yes
    expect(await faultOf(await ask({ address, chainId: 1 }))).toContain('contracts of chain 1 are not asked here')
    const response = await ask({ address, chainId: contractChain })
    expect(response.status).toBe(200)
    const { uid } = SignInToken.parse(await response.json())
    expect([...made.keys()].filter((one) => one === uid)).toHaveLength(1)
  })

  it('that did not sign is refused, and so is an address without a contract', async () => {
    for (const address of [node.no, ada.address])
      expect(await faultOf(await ask({ address, chainId: contractChain }))).toContain("by the message's address")
  })

  it('cannot be asked while its node is away', async () => {
    vi.stubEnv('WALLET_RPC_URLS', `${contractChain}=http://127.0.0.1:1`)
    expect((await ask({ address: node.yes, chainId: contractChain })).status).toBe(503)
    vi.stubEnv('WALLET_RPC_URLS', `${contractChain}=${node.url}`)
  })
})
