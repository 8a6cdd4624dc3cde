import type { ApiKeyDocument } from '@infinity-matrix/contracts'
import { isInForce } from './service.ts'

/**
 * An API key: `imx_{id}_{secret}{checksum}`. The prefix and the checksum let scanners of source code tell a key from what
 * only looks like one, without asking anybody.
 */
export interface ApiKey {
  id: string
  secret: string
}

const form = /^imx_([0-9a-f]{16})_([0-9a-f]{64})([0-9a-f]{8})$/

/** @param id 8 random bytes, and @param secret 32, in hex */
export const formatApiKey = ({ id, secret }: ApiKey): string => `imx_${id}_${secret}${checksumOf(id + secret)}`

/** @returns undefined for what is no key, or was mistyped */
export const parseApiKey = (text: string): ApiKey | undefined => {
  const [, id, secret, checksum] = form.exec(text) ?? []
  if (id === undefined || secret === undefined || checksum !== checksumOf(id + secret)) return undefined
  return { id, secret }
}

/** What people are shown of a key. */
export const apiKeyPrefix = (id: string): string => `imx_${id}`

/** CRC-32 (ISO 3309) of ASCII, in 8 hex digits. */
const checksumOf = (text: string): string => {
  let crc = 0xff_ff_ff_ff
  for (const character of text) {
    crc ^= character.codePointAt(0) ?? 0
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xed_b8_83_20 : crc >>> 1
  }
  return ((crc ^ 0xff_ff_ff_ff) >>> 0).toString(16).padStart(8, '0')
}

/** Whether a key is good. @param digest of the secret, as it is kept */
export const isGoodApiKey = (key: ApiKeyDocument, digest: string, now: string): boolean =>
  isInForce(key, now) &&
  key.secrets.some((secret) => secret.digest === digest && (secret.expiresAt === null || secret.expiresAt > now))

/** A key with a new secret; the one before it is good until the overlap ends, and older ones are not any more. */
export const rotateApiKey = (
  key: ApiKeyDocument,
  digest: string,
  { now, overlapEndsAt }: { now: string; overlapEndsAt: string },
): ApiKeyDocument => {
  const [latest] = key.secrets
  const before = latest ? [{ ...latest, expiresAt: overlapEndsAt }] : []
  return { ...key, secrets: [{ digest, createdAt: now, expiresAt: null }, ...before] }
}
