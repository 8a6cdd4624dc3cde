import { randomBytes } from 'node:crypto'
import type { Tables } from '../bigquery/tables.ts'
import type { TimeSource } from '../clock/time-source.ts'
import { Code, StatusError } from '../wire/status-error.ts'
import { deadLetterOf } from './dead-letter.ts'
import type { Delivery, StoredMessage } from './delivery.ts'
import { alreadyExists, notFound } from './errors.ts'
import { applyFieldMask } from './field-mask.ts'
import {
  durationMs,
  fromMs,
  withFields,
  type Duration,
  type PubsubMessage,
  type SubscriptionResource,
  type TopicResource,
} from './messages.ts'
import { checkName, DELETED_SCHEMA, projectOf } from './names.ts'
import { IdTokens } from '../oidc/id-tokens.ts'
import { messageBytes } from './publish-rules.ts'
import { recordNothing, type Recorder } from './recorder.ts'
import { RetentionBudget } from './retention.ts'
import { SchemaStore } from './schemas/schema-store.ts'
import { SnapshotCatalogue, type SnapshotRequest } from './snapshots/catalogue.ts'
import type { Snapshot } from './snapshots/snapshot.ts'
import { checkSubscription, UPDATABLE_SUBSCRIPTION_FIELDS } from './subscription-rules.ts'
import { Subscription } from './subscription.ts'
import { checkTopic, UPDATABLE_TOPIC_FIELDS } from './topic-rules.ts'
import { Topic } from './topic.ts'

export const RETAINED_BYTES_MAX_DEFAULT = 512 * 1024 * 1024

export interface BrokerOptions {
  /** What is kept for replay beside what is not acknowledged, in bytes. Default 512 MiB. */
  retainedBytesMax?: number
  idTokens?: IdTokens
  /** Where BigQuery subscriptions write. Default: they keep their messages. */
  tables?: Tables | undefined
  log?: ((line: string) => void) | undefined
}

/** Where a subscription is to go: a time, or a snapshot by its name. */
export type SeekTarget = { time: Duration } | { snapshot: string }

/** Topics, subscriptions and what is published. Methods throw `StatusError`. */
export class Broker {
  readonly snapshots: SnapshotCatalogue
  readonly schemas: SchemaStore
  readonly idTokens: IdTokens
  /** Hears of every change. */
  recorder: Recorder = recordNothing
  readonly #time: TimeSource
  readonly #tables: Tables | undefined
  readonly #log: ((line: string) => void) | undefined
  readonly #retention: RetentionBudget
  readonly #topics = new Map<string, Topic>()
  readonly #subscriptions = new Map<string, Subscription>()
  // Message ids are digits, as production's, and differ from those of an earlier run.
  readonly #idPrefix: string
  readonly #run = randomBytes(4).toString('hex')
  #sequence = 0
  #created = 0

