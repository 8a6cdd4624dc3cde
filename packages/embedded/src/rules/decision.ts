import type { Method } from './syntax/ast.ts'

/** Why one `allow` statement did not allow. */
export interface Reason {
  /** `false`: its condition is false. `error`: it could not be told, `message` says why. `no-match`: no statement. */
  readonly kind: 'false' | 'error' | 'no-match'
  readonly method: Method
  /** Of the `allow` statement; 0 for `no-match`. */
  readonly line: number
  /** Of the expression that failed, else of the condition. */
  readonly at: { readonly line: number; readonly column: number }
  readonly message: string
}

export interface Decision {
  readonly allowed: boolean
  /** Of all statements that were tried, in the order of the source; none where the request is allowed. */
  readonly reasons: readonly Reason[]
  /**
   * The same, as it was before any document was read, where that matters: with `evaluation error at L5:22` for what
   * could not be told yet. Only for `formatDenial`.
   */
  readonly reasonsBeforeReading: readonly Reason[]
  /** Expressions evaluated, in production's unit. */
  readonly expressions: number
}

/**
 * The text that Google's emulator puts after PERMISSION_DENIED: a new line, then `false for 'get' @ L10, Null value
 * error. for 'get' @ L15`. Several decisions where one request was tried as several methods (a set: create, update).
 * The emulator decides without reading documents first, and both times tell why: `evaluation error at L5:24 for
 * 'update' @ L5, false for 'update' @ L5`.
 */
export const formatDenial = (decisions: readonly Decision[]): string => {
  const reasons = [
    ...decisions.flatMap((decision) => decision.reasonsBeforeReading),
    ...decisions.flatMap((decision) => decision.reasons),
  ]
  const texts = new Set(reasons.filter((reason) => reason.kind !== 'no-match').map(formatReason))
  return texts.size === 0 ? '\nNo matching allow statements' : `\n${[...texts].join(', ')}`
}

const formatReason = ({ kind, message, method, line }: Reason): string =>
  `${kind === 'false' ? 'false' : message} for '${method}' @ L${line}`
