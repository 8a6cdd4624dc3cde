import type { Broker } from '../broker.ts'
import type { StoredMessage } from '../delivery.ts'
import { parseFilter, type Filter } from '../filter.ts'
import { toNumber, type SnapshotResource, type SubscriptionResource, type TopicResource } from '../messages.ts'
import { storedMessage, type Change } from './records.ts'

interface RecordedTopic {
  resource: TopicResource
  log: number[]
}

interface RecordedSubscription {
  resource: SubscriptionResource
  filter: Filter | undefined
  unacknowledged: Set<number>
  /** With `retain_acked_messages`. */
  log: number[]
}

interface RecordedSnapshot {
  resource: SnapshotResource
  sequences: number[]
}

type RecordedSchema = Extract<Change, { schema: unknown }>['schema']

/** What the records of a journal come to. Messages are kept by sequence number while it is read. */
export class RecordedState {
  signingKey: string | undefined
  #last = -1
  readonly #messages = new Map<number, StoredMessage>()
  readonly #topics = new Map<string, RecordedTopic>()
  readonly #subscriptions = new Map<string, RecordedSubscription>()
  readonly #snapshots = new Map<string, RecordedSnapshot>()
  readonly #schemas = new Map<string, RecordedSchema>()

  apply(change: Change): void {
    if ('messages' in change) this.#publish(change.messages)
    else if ('done' in change) {
      const unacknowledged = this.#subscriptions.get(change.done.of)?.unacknowledged
      for (const sequence of change.done.sequences) unacknowledged?.delete(sequence)
    } else if ('unacknowledged' in change) {
      const subscription = this.#subscriptions.get(change.unacknowledged.of)
      if (subscription) subscription.unacknowledged = new Set(change.unacknowledged.sequences)
    } else if ('topic' in change) this.#putTopic(change.topic)
    else if ('subscription' in change) this.#putSubscription(change.subscription)
    else if ('snapshot' in change) this.#putSnapshot(change.snapshot)
    else if ('topicLog' in change) {
      const topic = this.#topics.get(change.topicLog.of)
      if (topic) topic.log = change.topicLog.sequences
    } else if ('subscriptionLog' in change) {
      const subscription = this.#subscriptions.get(change.subscriptionLog.of)
      if (subscription) subscription.log = change.subscriptionLog.sequences
    } else if ('schema' in change) {
      if (change.schema.revisions.length > 0) this.#schemas.set(change.schema.name, change.schema)
      else this.#schemas.delete(change.schema.name)
    } else if ('counter' in change) this.#last = Math.max(this.#last, toNumber(change.counter.last))
    else this.signingKey = change.signingKey
  }

  /** Puts it all into a broker that has nothing yet. */
  restore(broker: Broker): void {
    broker.continueAfter(this.#last)
    for (const { name, revisions, numbers } of this.#schemas.values()) broker.schemas.restore(name, revisions, numbers)
    const topics = new Map(
      [...this.#topics].map(([name, { resource, log }]) => {
        const topic = broker.putTopic(resource)
        for (const message of this.#get(log)) topic.log?.push(message)
        return [name, topic]
      }),
    )
    for (const { resource, unacknowledged, log } of this.#subscriptions.values()) {
      broker.putSubscription(resource).restore(this.#get(log), this.#get(unacknowledged))
    }
    for (const { resource, sequences } of this.#snapshots.values()) {
      broker.snapshots.put(resource, topics.get(resource.topic), this.#get(sequences))
    }
  }

  #publish({ topic: name, sequences, messages }: Extract<Change, { messages: unknown }>['messages']): void {
    const topic = this.#topics.get(name)
    const subscriptions = [...this.#subscriptions.values()].filter(
      ({ resource }) => resource.topic === name && !resource.detached,
    )
    const snapshots = [...this.#snapshots.values()].filter(({ resource }) => resource.topic === name)
    messages.forEach((wire, index) => {
      const sequence = sequences[index] ?? 0
      this.#last = Math.max(this.#last, sequence)
      this.#messages.set(sequence, storedMessage(wire, sequence))
      if (topic?.resource.messageRetentionDuration) topic.log.push(sequence)
      for (const snapshot of snapshots) snapshot.sequences.push(sequence)
      for (const { filter, unacknowledged, resource, log } of subscriptions) {
        if (filter?.(wire.attributes) === false) continue
        unacknowledged.add(sequence)
        if (resource.retainAckedMessages) log.push(sequence)
      }
    })
  }

  #putTopic({ name, resource }: Extract<Change, { topic: unknown }>['topic']): void {
    if (!resource) {
      this.#topics.delete(name)
      return
    }
    const log = this.#topics.get(name)?.log ?? []
    this.#topics.set(name, { resource, log: resource.messageRetentionDuration ? log : [] })
  }

  #putSubscription({ name, resource }: Extract<Change, { subscription: unknown }>['subscription']): void {
    if (!resource) {
      this.#subscriptions.delete(name)
      return
    }
    const known = this.#subscriptions.get(name)
    const unacknowledged = known?.unacknowledged ?? new Set<number>()
    // What was not acknowledged when retention began is retained too.
    const log = known?.resource.retainAckedMessages ? known.log : [...unacknowledged]
    this.#subscriptions.set(name, {
      resource,
      filter: parseFilter(resource.filter),
      unacknowledged,
      log: resource.retainAckedMessages ? log : [],
    })
  }

  #putSnapshot({ name, resource, sequences }: Extract<Change, { snapshot: unknown }>['snapshot']): void {
    if (resource) this.#snapshots.set(name, { resource, sequences })
    else this.#snapshots.delete(name)
  }

  #get(sequences: Iterable<number>): StoredMessage[] {
    const messages: StoredMessage[] = []
    for (const sequence of [...sequences].sort((a, b) => a - b)) {
      const message = this.#messages.get(sequence)
      if (message) messages.push(message)
    }
    return messages
  }
}
