import { hash } from 'node:crypto'
import { hashBytes, type Sha256 } from '@infinity-matrix/core/merkle'

/**
 * SHA-256, for what core decides by hashes. Node makes a text with a character for each byte several times as fast as a
 * buffer, and small arrays of bytes are made where texts are.
 */
export const sha256: Sha256 = (data) => {
  const characters = hash('sha256', data, 'binary')
  const digest = new Uint8Array(hashBytes)
  for (let at = 0; at < hashBytes; at++) digest[at] = characters.charCodeAt(at)
  return digest
}
