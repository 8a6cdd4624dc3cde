import { context } from '../runtime/context.ts'
import { onTopic } from '../runtime/on-topic.ts'
import { keepUndelivered } from './subscriptions/undelivered.ts'

/** Keeps what Pub/Sub gave up as a dead letter of its subscriber: `events-deliver` did not come to it, or was away. */
export const onUndelivered = onTopic(
  'events-onUndelivered',
  { maxInstances: 4, concurrency: 40, memory: '256MiB', timeoutSeconds: 60 },
  async (message) => {
    const subscription = message.attributes['subscription'] ?? 'unknown'
    const problem = { code: 'not-delivered', rule: 'was not taken in as many attempts as agreed' } as const
    await keepUndelivered(await context(), subscription, message, problem)
  },
)
