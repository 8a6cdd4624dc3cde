import { Code } from '../wire/status-error.ts'

/** What an attempt came to: an answer, or none. */
export type Outcome =
  | { kind: 'answered'; status: number; retryAfterMs?: number }
  | { kind: 'unanswered'; code: typeof Code.DEADLINE_EXCEEDED | typeof Code.UNAVAILABLE; message: string }

export const isSuccess = (outcome: Outcome): boolean =>
  outcome.kind === 'answered' && outcome.status >= 200 && outcome.status <= 299

// https://cloud.google.com/apis/design/errors#handling_errors, read from right to left.
const CODES: Record<number, Code> = {
  400: Code.INVALID_ARGUMENT,
  401: Code.UNAUTHENTICATED,
  403: Code.PERMISSION_DENIED,
  404: Code.NOT_FOUND,
  409: Code.ABORTED,
  429: Code.RESOURCE_EXHAUSTED,
  499: Code.CANCELLED,
  501: Code.UNIMPLEMENTED,
  503: Code.UNAVAILABLE,
  504: Code.DEADLINE_EXCEEDED,
}

const codeOf = (status: number): Code => {
  if (status >= 200 && status <= 299) return Code.OK
  const code = CODES[status]
  if (code !== undefined) return code
  if (status >= 500) return Code.INTERNAL
  return status >= 400 ? Code.FAILED_PRECONDITION : Code.UNKNOWN
}

const nameOf = (code: Code): string => Object.entries(Code).find(([, value]) => value === code)?.[0] ?? 'UNKNOWN'

/** As `Attempt.response_status` shows it. */
export const statusOf = (outcome: Outcome): { code: number; message: string } => {
  const code = outcome.kind === 'answered' ? codeOf(outcome.status) : outcome.code
  if (code === Code.OK) return { code, message: '' }
  const text = outcome.kind === 'answered' ? `HTTP status code ${outcome.status}` : outcome.message
  return { code, message: `${nameOf(code)}(${code}): ${text}` }
}

/** As the headers of the next attempt tell it. */
export const previousOf = (outcome: Outcome, isAppEngine: boolean): { response: number; reason: string } => {
  if (outcome.kind === 'answered') return { response: outcome.status, reason: isAppEngine ? 'App Error' : '' }
  if (isAppEngine) return { response: 0, reason: 'Instance Unavailable' }
  return { response: outcome.code === Code.DEADLINE_EXCEEDED ? 504 : 503, reason: '' }
}
