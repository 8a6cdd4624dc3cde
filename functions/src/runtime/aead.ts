import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

const nonceBytes = 12
const tagBytes = 16

/** What was encrypted is not what is decrypted: the wrong key, another place, or bytes that were changed. */
export class NotAuthenticError extends Error {
  readonly code = 'not-authentic'

  constructor() {
    super('a sealed value is not what was sealed there')
  }
}

/**
 * AES-256-GCM with a random nonce: nonce, ciphertext and tag. One key is good for 2^32 of them (NIST SP 800-38D, 8.3).
 *
 * @param bound what it belongs to: not encrypted, and not changed unseen
 */
export const encrypt = (key: Uint8Array, plain: Uint8Array, bound: string): Buffer => {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes }).setAAD(Buffer.from(bound))
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** @throws {NotAuthenticError} */
export const decrypt = (key: Uint8Array, sealed: Uint8Array, bound: string): Buffer => {
  if (sealed.length < nonceBytes + tagBytes) throw new NotAuthenticError()
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, nonceBytes), { authTagLength: tagBytes })
    .setAAD(Buffer.from(bound))
    .setAuthTag(sealed.subarray(-tagBytes))
  const plain = decipher.update(sealed.subarray(nonceBytes, -tagBytes))
  try {
    return Buffer.concat([plain, decipher.final()])
  } catch {
    throw new NotAuthenticError()
  }
}
