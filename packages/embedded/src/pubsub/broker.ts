import { randomBytes } from 'node:crypto'
import type { TimeSource } from '../clock/time-source.ts'
import type { Delivery, StoredMessage } from './delivery.ts'
import { alreadyExists, notFound } from './errors.ts'
import { applyFieldMask } from './field-mask.ts'
import {
  durationMs,
  fromMs,
  STATE_ACTIVE,
  withFields,
  type Duration,
  type PubsubMessage,
  type SubscriptionResource,
  type TopicResource,
} from './messages.ts'
import { checkName, projectOf } from './names.ts'
import { messageBytes } from './publish-rules.ts'
import { checkSubscription, UPDATABLE_SUBSCRIPTION_FIELDS } from './subscription-rules.ts'
import { Subscription } from './subscription.ts'

interface Topic {
  resource: TopicResource
  readonly subscriptions: Set<Subscription>
}

const UPDATABLE_TOPIC_FIELDS: ReadonlySet<string> = new Set([
  'labels',
  'messageStoragePolicy',
  'kmsKeyName',
  'schemaSettings',
  'messageRetentionDuration',
  'ingestionDataSourceSettings',
  'messageTransforms',
])

/** Topics, subscriptions and what is published. Methods throw `StatusError`. */
export class Broker {
  readonly #time: TimeSource
  readonly #topics = new Map<string, Topic>()
  readonly #subscriptions = new Map<string, Subscription>()
  // Message ids are digits, as production's, and differ from those of an earlier run.
  readonly #idPrefix: string
  readonly #run = randomBytes(4).toString('hex')
  #messages = 0
  #created = 0

  constructor(time: TimeSource) {
    this.#time = time
    this.#idPrefix = String(Math.floor(time.now() / 1000))
  }

  createTopic(wanted: TopicResource): TopicResource {
    checkName('topics', wanted.name)
    if (this.#topics.has(wanted.name)) throw alreadyExists(wanted.name)
    const resource = withFields(wanted, { state: STATE_ACTIVE })
    this.#topics.set(wanted.name, { resource, subscriptions: new Set() })
    return resource
  }

  topic(name: string): TopicResource {
    return this.#topic(name).resource
  }

  updateTopic(update: TopicResource, paths: readonly string[]): TopicResource {
    const topic = this.#topic(update.name)
    topic.resource = applyFieldMask('Topic', topic.resource, update, paths, UPDATABLE_TOPIC_FIELDS)
    return topic.resource
  }

  /** Its subscriptions live on, with what they hold, under the topic `_deleted-topic_`. */
  deleteTopic(name: string): void {
    for (const subscription of this.#topic(name).subscriptions) subscription.topicDeleted()
    this.#topics.delete(name)
  }

  topicsOf(project: string): TopicResource[] {
    return [...this.#topics.values()].map((topic) => topic.resource).filter(({ name }) => projectOf(name) === project)
  }

  subscriptionsOfTopic(name: string): string[] {
    return [...this.#topic(name).subscriptions].map((subscription) => subscription.name)
  }

  createSubscription(wanted: SubscriptionResource): SubscriptionResource {
    checkName('subscriptions', wanted.name)
    checkName('topics', wanted.topic)
    const resource = checkSubscription(wanted)
    if (this.#subscriptions.has(wanted.name)) throw alreadyExists(wanted.name)
    const topic = this.#topic(wanted.topic)
    const ackIdPrefix = `${this.#run}-${this.#created++}-`
    const subscription = new Subscription(this.#time, ackIdPrefix, resource, this.#deadLetter)
    topic.subscriptions.add(subscription)
    this.#subscriptions.set(wanted.name, subscription)
    return resource
  }

  subscription(name: string): Subscription {
    const subscription = this.#subscriptions.get(name)
    if (subscription) return subscription
    checkName('subscriptions', name)
    throw notFound(name)
  }

  updateSubscription(update: SubscriptionResource, paths: readonly string[]): SubscriptionResource {
    const subscription = this.subscription(update.name)
    const next = applyFieldMask('Subscription', subscription.resource, update, paths, UPDATABLE_SUBSCRIPTION_FIELDS)
    subscription.update(checkSubscription(next))
    return subscription.resource
  }

  deleteSubscription(name: string): void {
    const subscription = this.subscription(name)
    this.#subscriptions.delete(name)
    this.#topics.get(subscription.resource.topic)?.subscriptions.delete(subscription)
    subscription.close()
  }

  subscriptionsOf(project: string): SubscriptionResource[] {
    return [...this.#subscriptions.values()]
      .map((subscription) => subscription.resource)
      .filter(({ name }) => projectOf(name) === project)
  }

  /** Stores the messages (they become the engine's own) and returns their ids. */
  publish(topicName: string, messages: readonly PubsubMessage[]): string[] {
    const { subscriptions } = this.#topic(topicName)
    const publishedMs = this.#time.now()
    const publishTime: Duration = fromMs(publishedMs)
    return messages.map((wire) => {
      wire.messageId = this.#idPrefix + this.#messages++
      wire.publishTime = publishTime
      const stored: StoredMessage = { wire, bytes: messageBytes(wire), publishedMs }
      for (const subscription of subscriptions) subscription.enqueue(stored)
      return wire.messageId
    })
  }

  close(): void {
    for (const subscription of this.#subscriptions.values()) subscription.close()
    this.#subscriptions.clear()
    this.#topics.clear()
  }

  #topic(name: string): Topic {
    const topic = this.#topics.get(name)
    if (topic) return topic
    checkName('topics', name)
    throw notFound(name)
  }

  #deadLetter = (subscription: Subscription, { message, failures }: Delivery, topicName: string): boolean => {
    if (!this.#topics.has(topicName)) return false
    const { data, attributes, orderingKey, publishTime } = message.wire
    this.publish(topicName, [
      {
        data,
        orderingKey,
        messageId: '',
        publishTime: null,
        attributes: {
          ...attributes,
          CloudPubSubDeadLetterSourceDeliveryCount: String(failures),
          CloudPubSubDeadLetterSourceSubscription: subscription.name.split('/')[3] ?? '',
          CloudPubSubDeadLetterSourceSubscriptionProject: subscription.name.split('/')[1] ?? '',
          CloudPubSubDeadLetterSourceTopicPublishTime: new Date(
            publishTime ? durationMs(publishTime) : 0,
          ).toISOString(),
        },
      },
    ])
    return true
  }
}
