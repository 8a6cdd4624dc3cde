// The messages of google/pubsub/v1/pubsub.proto as protobufjs decodes them, as far as the engine looks into them.

import type { MessageTransform } from './message-transforms.ts'
import type { SchemaSettings } from './schemas/topic-schema.ts'

/** An int64 field: a `Long` when decoded, a number when we write it. */
export type Int64 = number | { toNumber(): number }

export interface Duration {
  seconds: Int64
  nanos: number
}

export interface PubsubMessage {
  data: Uint8Array
  attributes: Record<string, string>
  messageId: string
  publishTime: Duration | null
  orderingKey: string
}

export interface TopicResource {
  name: string
  labels: Record<string, string>
  kmsKeyName: string
  schemaSettings: SchemaSettings | null
  state: number
  messageRetentionDuration: Duration | null
  messageTransforms: MessageTransform[]
}

export interface PushConfig {
  pushEndpoint: string
  attributes: Record<string, string>
  oidcToken: { serviceAccountEmail: string; audience: string } | null
  noWrapper: { writeMetadata: boolean } | null
}

export interface SubscriptionResource {
  name: string
  topic: string
  labels: Record<string, string>
  pushConfig: PushConfig | null
  bigqueryConfig: { table: string; writeMetadata: boolean } | null
  cloudStorageConfig: { bucket: string } | null
  bigtableConfig: object | null
  messageTransforms: MessageTransform[]
  ackDeadlineSeconds: number
  retainAckedMessages: boolean
  messageRetentionDuration: Duration | null
  enableMessageOrdering: boolean
  enableExactlyOnceDelivery: boolean
  expirationPolicy: { ttl: Duration | null } | null
  filter: string
  deadLetterPolicy: { deadLetterTopic: string; maxDeliveryAttempts: number } | null
  retryPolicy: { minimumBackoff: Duration | null; maximumBackoff: Duration | null } | null
  detached: boolean
  topicMessageRetentionDuration: Duration | null
  state: number
}

export interface SnapshotResource {
  name: string
  topic: string
  expireTime: Duration | null
  labels: Record<string, string>
}

/** `Topic.State.ACTIVE` and `Subscription.State.ACTIVE`. */
export const STATE_ACTIVE = 1

/** A copy with other values in some fields. The prototype is kept: it holds the defaults of fields left out. */
export const withFields = <T extends object>(message: T, changes: Partial<T>): T =>
  Object.assign(Object.create(Object.getPrototypeOf(message) as object) as T, message, changes)

export const toNumber = (value: Int64): number => (typeof value === 'number' ? value : value.toNumber())

export const durationMs = (duration: Duration): number => toNumber(duration.seconds) * 1000 + duration.nanos / 1e6

export const fromMs = (ms: number): Duration => {
  const seconds = Math.floor(ms / 1000)
  return { seconds, nanos: Math.round((ms - seconds * 1000) * 1e6) }
}
