import type { TimeSource } from '../clock/time-source.ts'
import { StatusError, Code } from '../wire/status-error.ts'
import type { Delivery, StoredMessage } from './delivery.ts'
import { DeliveryQueue, type DeliveryPolicy } from './delivery-queue.ts'
import { notFound } from './errors.ts'
import { parseFilter, type Filter } from './filter.ts'
import { durationMs, withFields, type SubscriptionResource, type TopicResource } from './messages.ts'
import { DELETED_TOPIC } from './names.ts'
import type { IdTokens } from '../oidc/id-tokens.ts'
import type { Tables } from '../bigquery/tables.ts'
import { PushConsumer } from './push.ts'
import { RetentionLog, merged, type RetentionBudget } from './retention.ts'
import { TableExport } from './table-export.ts'

/** What a subscription has from the engine it lives in. */
export interface Surroundings {
  readonly time: TimeSource
  readonly retention: RetentionBudget
  readonly idTokens: IdTokens
  /** Where BigQuery subscriptions write; undefined: they keep their messages. */
  readonly tables: Tables | undefined
  /** Publishes a failed message to the dead-letter topic; false when that topic does not exist. */
  deadLetter(subscription: Subscription, delivery: Delivery, topic: string): boolean
  /** The message is acknowledged, or went to the dead-letter topic. */
  done(subscription: Subscription, message: StoredMessage): void
  /** Settles when all that was published so far is kept; undefined when it is. */
  durable(): Promise<void> | undefined
  /** It has not been used for as long as its expiration policy allows. */
  expired(subscription: Subscription): void
  /** What it exports could not be written, and is tried again. */
  exportFailed(subscription: Subscription, error: unknown): void
}

const detachedError = () =>
  new StatusError(Code.FAILED_PRECONDITION, 'The subscription is detached from its topic and has no messages.')

const msOf = (duration: Parameters<typeof durationMs>[0] | null | undefined): number =>
  duration ? durationMs(duration) : 0

/** A subscription: its resource and its messages. */
export class Subscription {
  readonly queue: DeliveryQueue
  readonly #around: Surroundings
  readonly #filter: Filter | undefined
  #resource: SubscriptionResource
  #push: PushConsumer | undefined
  #export: TableExport | undefined
  /** With `retain_acked_messages`: all that was enqueued and is not too old. */
  #log: RetentionLog | undefined
  #activeMs: number
  #cancelExpiry: (() => void) | undefined

