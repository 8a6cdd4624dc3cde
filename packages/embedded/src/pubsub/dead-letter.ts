import type { Delivery } from './delivery.ts'
import type { PubsubMessage } from './messages.ts'

/** What goes to the dead-letter topic, https://cloud.google.com/pubsub/docs/dead-letter-topics#how_dead_letter_topics_work */
export const deadLetterOf = (subscriptionName: string, { message, failures }: Delivery): PubsubMessage => {
  const [, project = '', , subscription = ''] = subscriptionName.split('/')
  const { data, attributes, orderingKey } = message.wire
  return {
    data,
    orderingKey,
    messageId: '',
    publishTime: null,
    attributes: {
      ...attributes,
      CloudPubSubDeadLetterSourceDeliveryCount: String(failures),
      CloudPubSubDeadLetterSourceSubscription: subscription,
      CloudPubSubDeadLetterSourceSubscriptionProject: project,
      CloudPubSubDeadLetterSourceTopicPublishTime: new Date(message.publishedMs).toISOString(),
    },
  }
}
