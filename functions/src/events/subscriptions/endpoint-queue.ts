import {
  subscriberTopicPrefix,
  topicRetentionDays,
  undeliveredTopic,
  type SubscriptionDocument,
} from '@infinity-matrix/contracts'
import type { Context } from '../../runtime/context.ts'
import { isAbsence, isExisting } from '../../runtime/failure.ts'
import { ensureTopic } from '../../runtime/publish.ts'

// An endpoint that does not answer in time is tried again.
const answerSeconds = 15

/** The topic on which a subscriber's messages are published. */
export const topicOf = ({ id, target }: Pick<SubscriptionDocument, 'id' | 'target'>): string =>
  target.kind === 'topic' ? target.topic : subscriberTopicPrefix + id

/**
 * An endpoint has a topic of its own, which Pub/Sub pushes to it: one agent's messages in order, the next one when the
 * last is taken; what fails is tried again with exponential back-off, which holds up no other agent; after so many
 * attempts it goes to the undelivered, and the order moves on.
 */
export const makeQueue = async (context: Context, subscription: SubscriptionDocument): Promise<void> => {
  const { target, retry } = subscription
  if (target.kind === 'topic') return
  const { pubsub } = context
  const name = topicOf(subscription)
  await Promise.all([ensureTopic(context, name), ensureTopic(context, undeliveredTopic)])
  await pubsub
    .topic(name)
    .createSubscription(name, {
      pushConfig: { pushEndpoint: target.url, noWrapper: { writeMetadata: true } },
      enableMessageOrdering: true,
      ackDeadlineSeconds: answerSeconds,
      messageRetentionDuration: { seconds: topicRetentionDays * 86_400 },
      expirationPolicy: {},
      retryPolicy: {
        minimumBackoff: { seconds: retry.backoffSecondsMin },
        maximumBackoff: { seconds: retry.backoffSecondsMax },
      },
      deadLetterPolicy: {
        deadLetterTopic: pubsub.topic(undeliveredTopic).name,
        maxDeliveryAttempts: retry.attemptsMax,
      },
    })
    .catch((error: unknown) => {
      if (!isExisting(error)) throw error
    })
}

export const deleteQueue = async ({ pubsub }: Context, subscription: SubscriptionDocument): Promise<void> => {
  if (subscription.target.kind === 'topic') return
  const name = topicOf(subscription)
  for (const gone of [pubsub.subscription(name), pubsub.topic(name)])
    await gone.delete().catch((error: unknown) => {
      if (!isAbsence(error)) throw error
    })
}
