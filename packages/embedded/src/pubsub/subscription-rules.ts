import { checkRange, invalidAckDeadline, invalidArgument } from './errors.ts'
import * as limits from './limits.ts'
import { durationMs, STATE_ACTIVE, withFields, type Duration, type SubscriptionResource } from './messages.ts'
import { checkName } from './names.ts'

const checkDuration = (field: string, duration: Duration, minSeconds: number, maxSeconds: number): void => {
  const seconds = durationMs(duration) / 1000
  if (seconds < minSeconds || seconds > maxSeconds) {
    throw invalidArgument(
      `Invalid ${field}: ${seconds} seconds. It must be between ${minSeconds} and ${maxSeconds} seconds.`,
    )
  }
}

/** The resource with production's defaults in place of what was left out. Throws INVALID_ARGUMENT where it would. */
export const checkSubscription = (wanted: SubscriptionResource): SubscriptionResource => {
  const ackDeadlineSeconds = wanted.ackDeadlineSeconds || limits.ACK_DEADLINE_SECONDS_MIN
  if (ackDeadlineSeconds < limits.ACK_DEADLINE_SECONDS_MIN || ackDeadlineSeconds > limits.ACK_DEADLINE_SECONDS_MAX) {
    throw invalidAckDeadline(ackDeadlineSeconds, limits.ACK_DEADLINE_SECONDS_MIN, limits.ACK_DEADLINE_SECONDS_MAX)
  }
  const messageRetentionDuration = wanted.messageRetentionDuration ?? {
    seconds: limits.RETENTION_SECONDS_DEFAULT,
    nanos: 0,
  }
  checkDuration(
    'message_retention_duration',
    messageRetentionDuration,
    limits.RETENTION_SECONDS_MIN,
    limits.RETENTION_SECONDS_MAX,
  )
  return withFields(wanted, {
    ackDeadlineSeconds,
    messageRetentionDuration,
    pushConfig: checkPushConfig(wanted.pushConfig),
    expirationPolicy: wanted.expirationPolicy ?? { ttl: { seconds: limits.EXPIRATION_SECONDS_DEFAULT, nanos: 0 } },
    retryPolicy: checkRetryPolicy(wanted.retryPolicy),
    deadLetterPolicy: checkDeadLetterPolicy(wanted.deadLetterPolicy),
    state: STATE_ACTIVE,
  })
}

export const checkPushConfig = (config: SubscriptionResource['pushConfig']): SubscriptionResource['pushConfig'] => {
  if (!config?.pushEndpoint) return config
  const url = URL.parse(config.pushEndpoint)
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw invalidArgument(`Invalid push endpoint given (endpoint=${config.pushEndpoint}).`)
  }
  return config
}

const checkRetryPolicy = (policy: SubscriptionResource['retryPolicy']): SubscriptionResource['retryPolicy'] => {
  if (!policy) return null
  const minimumBackoff = policy.minimumBackoff ?? { seconds: limits.BACKOFF_SECONDS_MIN_DEFAULT, nanos: 0 }
  const maximumBackoff = policy.maximumBackoff ?? { seconds: limits.BACKOFF_SECONDS_MAX, nanos: 0 }
  checkDuration('retry_policy.minimum_backoff', minimumBackoff, 0, limits.BACKOFF_SECONDS_MAX)
  checkDuration('retry_policy.maximum_backoff', maximumBackoff, 0, limits.BACKOFF_SECONDS_MAX)
  if (durationMs(minimumBackoff) > durationMs(maximumBackoff)) {
    throw invalidArgument('Invalid retry_policy: minimum_backoff must not be greater than maximum_backoff.')
  }
  return { minimumBackoff, maximumBackoff }
}

const checkDeadLetterPolicy = (
  policy: SubscriptionResource['deadLetterPolicy'],
): SubscriptionResource['deadLetterPolicy'] => {
  if (!policy) return null
  checkName('topics', policy.deadLetterTopic)
  const maxDeliveryAttempts = policy.maxDeliveryAttempts || limits.DELIVERY_ATTEMPTS_MIN
  checkRange('max_delivery_attempts', maxDeliveryAttempts, limits.DELIVERY_ATTEMPTS_MIN, limits.DELIVERY_ATTEMPTS_MAX)
  return { deadLetterTopic: policy.deadLetterTopic, maxDeliveryAttempts }
}

/** Fields that UpdateSubscription may change. Filter and ordering are for good. */
export const UPDATABLE_SUBSCRIPTION_FIELDS: ReadonlySet<string> = new Set([
  'ackDeadlineSeconds',
  'deadLetterPolicy',
  'enableExactlyOnceDelivery',
  'expirationPolicy',
  'labels',
  'messageRetentionDuration',
  'pushConfig',
  'retainAckedMessages',
  'retryPolicy',
])
