import { createPublicKey, verify } from 'node:crypto'
import type { VerifySignature } from '@infinity-matrix/core/ledger'
import { verifyStrictEd25519 } from './strict-ed25519.ts'

/** What stands before the bytes of an ML-DSA-44 key in a SubjectPublicKeyInfo. RFC 9881. */
const mlDsa44Prefix = Buffer.from('30820532300b06096086480165030403110382052100', 'hex')

const verifyMlDsa44 = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean => {
  const spki = Buffer.concat([mlDsa44Prefix, publicKey])
  return verify(null, message, createPublicKey({ key: spki, format: 'der', type: 'spki' }), signature)
}

/** The signatures of logs and witnesses by node:crypto. @throws where the runtime has no ML-DSA: Node 24 or later has */
export const verifySignature: VerifySignature = (algorithm, publicKey, message, signature) =>
  algorithm === 'ed25519'
    ? verifyStrictEd25519(publicKey, message, signature)
    : verifyMlDsa44(publicKey, message, signature)
