/** How often and when what failed is tried again. Durations in ms. */
export interface RetryPolicy {
  /** The first included; -1: no limit. */
  maxAttempts: number
  /** Counted from the first attempt; 0: no limit. Attempts end when both limits are reached. */
  maxRetryMs: number
  minBackoffMs: number
  maxBackoffMs: number
  maxDoublings: number
}

/**
 * The pause after the `failures`-th failure in a row (1, 2, ..): `minBackoffMs` doubled `maxDoublings` times, then longer by
 * the same amount each time, never above `maxBackoffMs`. 10 s, 300 s and 3 doublings give 10, 20, 40, 80, 160, 240, 300,
 * 300. https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues#RetryConfig
 */
export const backoffMs = (policy: RetryPolicy, failures: number): number => {
  const doublings = Math.min(failures - 1, policy.maxDoublings)
  const steps = failures - doublings
  return Math.min(policy.maxBackoffMs, policy.minBackoffMs * 2 ** doublings * steps)
}

/** True when no attempt follows the `attempts`-th, which failed `elapsedMs` after the first began. */
export const isExhausted = (policy: RetryPolicy, attempts: number, elapsedMs: number): boolean => {
  const { maxAttempts, maxRetryMs } = policy
  const attemptsAreUp = maxAttempts === -1 ? maxRetryMs > 0 : attempts >= maxAttempts
  return attemptsAreUp && (maxRetryMs === 0 || elapsedMs >= maxRetryMs)
}
