import { isLedgerFault, parsePolicy, type Policy } from '@infinity-matrix/core/ledger'
import { sha256 } from './sha256.ts'

/** Reads a policy (c2sp.org/tlog-policy). @throws LedgerFault naming the line */
export const readPolicy = (text: string): Policy => parsePolicy(sha256, text)

/** Believes a log by its keys, without witnesses. @throws LedgerFault */
export const policyOfKeys = (keys: readonly string[]): Policy =>
  readPolicy(`${keys.map((key) => `log ${key}\n`).join('')}quorum none\n`)

/** What is wrong with a log and where, if that is what an error tells. */
export const faultOf = (error: unknown): { position: string; what: string } | undefined =>
  isLedgerFault(error) ? { position: error.position, what: error.what } : undefined
