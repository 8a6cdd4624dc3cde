import type { TimeSource } from '../clock/time-source.ts'
import type { Delivery, StoredMessage } from './delivery.ts'
import { DeliveryQueue, type DeliveryPolicy } from './delivery-queue.ts'
import { parseFilter, type Filter } from './filter.ts'
import { durationMs, withFields, type SubscriptionResource } from './messages.ts'
import { DELETED_TOPIC } from './names.ts'
import { PushConsumer } from './push.ts'

/** Publishes a failed message to the dead-letter topic; false when that topic does not exist. */
export type DeadLetterSink = (subscription: Subscription, delivery: Delivery, topic: string) => boolean

/** A subscription: its resource and its messages. */
export class Subscription {
  readonly queue: DeliveryQueue
  readonly #time: TimeSource
  readonly #filter: Filter | undefined
  readonly #deadLetters: DeadLetterSink
  #resource: SubscriptionResource
  #push: PushConsumer | undefined

  constructor(time: TimeSource, ackIdPrefix: string, resource: SubscriptionResource, deadLetters: DeadLetterSink) {
    this.#time = time
    this.#deadLetters = deadLetters
    this.#filter = parseFilter(resource.filter)
    this.#resource = resource
    this.queue = new DeliveryQueue(time, ackIdPrefix, this.#policy())
    this.#setPush()
  }

  get name(): string {
    return this.#resource.name
  }

  get resource(): SubscriptionResource {
    return this.#resource
  }

  /** Takes a resource that was checked. */
  update(resource: SubscriptionResource): void {
    this.#resource = resource
    this.queue.policy = this.#policy()
    this.#setPush()
  }

  topicDeleted(): void {
    this.#resource = withFields(this.#resource, { topic: DELETED_TOPIC })
  }

  get isPush(): boolean {
    return this.#push !== undefined
  }

  enqueue(message: StoredMessage): void {
    if (this.#filter?.(message.wire.attributes) !== false) this.queue.enqueue(message)
  }

  /** As production counts: only with a dead-letter policy, else 0. */
  deliveryAttempt(delivery: Delivery): number {
    return this.#resource.deadLetterPolicy ? delivery.failures + 1 : 0
  }

  close(): void {
    this.queue.close()
    this.#push?.close()
  }

  #policy(): DeliveryPolicy {
    const { retryPolicy, deadLetterPolicy, messageRetentionDuration, enableMessageOrdering } = this.#resource
    const minMs = retryPolicy?.minimumBackoff ? durationMs(retryPolicy.minimumBackoff) : 0
    const maxMs = retryPolicy?.maximumBackoff ? durationMs(retryPolicy.maximumBackoff) : 0
    return {
      ordered: enableMessageOrdering,
      retentionMs: messageRetentionDuration ? durationMs(messageRetentionDuration) : Number.POSITIVE_INFINITY,
      backoffMs: (failures) => Math.min(maxMs, minMs * 2 ** (failures - 1)),
      deadLetter: (delivery) =>
        deadLetterPolicy !== null &&
        delivery.failures >= deadLetterPolicy.maxDeliveryAttempts &&
        this.#deadLetters(this, delivery, deadLetterPolicy.deadLetterTopic),
    }
  }

  #setPush(): void {
    if (this.#push) {
      this.queue.removeConsumer(this.#push)
      this.#push.close()
      this.#push = undefined
    }
    if (!this.#resource.pushConfig?.pushEndpoint) return
    this.#push = new PushConsumer(this.#time, this)
    this.queue.addConsumer(this.#push)
  }
}
