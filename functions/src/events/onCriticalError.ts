import { parseCriticalError, PubSubMessage, topics } from '@infinity-matrix/contracts'
import { onMessagePublished } from 'firebase-functions/pubsub'
import { context } from '../runtime/context.ts'
import { keepDeadLetter } from '../runtime/dead-letters.ts'
import { raiseAlert } from './alerts.ts'

const topic = topics.criticalErrors.name

/**
 * Alerting. A function of its own, of which one instance is always there, so that nothing else's load stands before a
 * critical error.
 */
export const onCriticalError = onMessagePublished(
  { topic, retry: true, minInstances: 1, maxInstances: 2, concurrency: 20, memory: '256MiB', timeoutSeconds: 60 },
  async ({ data: { message } }) => {
    const shared = await context()
    const { messageId, data, attributes, publishTime } = PubSubMessage.parse(message)
    const original = Buffer.from(data, 'base64')
    const parsed = parseCriticalError(original.toString('utf8'))
    if (parsed.ok) return raiseAlert(shared, parsed.value)
    const publishedAt = new Date(Date.parse(publishTime)).toISOString()
    const { problem } = parsed
    return keepDeadLetter(shared, {
      id: `${messageId}-0`,
      topic,
      problem,
      original,
      messageId,
      attributes,
      publishedAt,
    })
  },
)
