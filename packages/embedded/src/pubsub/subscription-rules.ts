import { checkDuration } from './durations.ts'
import { checkRange, invalidAckDeadline, invalidArgument } from './errors.ts'
import { checkLabels } from './labels.ts'
import * as limits from './limits.ts'
import { checkMessageTransforms } from './message-transforms.ts'
import { durationMs, STATE_ACTIVE, withFields, type PushConfig, type SubscriptionResource } from './messages.ts'
import { checkName } from './names.ts'

/** What production reports for a subscription that is pulled. */
const NO_PUSH: PushConfig = { pushEndpoint: '', attributes: {}, oidcToken: null, noWrapper: null }
/** `BigQueryConfig.State.ACTIVE` and `CloudStorageConfig.State.ACTIVE`, though nothing is exported. */
const EXPORT_ACTIVE: object = { state: 1 }

const checkDestination = (wanted: SubscriptionResource): void => {
  const { pushConfig, bigqueryConfig, cloudStorageConfig, bigtableConfig } = wanted
  const chosen = [pushConfig?.pushEndpoint, bigqueryConfig, cloudStorageConfig, bigtableConfig].filter(Boolean)
  if (chosen.length > 1) {
    throw invalidArgument(
      'At most one of push_config, bigquery_config, cloud_storage_config and bigtable_config may be set.',
    )
  }
  if (bigqueryConfig && !/^[^.]+(:[^.]+)?\.[^.]+\.[^.]+$/.test(bigqueryConfig.table)) {
    throw invalidArgument(`Invalid BigQuery table given (table=${bigqueryConfig.table}).`)
  }
  if (cloudStorageConfig?.bucket === '') {
    throw invalidArgument('You have passed an invalid argument to the service (argument=cloud_storage_config.bucket).')
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
  checkLabels(wanted.labels)
  checkMessageTransforms(wanted.messageTransforms)
  checkDestination(wanted)
  if (wanted.expirationPolicy?.ttl) {
    checkDuration('expiration_policy.ttl', wanted.expirationPolicy.ttl, limits.EXPIRATION_SECONDS_MIN, Infinity)
  }
  return withFields(wanted, {
    ackDeadlineSeconds,
    messageRetentionDuration,
    pushConfig: checkPushConfig(wanted.pushConfig),
    ...(wanted.bigqueryConfig && { bigqueryConfig: withFields(wanted.bigqueryConfig, EXPORT_ACTIVE) }),
    ...(wanted.cloudStorageConfig && { cloudStorageConfig: withFields(wanted.cloudStorageConfig, EXPORT_ACTIVE) }),
    expirationPolicy: wanted.expirationPolicy ?? { ttl: { seconds: limits.EXPIRATION_SECONDS_DEFAULT, nanos: 0 } },
    retryPolicy: checkRetryPolicy(wanted.retryPolicy),
    deadLetterPolicy: checkDeadLetterPolicy(wanted.deadLetterPolicy),
    state: STATE_ACTIVE,
  })
}

export const checkPushConfig = (config: PushConfig | null): PushConfig => {
  if (!config?.pushEndpoint) return config ?? NO_PUSH
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
  'bigqueryConfig',
  'bigtableConfig',
  'cloudStorageConfig',
  'deadLetterPolicy',
  'enableExactlyOnceDelivery',
  'expirationPolicy',
  'labels',
  'messageRetentionDuration',
  'messageTransforms',
  'pushConfig',
  'retainAckedMessages',
  'retryPolicy',
])
