import { parseCriticalError, topics } from '@infinity-matrix/contracts'
import { context } from '../runtime/context.ts'
import { keepDeadLetter } from '../runtime/dead-letters.ts'
import { onTopic } from '../runtime/on-topic.ts'
import { raiseAlert } from './alerts.ts'

const topic = topics.criticalErrors.name

/**
 * Alerting. A function of its own, of which one instance is always there, so that nothing else's load stands before a
 * critical error.
 */
export const onCriticalError = onTopic(
  'events-onCriticalError',
  { minInstances: 1, maxInstances: 2, concurrency: 20, memory: '256MiB', timeoutSeconds: 60 },
  async ({ messageId, data, attributes, publishTime }) => {
    const shared = await context()
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
