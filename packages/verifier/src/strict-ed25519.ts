import { createPublicKey, verify } from 'node:crypto'
import { isStrictlyFormed } from '@infinity-matrix/core/strict-ed25519'

/**
 * Whether a signature is one under the strict policy. OpenSSL 3.5 keeps rules 1 to 4 by itself, others do not; the
 * equation itself, without cofactor, is its work.
 */
export const verifyStrictEd25519 = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean => {
  if (!isStrictlyFormed(publicKey, signature)) return false
  const x = Buffer.from(publicKey).toString('base64url')
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
  return verify(null, message, key, signature)
}
