export const problemCodes = [
  'not-json',
  'bad-envelope',
  'bad-data',
  'unknown-type',
  'unknown-version',
  'wrong-topic',
  'too-old',
  'too-large',
  'tenant-mismatch',
  'illegal-transition',
  'gap-too-wide',
  'not-storable',
  'not-delivered',
  'endpoint-gone',
] as const
export type ProblemCode = (typeof problemCodes)[number]

/** Why a subscriber did not get its message: the codes of letters on subscribers' topics. */
export const undeliveredCodes = ['not-delivered', 'endpoint-gone'] as const satisfies ProblemCode[]
export type UndeliveredCode = (typeof undeliveredCodes)[number]

/**
 * Why an input was refused. Recognised by `code`; `field` and `rule` tell its sender what to change.
 * A problem is final: the same bytes are refused again.
 */
export interface Problem {
  code: ProblemCode
  /** The path of the field in the event, such as `data.costUsd`; empty when the whole input is meant. */
  field: string
  /** What must hold, with its limit. */
  rule: string
}

export const problemMessage = ({ code, field, rule }: Problem) => `${code}: ${field === '' ? '' : `${field} `}${rule}`
