import type { SubscriptionRetry } from '@infinity-matrix/contracts'

/** What an endpoint did with a message. `gone`: it wants no more of them, ever. `failed`: it may take it later. */
export type Attempted = { kind: 'taken' } | { kind: 'gone' | 'failed'; reason: string }

/** An attempt to deliver a message, in milliseconds since 1970. `number` counts from 1. */
export interface Attempt {
  number: number
  publishedMs: number
  nowMs: number
}

/** What becomes of the message. `dead`: it was tried as often, or for as long, as was agreed. */
export type AfterAttempt = 'taken' | 'gone' | 'dead' | 'again'

const hourMs = 3_600_000

/** @param retry as often and as long as its subscriber wants */
export const afterAttempt = (
  attempted: Attempted,
  { number, publishedMs, nowMs }: Attempt,
  { attemptsMax, hoursMax }: Pick<SubscriptionRetry, 'attemptsMax' | 'hoursMax'>,
): AfterAttempt => {
  switch (attempted.kind) {
    case 'taken':
    case 'gone':
      return attempted.kind
    case 'failed':
      return number >= attemptsMax || nowMs - publishedMs >= hoursMax * hourMs ? 'dead' : 'again'
    default:
      return attempted satisfies never
  }
}

/** What an HTTP status says about a delivery. 410: https://www.rfc-editor.org/rfc/rfc9110#name-410-gone */
export const attemptedBy = (status: number): Attempted => {
  if (status >= 200 && status < 300) return { kind: 'taken' }
  return { kind: status === 410 ? 'gone' : 'failed', reason: `answered ${status}` }
}
