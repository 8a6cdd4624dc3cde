import { createPublicKey, verify } from 'node:crypto'
import { isStrictKey, isStrictlyFormed } from '@infinity-matrix/core/strict-ed25519'

const bytesOf = (base64url: string) => Buffer.from(base64url, 'base64url')

/** Whether a public key is one under the strict policy of docs/rooms/ledger.md. @param publicKey in base64url */
export const isStrictPublicKey = (publicKey: string): boolean => isStrictKey(bytesOf(publicKey))

/**
 * Whether a signature is one under that policy.
 *
 * @param publicKey and @param signature in base64url
 */
export const verifyEd25519 = (publicKey: string, message: string, signature: string): boolean => {
  if (!isStrictlyFormed(bytesOf(publicKey), bytesOf(signature))) return false
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: publicKey }, format: 'jwk' })
  return verify(null, Buffer.from(message), key, bytesOf(signature))
}
