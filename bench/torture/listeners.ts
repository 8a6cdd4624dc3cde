import type { Message, PubSub } from '@google-cloud/pubsub'

/** Hears every message of a topic from now on, under a subscription of its own; `close` ends it. */
export const listen = async (
  pubsub: PubSub,
  topicName: string,
  hear: (message: Message) => void,
  options: { enableMessageOrdering?: boolean } = {},
): Promise<{ close: () => Promise<void> }> => {
  const [topic] = await pubsub.topic(topicName).get({ autoCreate: true })
  const [subscription] = await topic.createSubscription(`torture-${topicName}`, options)
  subscription.on('message', (message) => {
    hear(message)
    message.ack()
  })
  // The run ends with what is missing; a listener that breaks would only end it earlier.
  subscription.on('error', () => {})
  return { close: () => subscription.close() }
}