  constructor(time: TimeSource, options: BrokerOptions = {}) {
    this.#time = time
    this.#tables = options.tables
    this.#log = options.log
    this.#idPrefix = String(Math.floor(time.now() / 1000))
    this.#retention = new RetentionBudget(options.retainedBytesMax ?? RETAINED_BYTES_MAX_DEFAULT)
    this.idTokens = options.idTokens ?? new IdTokens(time)
    this.schemas = new SchemaStore(time, (name) => this.#schemaDeleted(name))
    this.schemas.onChange = (name, schema) => this.recorder.schema(name, schema)
    this.snapshots = new SnapshotCatalogue({
      time,
      retention: this.#retention,
      changed: (name, snapshot) => this.recorder.snapshot(name, snapshot),
    })
  }

  get topics(): Iterable<Topic> {
    return this.#topics.values()
  }

  get subscriptions(): Iterable<Subscription> {
    return this.#subscriptions.values()
  }

  createTopic(wanted: TopicResource): TopicResource {
    checkName('topics', wanted.name)
    if (this.#topics.has(wanted.name)) throw alreadyExists(wanted.name)
    return this.putTopic(checkTopic(wanted, this.schemas)).resource
  }

  /** Takes a topic as it is. */
  putTopic(resource: TopicResource): Topic {
    const topic = new Topic(resource, this.#retention)
    this.#topics.set(resource.name, topic)
    this.recorder.topic(resource.name, resource)
    return topic
  }

  topic(name: string): TopicResource {
    return this.#topic(name).resource
  }

  updateTopic(update: TopicResource, paths: readonly string[]): TopicResource {
    const topic = this.#topic(update.name)
    const next = applyFieldMask('Topic', topic.resource, update, paths, UPDATABLE_TOPIC_FIELDS)
    topic.update(checkTopic(next, this.schemas, topic.resource))
    this.recorder.topic(update.name, topic.resource)
    this.#recordAll(topic.subscriptions)
    return topic.resource
  }

  /** Its subscriptions and snapshots live on, with what they hold, under the topic `_deleted-topic_`. */
  deleteTopic(name: string): void {
    const topic = this.#topic(name)
    for (const subscription of topic.subscriptions) subscription.topicDeleted()
    this.snapshots.topicDeleted(topic)
    topic.close()
    this.#topics.delete(name)
    this.recorder.topic(name, undefined)
    this.#recordAll(topic.subscriptions)
  }

  topicsOf(project: string): TopicResource[] {
    return [...this.#topics.values()].map((topic) => topic.resource).filter(({ name }) => projectOf(name) === project)
  }

  subscriptionsOfTopic(name: string): string[] {
    return [...this.#topic(name).subscriptions].map((subscription) => subscription.name)
  }

  snapshotsOfTopic(name: string): string[] {
    return this.snapshots.ofTopic(this.#topic(name).resource.name)
  }

  createSubscription(wanted: SubscriptionResource): SubscriptionResource {
    checkName('subscriptions', wanted.name)
    checkName('topics', wanted.topic)
    const resource = checkSubscription(wanted)
    if (this.#subscriptions.has(wanted.name)) throw alreadyExists(wanted.name)
    if (resource.deadLetterPolicy) this.#topic(resource.deadLetterPolicy.deadLetterTopic)
    const { messageRetentionDuration } = this.#topic(wanted.topic).resource
    return this.putSubscription(
      withFields(resource, { topicMessageRetentionDuration: messageRetentionDuration, detached: false }),
    ).resource
  }

  /** Takes a subscription as it is. */
  putSubscription(resource: SubscriptionResource): Subscription {
    const around = {
      time: this.#time,
      retention: this.#retention,
      idTokens: this.idTokens,
      tables: this.#tables,
      deadLetter: this.#deadLetter,
      done: (subscription: Subscription, message: StoredMessage) => this.recorder.done(subscription.name, message),
      durable: () => this.recorder.durable(),
      expired: (subscription: Subscription) => this.deleteSubscription(subscription.name),
      exportFailed: ({ name }: Subscription, error: unknown) =>
        this.#log?.(`${name} could not be written: ${error instanceof Error ? error.message : String(error)}`),
    }
    const subscription = new Subscription(around, `${this.#run}-${this.#created++}-`, resource)
    if (!resource.detached) this.#topics.get(resource.topic)?.subscriptions.add(subscription)
    this.#subscriptions.set(resource.name, subscription)
    this.recorder.subscription(resource.name, resource)
    return subscription
  }

  subscription(name: string): Subscription {
    const subscription = this.#subscriptions.get(name)
    if (subscription) return subscription
    checkName('subscriptions', name)
    throw notFound(name)
  }

  updateSubscription(update: SubscriptionResource, paths: readonly string[]): SubscriptionResource {
    const { resource } = this.subscription(update.name)
    return this.changeSubscription(
      checkSubscription(applyFieldMask('Subscription', resource, update, paths, UPDATABLE_SUBSCRIPTION_FIELDS)),
    )
  }

  /** Takes the resource as that of a subscription there is. */
  changeSubscription(resource: SubscriptionResource): SubscriptionResource {
    this.subscription(resource.name).update(resource)
    this.recorder.subscription(resource.name, resource)
    return resource
  }

  deleteSubscription(name: string): void {
    const subscription = this.subscription(name)
    this.#subscriptions.delete(name)
    this.#topics.get(subscription.resource.topic)?.subscriptions.delete(subscription)
    subscription.close()
    this.recorder.subscription(name, undefined)
  }

  /** It gets no more messages, and loses those it has. */
  detachSubscription(name: string): void {
    const subscription = this.subscription(name)
    this.#topics.get(subscription.resource.topic)?.subscriptions.delete(subscription)
    subscription.detach()
    this.recorder.subscription(name, subscription.resource)
    this.recorder.replayed(name, [])
  }

  subscriptionsOf(project: string): SubscriptionResource[] {
    return [...this.#subscriptions.values()]
      .map((subscription) => subscription.resource)
      .filter(({ name }) => projectOf(name) === project)
  }

  createSnapshot(request: SnapshotRequest): Snapshot {
    const subscription = this.subscription(request.subscription)
    return this.snapshots.create(request, subscription, this.#topics.get(subscription.resource.topic))
  }

  /** Sets what of a subscription is acknowledged to what it was, or would be, at a time or in a snapshot. */
  seek(name: string, target: SeekTarget): void {
    const subscription = this.subscription(name)
    subscription.checkAttached()
    subscription.touch()
    subscription.replay(
      'snapshot' in target ? this.#in(subscription, target.snapshot) : this.#since(subscription, target.time),
    )
    this.recorder.replayed(name, subscription.queue.unacknowledged())
  }

  /** Stores the messages (they become the engine's own) and returns their ids. */
  publish(topicName: string, messages: readonly PubsubMessage[]): string[] {
    const topic = this.#topic(topicName)
    const publishedMs = this.#time.now()
    const publishTime: Duration = fromMs(publishedMs)
    const stored = messages.map((wire): StoredMessage => {
      const sequence = this.#sequence++
      wire.messageId = this.#idPrefix + sequence
      wire.publishTime = publishTime
      return { wire, bytes: messageBytes(wire), publishedMs, sequence }
    })
    // Before an acknowledgement can be.
    this.recorder.published(topicName, stored)
    for (const message of stored) topic.publish(message)
    return stored.map(({ wire }) => wire.messageId)
  }

  /** The greatest sequence number of a message so far; -1 before the first. */
  get lastSequence(): number {
    return this.#sequence - 1
  }

  /** Sequence numbers of messages to come are greater. */
  continueAfter(sequence: number): void {
    this.#sequence = Math.max(this.#sequence, sequence + 1)
  }

  /** Deletes all there is. */
  reset(): void {
    for (const name of [...this.#subscriptions.keys()]) this.deleteSubscription(name)
    for (const { resource } of [...this.snapshots]) this.snapshots.delete(resource.name)
    for (const name of [...this.#topics.keys()]) this.deleteTopic(name)
    for (const { name } of [...this.schemas]) this.schemas.delete(name)
  }

  close(): void {
    this.recorder = recordNothing
    const stopped = new StatusError(Code.UNAVAILABLE, 'The service is being stopped.')
    for (const subscription of this.#subscriptions.values()) subscription.close(stopped)
    this.snapshots.close()
    this.#subscriptions.clear()
    this.#topics.clear()
  }

  /** The object that stands for a resource of any kind as long as it lives; undefined for none of that name. */
  find(name: string): object | undefined {
    return (
      this.#topics.get(name) ?? this.#subscriptions.get(name) ?? this.snapshots.find(name) ?? this.schemas.find(name)
    )
  }

  #schemaDeleted(schema: string): void {
    for (const topic of this.#topics.values()) {
      const { name, schemaSettings } = topic.resource
      if (schemaSettings?.schema !== schema) continue
      topic.update(
        withFields(topic.resource, { schemaSettings: withFields(schemaSettings, { schema: DELETED_SCHEMA }) }),
      )
      this.recorder.topic(name, topic.resource)
    }
  }

  #recordAll(subscriptions: Iterable<Subscription>): void {
    for (const { name, resource } of subscriptions) this.recorder.subscription(name, resource)
  }

  #topic(name: string): Topic {
    const topic = this.#topics.get(name)
    if (topic) return topic
    checkName('topics', name)
    throw notFound(name)
  }

  #since(subscription: Subscription, time: Duration): StoredMessage[] {
    const sinceMs = durationMs(time)
    const retained = subscription.retained(this.#topics.get(subscription.resource.topic)?.log)
    return retained.filter(({ publishedMs }) => publishedMs >= sinceMs)
  }

  #in(subscription: Subscription, snapshotName: string): Iterable<StoredMessage> {
    const snapshot = this.snapshots.get(snapshotName)
    if (snapshot.resource.topic === subscription.resource.topic) return snapshot.messages
    throw new StatusError(
      Code.FAILED_PRECONDITION,
      `The snapshot's topic must be the same as that of the subscription (snapshot=${snapshotName}).`,
    )
  }

  #deadLetter = (subscription: Subscription, delivery: Delivery, topicName: string): boolean => {
    if (!this.#topics.has(topicName)) return false
    this.publish(topicName, [deadLetterOf(subscription.name, delivery)])
    return true
  }
}
