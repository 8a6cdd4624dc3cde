import { describe, expect, it } from 'vitest'
import { signatureKind, walletFault, walletOwner, type WalletMessage } from './wallet.ts'

const nowMs = 1_790_000_000_000
const rules = { origins: ['https://console.example.com', 'http://localhost:*'], chainIds: [1, 10], nowMs }
const message: WalletMessage = {
  domain: 'console.example.com',
  address: '0x0',
  uri: 'https://console.example.com/sign-in',
  chainId: 1,
  issuedAtMs: nowMs,
}

describe('a message', () => {
  it.each<[string, Partial<WalletMessage>, string | undefined]>([
    ['of a page of ours', {}, undefined],
    ['of the page itself', { uri: 'https://console.example.com' }, undefined],
    ['of a page of this machine', { domain: 'localhost:3000', uri: 'http://localhost:3000/' }, undefined],
    ['that says https', { scheme: 'https' }, undefined],
    ['that says another scheme', { scheme: 'javascript' }, 'message.domain'],
    ['of a page that looks like ours', { domain: 'console.examp1e.com' }, 'message.domain'],
    ['for a page of another', { uri: 'https://evil.com/?https://console.example.com/' }, 'message.uri'],
    ['for a page that begins like ours', { uri: 'https://console.example.com@evil.com/' }, 'message.uri'],
    ['of another chain', { chainId: 5 }, 'message.chainId'],
    ['of five minutes ago', { issuedAtMs: nowMs - 300_000 }, undefined],
    ['of earlier', { issuedAtMs: nowMs - 300_001 }, 'message.issuedAt'],
    ['of a clock that is a minute ahead', { issuedAtMs: nowMs + 60_000 }, undefined],
    ['of later', { issuedAtMs: nowMs + 60_001 }, 'message.issuedAt'],
    ['of no time', { issuedAtMs: Number.NaN }, 'message.issuedAt'],
    ['that expires now', { expiresAtMs: nowMs }, 'message.expirationTime'],
    ['that expires at no time', { expiresAtMs: Number.NaN }, 'message.expirationTime'],
    ['that is good from now on', { notBeforeMs: nowMs }, undefined],
    ['that is good from later on', { notBeforeMs: nowMs + 1 }, 'message.notBefore'],
  ])('%s', (_what, changed, field) => {
    expect(walletFault({ ...message, ...changed }, rules)?.field).toBe(field)
  })
})

describe('a signature', () => {
  const half = '7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0'
  const of = (s: string, v: string) => signatureKind(`0x${'1'.repeat(64)}${s}${v}`)
  it('of a key has the lower s of two', () => {
    expect([of(half, '1b'), of(half.replace(/a0$/, 'a1'), '1b'), of('f'.repeat(64), '00')]).toEqual([
      'key',
      'malleable',
      'malleable',
    ])
  })
  it('of another form may be of a contract', () => {
    expect([of(half, '1d'), of(half, ''), of(half, '1b00')]).toEqual(['contract', 'contract', 'contract'])
  })
})

it('a wallet of a key has one owner on all chains, and a contract one on each', () => {
  expect(walletOwner('0xAB', null)).toBe('eip155:0xab')
  expect(walletOwner('0xAB', 10)).toBe('eip155:10:0xab')
})
