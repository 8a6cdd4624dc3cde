import type { Journal } from '../../journal/index.ts'
import type { Broker } from '../broker.ts'
import type { StoredMessage } from '../delivery.ts'
import type { SubscriptionResource, TopicResource } from '../messages.ts'
import type { Recorder } from '../recorder.ts'
import type { Schema } from '../schemas/schema-store.ts'
import type { Snapshot } from '../snapshots/snapshot.ts'
import type { Change, RecordCodec } from './records.ts'

const sequencesOf = (messages: Iterable<StoredMessage>): number[] => Array.from(messages, ({ sequence }) => sequence)

const MESSAGES_PER_RECORD = 256

/** Writes the changes of a broker to a journal. */
export class JournalRecorder implements Recorder {
  readonly #journal: Journal
  readonly #codec: RecordCodec
  readonly #broker: Broker
  /** By subscription: acknowledged, and not written yet. */
  readonly #done = new Map<string, number[]>()
  #signingKey: string | undefined
  #compactionPlanned = false

  constructor(journal: Journal, codec: RecordCodec, broker: Broker, signingKey: string | undefined) {
    this.#journal = journal
    this.#codec = codec
    this.#broker = broker
    this.#signingKey = signingKey
  }

  durable(): Promise<void> | undefined {
    this.#writeDone()
    return this.#journal.pending
  }

  async close(): Promise<void> {
    this.#writeDone()
    await this.#journal.close()
  }

  signingKey(privateJwk: string): void {
    this.#signingKey = privateJwk
    this.#write({ signingKey: privateJwk })
  }

  topic(name: string, resource: TopicResource | undefined): void {
    this.#write({ topic: { name, ...(resource && { resource }) } })
  }

  subscription(name: string, resource: SubscriptionResource | undefined): void {
    this.#write({ subscription: { name, ...(resource && { resource }) } })
  }

  snapshot(name: string, snapshot: Snapshot | undefined): void {
    const resource = snapshot?.resource
    this.#write({ snapshot: { name, ...(resource && { resource }), sequences: sequencesOf(snapshot?.messages ?? []) } })
  }

  schema(name: string, schema: Schema | undefined): void {
    this.#write(schemaChange(name, schema))
  }

  published(topic: string, messages: readonly StoredMessage[]): void {
    this.#write(messagesChange(topic, messages))
  }

  /** Many at a time make one record: it is written before anything else is, and at the end of the turn. */
  done(subscription: string, { sequence }: StoredMessage): void {
    const sequences = this.#done.get(subscription)
    if (sequences) {
      sequences.push(sequence)
      return
    }
    if (this.#done.size === 0) setImmediate(() => this.#writeDone())
    this.#done.set(subscription, [sequence])
  }

  replayed(subscription: string, messages: readonly StoredMessage[]): void {
    this.#write({ unacknowledged: { of: subscription, sequences: sequencesOf(messages) } })
  }

  #writeDone(): void {
    const all = [...this.#done]
    this.#done.clear()
    for (const [of, sequences] of all) this.#append({ done: { of, sequences } })
  }

  #write(change: Change): void {
    this.#writeDone()
    this.#append(change)
  }

  #append(change: Change): void {
    // Who has to know of a failure waits with `durable`.
    this.#journal.append(this.#codec.encode(change)).catch(() => {})
    if (!this.#journal.compactionDue || this.#compactionPlanned) return
    this.#compactionPlanned = true
    // Not at once: what is recorded is not always done yet, and what the broker holds is to take its place.
    setImmediate(() => this.#compact())
  }

  #compact(): void {
    this.#compactionPlanned = false
    // A broker that was closed holds nothing any more.
    if (this.#broker.recorder !== this) return
    this.#writeDone()
    this.#journal.compact(this.#records()).catch(() => {})
  }

  /** What comes to the same as all records so far: gathered now, encoded when it is asked for. */
  #records(): Iterable<Uint8Array> {
    const changes = changesOf(this.#broker)
    if (this.#signingKey !== undefined) changes.unshift({ signingKey: this.#signingKey })
    const codec = this.#codec
    return (function* () {
      for (const change of changes) yield codec.encode(change)
    })()
  }
}

const schemaChange = (name: string, schema: Schema | undefined): Change => ({
  schema: {
    name,
    revisions: schema?.revisions.map(({ resource }) => resource).toReversed() ?? [],
    numbers: schema?.numbers ?? {},
  },
})

const messagesChange = (topic: string, messages: readonly StoredMessage[]): Change => ({
  messages: { topic, sequences: sequencesOf(messages), messages: messages.map(({ wire }) => wire) },
})

/** What a broker holds, as changes of one that has nothing. */
const changesOf = (broker: Broker): Change[] => {
  const messages = new Map<number, StoredMessage>()
  const noted = (all: Iterable<StoredMessage>): number[] =>
    Array.from(all, (message) => {
      messages.set(message.sequence, message)
      return message.sequence
    })
  const resources: Change[] = Array.from(broker.schemas, (schema) => schemaChange(schema.name, schema))
  const states: Change[] = []
  for (const { resource, log } of broker.topics) {
    resources.push({ topic: { name: resource.name, resource } })
    if (log) states.push({ topicLog: { of: resource.name, sequences: noted(log.kept(0)) } })
  }
  for (const { name, resource, queue, keptForReplay } of broker.subscriptions) {
    resources.push({ subscription: { name, resource } })
    states.push({ unacknowledged: { of: name, sequences: noted(queue.unacknowledged()) } })
    if (resource.retainAckedMessages) states.push({ subscriptionLog: { of: name, sequences: noted(keptForReplay) } })
  }
  for (const { resource, messages: kept } of broker.snapshots) {
    states.push({ snapshot: { name: resource.name, resource, sequences: noted(kept) } })
  }
  const told: Change[] = []
  const all = [...messages.values()]
  for (let at = 0; at < all.length; at += MESSAGES_PER_RECORD) {
    told.push(messagesChange('', all.slice(at, at + MESSAGES_PER_RECORD)))
  }
  const last: Change[] = broker.lastSequence < 0 ? [] : [{ counter: { last: broker.lastSequence } }]
  return [...last, ...resources, ...told, ...states]
}
