import { formatVerifierKey, signatureKinds, type VerifierKey } from '@infinity-matrix/core/ledger'

/** Keys of the log, and of the witnesses that it knows. */
export interface LogKeys {
  log: readonly VerifierKey[]
  witnesses: readonly VerifierKey[]
}

/** Whom to believe. @see https://c2sp.org/tlog-policy */
export const policyText = ({ log, witnesses }: LogKeys): string => {
  const lines = [
    ...log.map((key) => `log ${formatVerifierKey(key)}`),
    ...witnesses.map((key) => `witness ${key.name}-${signatureKinds[key.kind].byte} ${formatVerifierKey(key)}`),
    'quorum none',
  ]
  return `${lines.join('\n')}\n`
}
