// https://cloud.google.com/pubsub/quotas
export const PUBLISH_MESSAGES_MAX = 1000
export const PUBLISH_BYTES_MAX = 10_000_000
/** What Google's front end takes before Pub/Sub sees the request. */
export const REQUEST_BYTES_MAX = 10_485_760
export const ATTRIBUTES_MAX = 100
export const ATTRIBUTE_KEY_BYTES_MAX = 256
export const ATTRIBUTE_VALUE_BYTES_MAX = 1024
export const ORDERING_KEY_BYTES_MAX = 1024

export const ACK_DEADLINE_SECONDS_MIN = 10
export const ACK_DEADLINE_SECONDS_MAX = 600
export const RETENTION_SECONDS_DEFAULT = 7 * 24 * 3600
export const RETENTION_SECONDS_MIN = 600
export const RETENTION_SECONDS_MAX = 31 * 24 * 3600
export const EXPIRATION_SECONDS_MIN = 24 * 3600
export const EXPIRATION_SECONDS_DEFAULT = 31 * 24 * 3600

export const PULL_MESSAGES_MAX = 1000
/** How long a Pull that found nothing waits for a message. */
export const PULL_WAIT_MS = 90_000

export const BACKOFF_SECONDS_MIN_DEFAULT = 10
export const BACKOFF_SECONDS_MAX = 600
export const DELIVERY_ATTEMPTS_MIN = 5
export const DELIVERY_ATTEMPTS_MAX = 100
export const FILTER_BYTES_MAX = 256
