import {
  parseVerifierKey,
  signCheckpoint,
  verifierKey,
  type Signer,
  type VerifierKey,
} from '@infinity-matrix/core/ledger'
import type { LedgerTree } from '@infinity-matrix/contracts'
import { once } from '../../runtime/context.ts'
import { createGoogleApi } from '../../runtime/google-api.ts'
import { isLocal, ledgerKeyFile, ledgerKeys, ledgerOrigin, ledgerWitnesses } from '../../runtime/params.ts'
import { sha256 } from '../../runtime/sha256.ts'
import { openKmsKey } from './cloud-kms.ts'
import { openKeyFile } from './key-file.ts'
import type { SigningKey } from './signing-key.ts'

/** Who signs checkpoints, and under which name. */
export interface LogSigners {
  origin: string
  keys: VerifierKey[]
  /** The checkpoint of a tree. @param nowMs in milliseconds since 1970 */
  sign: (tree: LedgerTree, nowMs: number) => Promise<string>
}

export const signersOf = (origin: string, signingKeys: readonly SigningKey[]): LogSigners => {
  const signers = signingKeys.map(({ kind, publicKey, sign }): Signer => ({
    key: verifierKey(sha256, origin, kind, publicKey),
    sign,
  }))
  return {
    origin,
    keys: signers.map(({ key }) => key),
    sign: ({ size, root }, nowMs) =>
      signCheckpoint({ origin, size, root, extensions: [] }, signers, Math.floor(nowMs / 1000)),
  }
}

const open = (): Promise<SigningKey[]> => {
  const names = ledgerKeys
    .value()
    .split(',')
    .filter((name) => name !== '')
  const api = createGoogleApi({ origin: 'https://cloudkms.googleapis.com' })
  if (names.length > 0) return Promise.all(names.map((name) => openKmsKey(api, name)))
  if (isLocal()) return openKeyFile(ledgerKeyFile())
  throw new Error('LEDGER_KEYS of the functions must name keys of Cloud KMS')
}

/** As the settings say: keys of Cloud KMS, or, beside local engines, in a file. */
export const logSigners = once(async (_: undefined) => signersOf(ledgerOrigin.value(), await open()))

/** Witnesses of the log, whose signatures of checkpoints are kept. */
export const witnessKeys = once((_: undefined): VerifierKey[] =>
  ledgerWitnesses
    .value()
    .split(',')
    .filter((key) => key !== '')
    .map((key) => parseVerifierKey(sha256, key, 'LEDGER_WITNESSES')),
)
