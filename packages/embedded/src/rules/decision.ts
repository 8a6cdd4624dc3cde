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
  /** The reasons as Google's emulator tells them, see `formatDenial`. */
  readonly explanation: readonly string[]
  /** Expressions evaluated, in production's unit. */
  readonly expressions: number
}

/**
 * The text that Google's emulator puts after PERMISSION_DENIED: a new line, then `false for 'get' @ L10, Null value
 * error. for 'get' @ L15`. Several decisions where one request was tried as several methods (a set: create, update).
 * The emulator decides without reading documents first, and both times tells why: `evaluation error at L5:24 for
 * 'update' @ L5, false for 'update' @ L5`.
 */
export const formatDenial = (decisions: readonly Decision[]): string => {
  const texts = decisions.flatMap(({ explanation }) => explanation)
  return texts.length === 0 ? '\nNo matching allow statements' : `\n${texts.join(', ')}`
}

/** Nothing where no statement matched. */
export const formatReason = ({ kind, message, method, line }: Reason): readonly string[] =>
  kind === 'no-match' ? [] : [`${kind === 'false' ? 'false' : message} for '${method}' @ L${line}`]
