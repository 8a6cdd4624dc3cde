import {
  deadLetterIdOf,
  subscriberTopicPrefix,
  type PubSubMessage,
  type UndeliveredCode,
} from '@infinity-matrix/contracts'
import type { z } from 'zod'
import type { Context } from '../../runtime/context.ts'
import { keepDeadLetter } from '../../runtime/dead-letters.ts'

/** Keeps a message that a subscriber did not take as a dead letter of its own, to be found and replayed like any other. */
export const keepUndelivered = (
  context: Context,
  subscriptionId: string,
  { messageId, data, attributes, publishTime }: z.infer<typeof PubSubMessage>,
  { code, rule }: { code: UndeliveredCode; rule: string },
): Promise<void> =>
  keepDeadLetter(context, {
    // Told again after a crash, it is the same event.
    id: deadLetterIdOf(attributes['ce-id'] ?? messageId, subscriptionId),
    topic: subscriberTopicPrefix + subscriptionId,
    problem: { code, field: '', rule },
    original: Buffer.from(data, 'base64'),
    messageId,
    attributes,
    publishedAt: new Date(Date.parse(publishTime)).toISOString(),
  })
