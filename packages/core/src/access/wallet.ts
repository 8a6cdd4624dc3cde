import { challengeSeconds } from '@infinity-matrix/contracts'
import { isDeclaredOrigin } from './origins.ts'

/** Clocks of people's machines are wrong by so much at most. */
const aheadSecondsMax = 60

/** What a message of EIP-4361 says; times in milliseconds since 1970. */
export interface WalletMessage {
  scheme?: string | undefined
  domain: string
  address: string
  uri: string
  chainId: number
  issuedAtMs: number
  expiresAtMs?: number | undefined
  notBeforeMs?: number | undefined
}

export interface WalletRules {
  /** Origins of pages on which people sign in. */
  origins: readonly string[]
  chainIds: readonly number[]
  nowMs: number
}

export interface WalletFault {
  field:
    | 'message.domain'
    | 'message.uri'
    | 'message.chainId'
    | 'message.issuedAt'
    | 'message.expirationTime'
    | 'message.notBefore'
  rule: string
}

/**
 * What a message breaks, apart from its nonce and its signature: it was signed for another page (a phishing site's, say),
 * another chain, or another time.
 *
 * @see https://eips.ethereum.org/EIPS/eip-4361
 */
export const walletFault = (
  message: WalletMessage,
  { origins, chainIds, nowMs }: WalletRules,
): WalletFault | undefined => {
  const { domain, scheme, uri, chainId, issuedAtMs, expiresAtMs, notBeforeMs } = message
  const origin = ['https', 'http']
    .filter((one) => scheme === undefined || scheme === one)
    .map((one) => `${one}://${domain}`)
    .find((one) => isDeclaredOrigin(origins, one))
  if (origin === undefined) return { field: 'message.domain', rule: 'must be of a page that people sign in on here' }
  if (uri !== origin && !uri.startsWith(`${origin}/`)) return { field: 'message.uri', rule: 'must be of its domain' }
  if (!chainIds.includes(chainId)) return { field: 'message.chainId', rule: `must be one of ${chainIds.join(', ')}` }
  const ageMs = nowMs - issuedAtMs
  if (!(ageMs <= challengeSeconds * 1000 && ageMs >= -aheadSecondsMax * 1000))
    return { field: 'message.issuedAt', rule: `must be at most ${challengeSeconds} seconds ago` }
  if (expiresAtMs !== undefined && !(nowMs < expiresAtMs))
    return { field: 'message.expirationTime', rule: 'must not have passed' }
  if (notBeforeMs !== undefined && !(nowMs >= notBeforeMs))
    return { field: 'message.notBefore', rule: 'must have passed' }
  return undefined
}

// The order of secp256k1, halved.
const sMax = 0x7fffffff_ffffffff_ffffffff_ffffffff_5d576e73_57a4501d_dfe92f46_681b20a0n
const ofKey = /^0x[0-9a-f]{64}(?<s>[0-9a-f]{64})(?<v>00|01|1b|1c)$/i

/**
 * What kind of signature it is, in hex after 0x. A key makes r, s and one of two bits; with s also the order less s signs
 * the same, so the higher one of them is taken from nobody (EIP-2). What has another form may be a contract's.
 */
export const signatureKind = (signature: string): 'key' | 'malleable' | 'contract' => {
  const s = ofKey.exec(signature)?.groups?.['s']
  if (s === undefined) return 'contract'
  return BigInt(`0x${s}`) <= sMax ? 'key' : 'malleable'
}

/**
 * Whose account a wallet is, as a text to be hashed. A key is its holder's on every chain. A contract may be somebody
 * else's on another one.
 *
 * @param address in hex after 0x
 */
export const walletOwner = (address: string, contractOnChain: number | null): string =>
  `eip155:${contractOnChain === null ? '' : `${contractOnChain}:`}${address.toLowerCase()}`
