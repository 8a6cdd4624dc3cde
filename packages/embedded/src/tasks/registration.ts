import { invalidArgument } from './errors.ts'
import { checkSettings, DEFAULT_SETTINGS, type QueueSettings } from './queue-settings.ts'

/** The options of a task-queue function, as the suite's functions emulator sends them; null stands for the default. */
interface Registration {
  rateLimits?: { maxConcurrentDispatches?: number | null; maxDispatchesPerSecond?: number | null } | null
  retryConfig?: {
    maxAttempts?: number | null
    maxRetrySeconds?: number | null
    maxBackoffSeconds?: number | null
    maxDoublings?: number | null
    minBackoffSeconds?: number | null
  } | null
  defaultUri?: string | null
}

const ATTEMPTS = 3

const isRegistration = (body: unknown): body is Registration =>
  typeof body === 'object' && body !== null && !Array.isArray(body)

const numbers = (fields: object | null | undefined): void => {
  for (const [name, value] of Object.entries(fields ?? {})) {
    if (value !== null && !Number.isFinite(value)) throw invalidArgument(`${name} must be a number.`)
  }
}

/** The queue of a function: what its options leave open is what `firebase deploy` sets. Throws INVALID_ARGUMENT. */
export const registrationOf = (body: unknown): { settings: QueueSettings; defaultUrl: string | undefined } => {
  if (!isRegistration(body)) throw invalidArgument('A JSON object is expected.')
  const { rateLimits, retryConfig, defaultUri } = body
  numbers(rateLimits)
  numbers(retryConfig)
  if (defaultUri && typeof defaultUri !== 'string') throw invalidArgument('defaultUri must be a string.')
  const { retry, ...rates } = DEFAULT_SETTINGS
  const msOf = (seconds: number | null | undefined, otherwiseMs: number): number =>
    seconds === null || seconds === undefined ? otherwiseMs : seconds * 1000
  const settings = checkSettings({
    maxDispatchesPerSecond: rateLimits?.maxDispatchesPerSecond ?? rates.maxDispatchesPerSecond,
    maxConcurrentDispatches: rateLimits?.maxConcurrentDispatches ?? rates.maxConcurrentDispatches,
    retry: {
      maxAttempts: retryConfig?.maxAttempts ?? ATTEMPTS,
      maxRetryMs: msOf(retryConfig?.maxRetrySeconds, retry.maxRetryMs),
      minBackoffMs: msOf(retryConfig?.minBackoffSeconds, retry.minBackoffMs),
      maxBackoffMs: msOf(retryConfig?.maxBackoffSeconds, retry.maxBackoffMs),
      maxDoublings: retryConfig?.maxDoublings ?? retry.maxDoublings,
    },
  })
  return { settings, defaultUrl: defaultUri ?? undefined }
}
