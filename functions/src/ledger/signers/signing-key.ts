import { createPublicKey, verify, type KeyObject } from 'node:crypto'
import { signatureKinds, type VerifySignature } from '@infinity-matrix/core/ledger'

/** Keys of the log: Ed25519, which every reader of logs knows, and ML-DSA-44, which no quantum computer breaks. */
export const signingKinds = ['ed25519', 'ml-dsa-44'] as const
export type SigningKind = (typeof signingKinds)[number]

/** A key that can be asked for signatures, wherever it is kept. */
export interface SigningKey {
  kind: SigningKind
  /** As its standard writes it: 32 bytes (RFC 8032), or 1,312 (FIPS 204). */
  publicKey: Uint8Array
  sign: (message: Uint8Array) => Promise<Uint8Array>
}

/** The bytes of a public key, which are the last of its SubjectPublicKeyInfo. @throws TypeError for a key of another kind */
export const bytesOfPublicKey = (kind: SigningKind, key: KeyObject): Uint8Array => {
  if (key.asymmetricKeyType !== kind) throw new TypeError(`a key of ${kind} is none of ${key.asymmetricKeyType}`)
  return key.export({ type: 'spki', format: 'der' }).subarray(-signatureKinds[kind].keyBytes)
}

/** By Node's own cryptography. */
export const verifySignature: VerifySignature = (algorithm, publicKey, message, signature) => {
  const text = Buffer.from(publicKey).toString('base64url')
  const key =
    algorithm === 'ed25519' ? { kty: 'OKP', crv: 'Ed25519', x: text } : { kty: 'AKP', alg: 'ML-DSA-44', pub: text }
  return verify(null, message, createPublicKey({ format: 'jwk', key }), signature)
}
