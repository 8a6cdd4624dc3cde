import { hash } from 'node:crypto'
import type { Sha256 } from '@infinity-matrix/core/merkle'

/** SHA-256, for what core decides by hashes. */
export const sha256: Sha256 = (bytes) => hash('sha256', bytes, 'buffer')
