import { PubSubMessage, subscriberTopicPrefix, undeliveredTopic } from '@infinity-matrix/contracts'
import { onMessagePublished } from 'firebase-functions/pubsub'
import { context } from '../runtime/context.ts'
import { keepDeadLetter } from '../runtime/dead-letters.ts'

/** Keeps what an endpoint did not take as a dead letter of its subscriber, to be found and replayed like any other. */
export const onUndelivered = onMessagePublished(
  { topic: undeliveredTopic, retry: true, maxInstances: 4, concurrency: 40, memory: '256MiB', timeoutSeconds: 60 },
  async ({ data: { message } }) => {
    const { messageId, data, attributes, publishTime } = PubSubMessage.parse(message)
    const subscription = attributes['subscription'] ?? 'unknown'
    await keepDeadLetter(await context(), {
      id: `${subscription}-${attributes['ce-id'] ?? messageId}`,
      topic: subscriberTopicPrefix + subscription,
      problem: {
        code: 'not-delivered',
        field: '',
        rule: 'was not taken by the endpoint in as many attempts as agreed',
      },
      original: Buffer.from(data, 'base64'),
      messageId,
      attributes,
      publishedAt: new Date(Date.parse(publishTime)).toISOString(),
    })
  },
)
