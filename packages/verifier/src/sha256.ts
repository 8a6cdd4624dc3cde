import { hash } from 'node:crypto'
import type { Sha256 } from '@infinity-matrix/core/merkle'

/** A digest with a character for each byte: node makes that, and of it a buffer from its pool, faster than a buffer. */
export const sha256Characters = (bytes: Uint8Array): string => hash('sha256', bytes, 'binary')

export const sha256: Sha256 = (bytes) => Buffer.from(sha256Characters(bytes), 'latin1')
