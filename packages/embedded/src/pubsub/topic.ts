import type { StoredMessage } from './delivery.ts'
import { durationMs, type TopicResource } from './messages.ts'
import { RetentionLog, type RetentionBudget } from './retention.ts'
import type { Subscription } from './subscription.ts'

/** A topic: its resource, who gets its messages, and those it keeps for replay. */
export class Topic {
  readonly subscriptions = new Set<Subscription>()
  /** The logs of its snapshots, which keep all that is published. */
  readonly snapshotLogs = new Set<RetentionLog>()
  readonly #budget: RetentionBudget
  #resource: TopicResource
  #log: RetentionLog | undefined

  constructor(resource: TopicResource, budget: RetentionBudget) {
    this.#budget = budget
    this.#resource = resource
    this.#setRetention()
  }

  get resource(): TopicResource {
    return this.#resource
  }

  /** What the topic itself keeps, for subscriptions to seek to. */
  get log(): RetentionLog | undefined {
    return this.#log
  }

  update(resource: TopicResource): void {
    this.#resource = resource
    this.#setRetention()
    for (const subscription of this.subscriptions) subscription.topicChanged(resource)
  }

  publish(message: StoredMessage): void {
    this.#log?.push(message)
    for (const log of this.snapshotLogs) log.push(message)
    for (const subscription of this.subscriptions) subscription.enqueue(message)
  }

  close(): void {
    this.#log?.clear()
  }

  #setRetention(): void {
    const { messageRetentionDuration } = this.#resource
    if (!messageRetentionDuration) {
      this.#log?.clear()
      this.#log = undefined
      return
    }
    this.#log ??= new RetentionLog(this.#budget, 0)
    this.#log.retentionMs = durationMs(messageRetentionDuration)
  }
}
