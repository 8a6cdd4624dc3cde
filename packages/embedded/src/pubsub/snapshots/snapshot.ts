import type { StoredMessage } from '../delivery.ts'
import type { SnapshotResource } from '../messages.ts'
import { RetentionLog, type RetentionBudget } from '../retention.ts'

/**
 * The state of acknowledgement of a subscription at one moment: what was not acknowledged then, and all that its topic
 * got since (https://cloud.google.com/pubsub/docs/replay-overview#snapshot_overview).
 */
export class Snapshot {
  /** To be pushed to whatever the topic gets. */
  readonly log: RetentionLog
  resource: SnapshotResource
  cancelExpiry: (() => void) | undefined

  constructor(resource: SnapshotResource, budget: RetentionBudget, backlog: Iterable<StoredMessage>) {
    this.resource = resource
    this.log = new RetentionLog(budget, Infinity)
    for (const message of backlog) this.log.push(message)
  }

  /** What seeking to it makes to be acknowledged. */
  get messages(): Iterable<StoredMessage> {
    return this.log.kept(0)
  }
}
