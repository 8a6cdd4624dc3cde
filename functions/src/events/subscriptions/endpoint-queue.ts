import {
  subscriberTopicPrefix,
  topicRetentionDays,
  undeliveredTopic,
  type SubscriptionDocument,
} from '@infinity-matrix/contracts'
import { z } from 'zod'
import type { Context } from '../../runtime/context.ts'
import { isAbsence, isExisting } from '../../runtime/failure.ts'
import { deliverServiceAccount, deliverUrl, emulatorHub, projectId } from '../../runtime/params.ts'
import { ensureTopic } from '../../runtime/publish.ts'
import { answerSeconds } from './post.ts'

// Until then `events-deliver` has an answer, and has kept what is dead.
const ackSeconds = 2 * answerSeconds

const region = 'us-central1'

/** Where `events-deliver` is called. */
const urlOfDeliver = async (): Promise<string> => {
  const [url, hub] = [deliverUrl.value(), emulatorHub()]
  if (url !== '') return url
  if (hub === undefined) return `https://${region}-${projectId()}.cloudfunctions.net/events-deliver`
  const { functions } = Running.parse(await (await fetch(`http://${hub}/emulators`)).json())
  return `http://${functions.host}:${functions.port}/${projectId()}/${region}/events-deliver`
}
const Running = z.object({ functions: z.object({ host: z.string(), port: z.int() }) })

/** The topic on which a subscriber's messages are published. */
export const topicOf = ({ id, target }: Pick<SubscriptionDocument, 'id' | 'target'>): string =>
  target.kind === 'topic' ? target.topic : subscriberTopicPrefix + id

/**
 * An endpoint has a topic of its own, which Pub/Sub pushes to `events-deliver` for it: one agent's messages in order, the next
 * one when the last is settled; what fails is tried again with exponential back-off, which holds up no other agent. What
 * not even that function could settle in as many attempts goes to the undelivered, and the order moves on.
 */
export const makeQueue = async (context: Context, subscription: SubscriptionDocument): Promise<void> => {
  const { target, retry } = subscription
  if (target.kind === 'topic') return
  const { pubsub } = context
  const name = topicOf(subscription)
  const [url] = await Promise.all([urlOfDeliver(), ensureTopic(context, name), ensureTopic(context, undeliveredTopic)])
  const serviceAccountEmail = deliverServiceAccount.value()
  await pubsub
    .topic(name)
    .createSubscription(name, {
      pushConfig: {
        pushEndpoint: `${url}/v1/deliveries/${subscription.id}`,
        ...(serviceAccountEmail !== '' && { oidcToken: { serviceAccountEmail, audience: url } }),
      },
      enableMessageOrdering: true,
      ackDeadlineSeconds: ackSeconds,
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
