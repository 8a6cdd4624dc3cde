import { invalidArgument } from './errors.ts'
import { durationMs, type Duration } from './messages.ts'

/** Throws INVALID_ARGUMENT unless the duration is between the two, each included. */
export const checkDuration = (field: string, duration: Duration, minSeconds: number, maxSeconds: number): void => {
  const seconds = durationMs(duration) / 1000
  if (seconds < minSeconds || seconds > maxSeconds) {
    const allowed =
      maxSeconds === Infinity ? `at least ${minSeconds} seconds` : `between ${minSeconds} and ${maxSeconds} seconds`
    throw invalidArgument(`Invalid ${field}: ${seconds} seconds. It must be ${allowed}.`)
  }
}
