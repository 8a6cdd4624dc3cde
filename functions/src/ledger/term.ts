import { hash } from 'node:crypto'
import type { TermOf } from '@infinity-matrix/core/ledger'

const hexDigits = 16

/** Terms of entries, by which they are searched: the first bytes of a hash. */
export const termOf: TermOf = (words) => hash('sha256', words).slice(0, hexDigits)
