import { randomUUID } from 'node:crypto'
import type { TimeSource } from '../../clock/time-source.ts'
import { Code, StatusError } from '../../wire/status-error.ts'
import type { StoredMessage } from '../delivery.ts'
import { alreadyExists, invalidArgument, notFound } from '../errors.ts'
import { applyFieldMask } from '../field-mask.ts'
import { checkLabels } from '../labels.ts'
import { durationMs, fromMs, withFields, type SnapshotResource } from '../messages.ts'
import { checkName, DELETED_TOPIC, projectOf } from '../names.ts'
import type { RetentionBudget } from '../retention.ts'
import type { Subscription } from '../subscription.ts'
import type { Topic } from '../topic.ts'
import { Snapshot } from './snapshot.ts'

const HOUR_MS = 3_600_000
const LIFETIME_MS = 7 * 24 * HOUR_MS
const UPDATABLE_FIELDS: ReadonlySet<string> = new Set(['labels', 'expireTime'])

export interface SnapshotRequest {
  name: string
  subscription: string
  labels: Record<string, string>
}

interface CatalogueOptions {
  time: TimeSource
  retention: RetentionBudget
  /** A snapshot is there, is another, or (undefined) is gone. */
  changed(name: string, snapshot: Snapshot | undefined): void
}

/** The snapshots of an engine. Methods throw `StatusError`. */
export class SnapshotCatalogue {
  readonly #options: CatalogueOptions
  readonly #snapshots = new Map<string, Snapshot>()
  readonly #topics = new Map<Snapshot, Topic>()

  constructor(options: CatalogueOptions) {
    this.#options = options
  }

  /** `topic` is that of the subscription; undefined when it has been deleted. */
  create(request: SnapshotRequest, subscription: Subscription, topic: Topic | undefined): Snapshot {
    const name = request.name || `${projectOf(subscription.name)}/snapshots/s${randomUUID()}`
    checkName('snapshots', name)
    checkLabels(request.labels)
    if (this.#snapshots.has(name)) throw alreadyExists(name)
    subscription.checkAttached()
    const backlog = subscription.queue.unacknowledged()
    const nowMs = this.#options.time.now()
    const lifetimeMs = LIFETIME_MS - (nowMs - (backlog[0]?.publishedMs ?? nowMs))
    if (lifetimeMs < HOUR_MS) {
      throw new StatusError(
        Code.FAILED_PRECONDITION,
        'The snapshot would expire in less than one hour, because of the age of the oldest unacknowledged message.',
      )
    }
    const { topic: topicName } = subscription.resource
    const expireTime = fromMs(nowMs + lifetimeMs)
    return this.put({ name, topic: topicName, labels: request.labels, expireTime }, topic, backlog)
  }

  /** Takes a snapshot as it is. */
  put(resource: SnapshotResource, topic: Topic | undefined, messages: Iterable<StoredMessage>): Snapshot {
    const snapshot = new Snapshot(resource, this.#options.retention, messages)
    this.#snapshots.set(resource.name, snapshot)
    if (topic) {
      this.#topics.set(snapshot, topic)
      topic.snapshotLogs.add(snapshot.log)
    }
    this.#setExpiry(snapshot)
    this.#options.changed(resource.name, snapshot)
    return snapshot
  }

  find(name: string): Snapshot | undefined {
    return this.#snapshots.get(name)
  }

  get(name: string): Snapshot {
    const snapshot = this.#snapshots.get(name)
    if (snapshot) return snapshot
    checkName('snapshots', name)
    throw notFound(name)
  }

  update(update: SnapshotResource, paths: readonly string[]): SnapshotResource {
    const snapshot = this.get(update.name)
    const next = applyFieldMask('Snapshot', snapshot.resource, update, paths, UPDATABLE_FIELDS)
    checkLabels(next.labels)
    if (!next.expireTime) throw invalidArgument('The expire_time of a snapshot cannot be removed.')
    snapshot.resource = next
    this.#setExpiry(snapshot)
    this.#options.changed(next.name, snapshot)
    return next
  }

  delete(name: string): void {
    const snapshot = this.get(name)
    snapshot.cancelExpiry?.()
    this.#topics.get(snapshot)?.snapshotLogs.delete(snapshot.log)
    this.#topics.delete(snapshot)
    this.#snapshots.delete(name)
    snapshot.log.clear()
    this.#options.changed(name, undefined)
  }

  /** Its snapshots live on, and keep what they have. */
  topicDeleted(topic: Topic): void {
    for (const [snapshot, of] of this.#topics) {
      if (of !== topic) continue
      this.#topics.delete(snapshot)
      snapshot.resource = withFields(snapshot.resource, { topic: DELETED_TOPIC })
      this.#options.changed(snapshot.resource.name, snapshot)
    }
  }

  inProject(project: string): SnapshotResource[] {
    return [...this.#snapshots.values()]
      .map(({ resource }) => resource)
      .filter(({ name }) => projectOf(name) === project)
  }

  ofTopic(topicName: string): string[] {
    return [...this.#snapshots.values()].flatMap(({ resource }) =>
      resource.topic === topicName ? [resource.name] : [],
    )
  }

  [Symbol.iterator](): Iterator<Snapshot> {
    return this.#snapshots.values()
  }

  close(): void {
    for (const { cancelExpiry } of this.#snapshots.values()) cancelExpiry?.()
  }

  #setExpiry(snapshot: Snapshot): void {
    snapshot.cancelExpiry?.()
    const { time } = this.#options
    const check = (): void => {
      const leftMs = (snapshot.resource.expireTime ? durationMs(snapshot.resource.expireTime) : 0) - time.now()
      if (leftMs <= 0) this.delete(snapshot.resource.name)
      else snapshot.cancelExpiry = time.after(leftMs, check)
    }
    // Never at once: who set a time in the past still gets its answer.
    snapshot.cancelExpiry = time.after(0, check)
  }
}