  constructor(around: Surroundings, ackIdPrefix: string, resource: SubscriptionResource) {
    this.#around = around
    this.#filter = parseFilter(resource.filter)
    this.#resource = resource
    this.#activeMs = around.time.now()
    this.queue = new DeliveryQueue(around.time, ackIdPrefix, this.#policy())
    this.#apply()
  }

  get name(): string {
    return this.#resource.name
  }

  get resource(): SubscriptionResource {
    return this.#resource
  }

  get isPush(): boolean {
    return this.#push !== undefined
  }

  get exactlyOnce(): boolean {
    return this.#resource.enableExactlyOnceDelivery
  }

  get idTokens(): IdTokens {
    return this.#around.idTokens
  }

  /** Takes a resource that was checked. */
  update(resource: SubscriptionResource): void {
    this.#resource = resource
    this.queue.policy = this.#policy()
    this.#apply()
    this.queue.changed()
  }

  topicChanged({ messageRetentionDuration }: TopicResource): void {
    this.#resource = withFields(this.#resource, { topicMessageRetentionDuration: messageRetentionDuration })
    this.queue.policy = this.#policy()
  }

  topicDeleted(): void {
    this.#resource = withFields(this.#resource, { topic: DELETED_TOPIC, topicMessageRetentionDuration: null })
    this.queue.policy = this.#policy()
  }

  /** Drops its messages; whoever reads it is sent away. */
  detach(): void {
    this.#resource = withFields(this.#resource, { detached: true })
    this.#log?.clear()
    this.#log = undefined
    this.#stopPush()
    this.#stopExport()
    this.queue.replace([])
    this.queue.dismiss(detachedError())
  }

  /** Throws FAILED_PRECONDITION when it is detached. */
  checkAttached(): void {
    if (this.#resource.detached) throw detachedError()
  }

  enqueue(message: StoredMessage): void {
    if (this.#filter?.(message.wire.attributes) === false) return
    this.#log?.push(message)
    this.queue.enqueue(message)
  }

  /** From now on these messages are to be acknowledged, as far as the filter lets them in, and no others. */
  replay(messages: Iterable<StoredMessage>): void {
    const wanted = [...messages].filter(({ wire }) => this.#filter?.(wire.attributes) !== false)
    this.queue.replace(wanted)
  }

  /** All that it can go back to at this moment; `topicLog` is what its topic keeps. */
  retained(topicLog: RetentionLog | undefined): StoredMessage[] {
    const nowMs = this.#around.time.now()
    return merged(topicLog?.kept(nowMs) ?? [], this.#log?.kept(nowMs) ?? [], this.queue.unacknowledged())
  }

  /** Puts back what was there before the engine was stopped. */
  restore(retained: Iterable<StoredMessage>, unacknowledged: Iterable<StoredMessage>): void {
    for (const message of retained) this.#log?.push(message)
    this.queue.replace(unacknowledged)
  }

  /** The messages kept though they are acknowledged, among others. */
  get keptForReplay(): Iterable<StoredMessage> {
    return this.#log?.kept(this.#around.time.now()) ?? []
  }

  /** As production counts: only with a dead-letter policy, else 0. */
  deliveryAttempt(delivery: Delivery): number {
    return this.#resource.deadLetterPolicy ? delivery.failures + 1 : 0
  }

  /** Someone uses it: a client, or its push endpoint. Its expiration begins anew. */
  touch(): void {
    this.#activeMs = this.#around.time.now()
  }

  /** Who reads it is sent away, for the reason given: by default, that it was deleted. */
  close(reason: Error = notFound(this.name)): void {
    this.#cancelExpiry?.()
    this.#log?.clear()
    // What is on its way into a table is written, and acknowledged before the queue ends.
    this.#export?.close()
    this.queue.close(reason)
    this.#push?.close()
  }

  exportFailed(error: unknown): void {
    this.#around.exportFailed(this, error)
  }

  #apply(): void {
    this.touch()
    this.#setRetention()
    this.#setPush()
    this.#setExport()
    this.#setExpiry()
  }

  #policy(): DeliveryPolicy {
    const { retryPolicy, deadLetterPolicy, messageRetentionDuration, topicMessageRetentionDuration } = this.#resource
    const minMs = msOf(retryPolicy?.minimumBackoff)
    const maxMs = msOf(retryPolicy?.maximumBackoff)
    return {
      ordered: this.#resource.enableMessageOrdering,
      exactlyOnce: this.#resource.enableExactlyOnceDelivery,
      // What the topic keeps is there for its subscriptions, whatever they keep themselves.
      retentionMs: Math.max(msOf(messageRetentionDuration) || Infinity, msOf(topicMessageRetentionDuration)),
      backoffMs: (failures) => (minMs === 0 ? 0 : Math.min(maxMs, minMs * 2 ** (failures - 1))),
      deadLetter: (delivery) =>
        deadLetterPolicy !== null &&
        delivery.failures >= deadLetterPolicy.maxDeliveryAttempts &&
        this.#around.deadLetter(this, delivery, deadLetterPolicy.deadLetterTopic),
      done: (message) => this.#around.done(this, message),
      durable: () => this.#around.durable(),
    }
  }

  #setRetention(): void {
    const { retainAckedMessages, messageRetentionDuration, detached } = this.#resource
    if (!retainAckedMessages || detached) {
      this.#log?.clear()
      this.#log = undefined
      return
    }
    const retentionMs = msOf(messageRetentionDuration) || Infinity
    if (this.#log) {
      this.#log.retentionMs = retentionMs
      return
    }
    this.#log = new RetentionLog(this.#around.retention, retentionMs)
    for (const message of this.queue.unacknowledged()) this.#log.push(message)
  }

  #setExpiry(): void {
    this.#cancelExpiry?.()
    const ttlMs = msOf(this.#resource.expirationPolicy?.ttl)
    if (ttlMs === 0) return
    const { time } = this.#around
    const check = (): void => {
      // An open stream, or a pull that waits, is use.
      if (this.queue.hasConsumers && !this.isPush && !this.#export) this.touch()
      const leftMs = this.#activeMs + ttlMs - time.now()
      if (leftMs <= 0) this.#around.expired(this)
      else this.#cancelExpiry = time.after(leftMs, check)
    }
    this.#cancelExpiry = time.after(ttlMs, check)
  }

  #setPush(): void {
    const { pushConfig } = this.#resource
    // As long as nothing changes for the endpoint, it keeps the rate that it has shown it can take.
    if (this.#push?.isFor(pushConfig)) return
    this.#stopPush()
    if (this.#resource.detached || !pushConfig?.pushEndpoint) return
    // Pulls that are under way would take messages that are to be pushed from now on.
    this.queue.dismiss(new StatusError(Code.FAILED_PRECONDITION, 'The subscription is a push subscription now.'))
    this.#push = new PushConsumer(this.#around.time, this)
    this.queue.addConsumer(this.#push)
  }

  #stopPush(): void {
    if (!this.#push) return
    this.queue.removeConsumer(this.#push)
    this.#push.close()
    this.#push = undefined
  }
  #setExport(): void {
    const { bigqueryConfig, detached } = this.#resource
    const { tables, time } = this.#around
    if (this.#export?.isFor(bigqueryConfig)) return
    this.#stopExport()
    if (!bigqueryConfig || !tables || detached) return
    this.queue.dismiss(new StatusError(Code.FAILED_PRECONDITION, 'The subscription is a BigQuery subscription now.'))
    this.#export = new TableExport(time, this, tables)
    this.queue.addConsumer(this.#export)
  }

  #stopExport(): void {
    if (!this.#export) return
    this.queue.removeConsumer(this.#export)
    this.#export.close()
    this.#export = undefined
  }
}
