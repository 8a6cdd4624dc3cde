import type { RetryPolicy } from '../clock/backoff.ts'
import { invalidArgument } from './errors.ts'
import { fromMs, msOf, type Moment, type QueueMessage, type RateLimits } from './messages.ts'

/** What a queue does, with defaults filled in. */
export interface QueueSettings {
  maxDispatchesPerSecond: number
  maxConcurrentDispatches: number
  retry: RetryPolicy
}

/** https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues; as `gcloud tasks queues create` has them. */
export const DEFAULT_SETTINGS: QueueSettings = {
  maxDispatchesPerSecond: 500,
  maxConcurrentDispatches: 1000,
  retry: { maxAttempts: 100, maxRetryMs: 0, minBackoffMs: 100, maxBackoffMs: 3_600_000, maxDoublings: 16 },
}

const check = (holds: boolean, message: string): void => {
  if (!holds) throw invalidArgument(message)
}

const durationMs = (duration: Moment | null | undefined, otherwiseMs: number): number =>
  duration ? msOf(duration) : otherwiseMs

/** Throws INVALID_ARGUMENT, in production's words, for settings that no queue can have. */
export const checkSettings = (settings: QueueSettings): QueueSettings => {
  const { maxDispatchesPerSecond: rate, maxConcurrentDispatches: concurrent, retry } = settings
  check(rate >= 0, 'RateLimits.maxDispatchesPerSecond cannot be negative.')
  check(rate <= 500, 'RateLimits.maxDispatchesPerSecond must be less than or equal to 500.')
  check(concurrent >= 0, 'RateLimits.maxConcurrentDispatches cannot be negative.')
  check(concurrent <= 5000, 'RateLimits.maxConcurrentDispatches must be less than or equal to 5000.')
  check(retry.maxAttempts >= -1, 'RetryConfig.maxAttempts must be greater or equal to -1.')
  check(retry.maxDoublings >= 0, 'RetryConfig.maxDoublings cannot be negative.')
  check(retry.maxRetryMs >= 0, 'RetryConfig.maxRetryDuration cannot be negative.')
  check(retry.minBackoffMs >= 0, 'RetryConfig.minBackoff cannot be negative.')
  check(retry.maxBackoffMs >= 0, 'RetryConfig.maxBackoff cannot be negative.')
  check(
    retry.minBackoffMs <= retry.maxBackoffMs,
    'RetryConfig.minBackoff must be less than or equal to RetryConfig.maxBackoff.',
  )
  return settings
}

/** The settings of a queue as a client sends it; 0 stands for what is not set. Throws as `checkSettings`. */
export const settingsOf = ({
  rateLimits,
  retryConfig,
}: Pick<QueueMessage, 'rateLimits' | 'retryConfig'>): QueueSettings => {
  const { retry, ...rates } = DEFAULT_SETTINGS
  return checkSettings({
    maxDispatchesPerSecond: rateLimits?.maxDispatchesPerSecond || rates.maxDispatchesPerSecond,
    maxConcurrentDispatches: rateLimits?.maxConcurrentDispatches || rates.maxConcurrentDispatches,
    retry: {
      maxAttempts: retryConfig?.maxAttempts || retry.maxAttempts,
      maxRetryMs: Math.floor(durationMs(retryConfig?.maxRetryDuration, retry.maxRetryMs) / 1000) * 1000,
      minBackoffMs: durationMs(retryConfig?.minBackoff, retry.minBackoffMs),
      maxBackoffMs: durationMs(retryConfig?.maxBackoff, retry.maxBackoffMs),
      maxDoublings: retryConfig?.maxDoublings || retry.maxDoublings,
    },
  })
}

/** Production chooses it by the rate and does not say how; 500 a second have 100, 1 a second has 10. */
export const burstSize = ({ maxDispatchesPerSecond }: QueueSettings): number =>
  Math.max(10, Math.ceil(maxDispatchesPerSecond / 5))

/** As a queue's resource shows them. */
export const settingsFields = (settings: QueueSettings): { rateLimits: RateLimits; retryConfig: object } => {
  const { maxDispatchesPerSecond, maxConcurrentDispatches, retry } = settings
  return {
    rateLimits: { maxDispatchesPerSecond, maxConcurrentDispatches, maxBurstSize: burstSize(settings) },
    retryConfig: {
      maxAttempts: retry.maxAttempts,
      ...(retry.maxRetryMs > 0 && { maxRetryDuration: fromMs(retry.maxRetryMs) }),
      minBackoff: fromMs(retry.minBackoffMs),
      maxBackoff: fromMs(retry.maxBackoffMs),
      maxDoublings: retry.maxDoublings,
    },
  }
}
