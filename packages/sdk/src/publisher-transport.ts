import { messageBytesMax, messageText, topics, type TopicName } from '@infinity-matrix/contracts'
import type { EncodedEvent, Transport } from './transport.ts'

/** The topic on which agents publish events of a type. */
export const topicOf = (type: string): TopicName =>
  type === 'agent.heartbeat.v1' ? topics.healthChecks.name : topics.stateChanges.name

/**
 * Sends batches as messages, one for each topic. What is not valid is accepted here, and becomes a dead letter there.
 *
 * @param publish resolves when Pub/Sub has the message, and tries again by itself, as Google's clients do
 */
export const createPublisherTransport = (
  publish: (topic: TopicName, text: string) => Promise<unknown>,
  { eventsMax = 1000 }: { eventsMax?: number } = {},
): Transport => ({
  bytesMax: messageBytesMax,
  eventsMax,
  send: async (batch) => {
    const byTopic = Map.groupBy(batch, ({ type }: EncodedEvent) => topicOf(type))
    await Promise.all(
      [...byTopic].map(([topic, events]) => publish(topic, messageText(events.map(({ text }) => text)))),
    )
    return batch.map(() => ({ status: 'accepted' }))
  },
})
