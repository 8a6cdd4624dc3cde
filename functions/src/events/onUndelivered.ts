import { PubSubMessage, undeliveredTopic } from '@infinity-matrix/contracts'
import { onMessagePublished } from 'firebase-functions/pubsub'
import { context } from '../runtime/context.ts'
import { keepUndelivered } from './subscriptions/undelivered.ts'

/** Keeps what Pub/Sub gave up as a dead letter of its subscriber: `events-deliver` did not come to it, or was away. */
export const onUndelivered = onMessagePublished(
  { topic: undeliveredTopic, retry: true, maxInstances: 4, concurrency: 40, memory: '256MiB', timeoutSeconds: 60 },
  async ({ data: { message } }) => {
    const parsed = PubSubMessage.parse(message)
    const subscription = parsed.attributes['subscription'] ?? 'unknown'
    const problem = { code: 'not-delivered', rule: 'was not taken in as many attempts as agreed' } as const
    await keepUndelivered(await context(), subscription, parsed, problem)
  },
)
