import type { PubSub } from '@google-cloud/pubsub'
import type { IncomingRequest } from './instance.ts'

/** A message as Pub/Sub pushes it: https://cloud.google.com/pubsub/docs/push#receive_push */
export interface PushBody {
  message: { messageId: string; publishTime: string }
  deliveryAttempt?: number
}

// https://cloud.google.com/eventarc/docs/retry-events
const backoffSecondsMin = 10
const backoffSecondsMax = 600
const retentionSeconds = 86_400
/** The most that Pub/Sub allows; a message that fails so often goes to the subscription's dead-letter topic. */
const deliveryAttemptsMax = 100
const ackDeadlineSeconds = 600

/** Where a subscription's messages end that no delivery brought through. */
export const undeliveredTopic = (functionId: string): string => `${functionId}.undelivered`

/**
 * The subscription that deploying a function on a topic makes.
 *
 * @param retryScale 1 for production's backoff; less for runs that cannot wait as long
 */
export const subscribe = async (
  pubsub: PubSub,
  {
    functionId,
    topic,
    pushEndpoint,
    retryScale,
  }: Record<'functionId' | 'topic' | 'pushEndpoint', string> & {
    retryScale: number
  },
): Promise<void> => {
  const backoff = (seconds: number) => {
    const scaled = seconds * retryScale
    return { seconds: Math.floor(scaled), nanos: Math.round((scaled % 1) * 1e9) }
  }
  await pubsub.topic(topic).createSubscription(`eventarc-${functionId}`, {
    pushEndpoint,
    ackDeadlineSeconds,
    retryPolicy: { minimumBackoff: backoff(backoffSecondsMin), maximumBackoff: backoff(backoffSecondsMax) },
    deadLetterPolicy: {
      deadLetterTopic: pubsub.topic(undeliveredTopic(functionId)).name,
      maxDeliveryAttempts: deliveryAttemptsMax,
    },
    messageRetentionDuration: { seconds: retentionSeconds },
  })
}

/**
 * The CloudEvent that a function gets for a pushed message, in binary mode: the body as it came, told by headers.
 *
 * @see https://cloud.google.com/eventarc/docs/cloudevents
 */
export const cloudEventOf = (body: Buffer, { messageId, publishTime }: PushBody['message'], topic: string) =>
  ({
    method: 'POST',
    path: '/',
    headers: {
      'content-type': 'application/json',
      'content-length': String(body.length),
      'ce-specversion': '1.0',
      'ce-id': messageId,
      'ce-type': 'google.cloud.pubsub.topic.v1.messagePublished',
      'ce-source': `//pubsub.googleapis.com/${topic}`,
      'ce-time': publishTime,
    },
    body,
  }) satisfies IncomingRequest
