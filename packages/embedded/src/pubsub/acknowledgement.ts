import { Code, StatusError } from '../wire/status-error.ts'
import { invalidAckDeadline, invalidAckId } from './errors.ts'
import { ACK_DEADLINE_SECONDS_MAX } from './limits.ts'
import type { Subscription } from './subscription.ts'

/** What became of ack ids. Without exactly-once delivery all count as done, as they do in production. */
export interface AckOutcome {
  done: string[]
  /** Not those of a message that is out: past their deadline, acknowledged before, or made up. */
  invalid: string[]
}

/**
 * Without exactly-once delivery an ack id that this subscription never gave is an error of the whole request, and one
 * that is no longer good is none at all.
 */
const settle = (
  subscription: Subscription,
  ackIds: readonly string[],
  settleOne: (ackId: string) => boolean,
): AckOutcome => {
  subscription.checkAttached()
  subscription.touch()
  const outcome: AckOutcome = { done: [], invalid: [] }
  if (!subscription.exactlyOnce) {
    for (const ackId of ackIds) if (!subscription.queue.isAckId(ackId)) throw invalidAckId(ackId)
  }
  for (const ackId of ackIds) {
    const done = settleOne(ackId) || !subscription.exactlyOnce
    ;(done ? outcome.done : outcome.invalid).push(ackId)
  }
  return outcome
}

/** Throws INVALID_ARGUMENT for an id that is none of this subscription's, unless it delivers exactly once. */
export const acknowledge = (subscription: Subscription, ackIds: readonly string[]): AckOutcome =>
  settle(subscription, ackIds, (ackId) => subscription.queue.acknowledge(ackId))

/** Moves deadlines; throws as `acknowledge` does, and for `seconds` out of range. 0 gives the message back. */
export const modifyDeadlines = (subscription: Subscription, ackIds: readonly string[], seconds: number): AckOutcome => {
  checkDeadline(seconds)
  return settle(subscription, ackIds, (ackId) => subscription.queue.modifyDeadline(ackId, seconds))
}

export const checkDeadline = (seconds: number): void => {
  if (seconds < 0 || seconds > ACK_DEADLINE_SECONDS_MAX) throw invalidAckDeadline(seconds, 0, ACK_DEADLINE_SECONDS_MAX)
}

/** Throws what tells the client, id by id, which were not taken. */
export const requireAllDone = ({ invalid }: AckOutcome): void => {
  if (invalid.length === 0) return
  throw new StatusError(
    Code.INVALID_ARGUMENT,
    'Some acknowledgement ids in the request were invalid. This could be because the acknowledgement ids have expired or the acknowledgement ids were malformed.',
    {
      reason: 'EXACTLY_ONCE_ACKID_FAILURE',
      domain: 'pubsub.googleapis.com',
      metadata: Object.fromEntries(invalid.map((ackId) => [ackId, 'PERMANENT_FAILURE_INVALID_ACK_ID'])),
    },
  )
}
