import type { ChannelDocument } from '@infinity-matrix/contracts'

/** A report on its way to subscribers. */
export interface ChannelItem {
  sequence: number
  /** Whether it replaces all before it, so that nothing before it need be waited for. */
  isSnapshot: boolean
  /** The report and its agent's state. */
  json: string
}

export interface Channelled {
  channel: ChannelDocument
  /** What is to be delivered now, in order. */
  due: string[]
  /** More waits than a channel holds: what came cannot be taken now. */
  isFull: boolean
}

/** Of an agent that reported before its tenant had subscriptions, what comes late is delivered for this long. */
export const startSeconds = 60
/** A report that is missing for so long was never published. */
export const missingSecondsMax = 900
const waitingMax = 200
const waitingLengthMax = 500_000

interface Begin {
  tenant: string
  /** Since when the tenant's changes are published. */
  since: string
  /** When the agent first reported. */
  createdAt: string
  now: string
}

/**
 * Restores the order of an agent's reports, however they come: what is next is due, with what waited for it; what is
 * early waits; what was delivered is dropped. `channel` is undefined before the first.
 *
 * Reports are counted from 1 when all of them are published. Of an agent that was there before, the order begins with what
 * is seen first; what comes late in the first minute is due at once rather than lost.
 */
export const channelReports = (
  known: ChannelDocument | undefined,
  items: readonly ChannelItem[],
  begin: Begin,
): Channelled => {
  const sorted = items.toSorted((a, b) => a.sequence - b.sequence)
  const before = known?.since === begin.since ? known : beginChannel(begin, sorted[0]?.sequence ?? 1)
  const isStarting =
    before.startedAt !== null && Date.parse(begin.now) - Date.parse(before.startedAt) < startSeconds * 1000
  let { first, startedAt } = before
  const due: string[] = []
  const waiting = new Map(before.waiting.map(({ sequence, json }) => [sequence, json]))
  let next = before.next

  const release = () => {
    for (let json = waiting.get(next); json !== undefined; json = waiting.get(next)) {
      due.push(json)
      waiting.delete(next)
      next++
    }
  }
  for (const { sequence, isSnapshot, json } of sorted) {
    if (sequence === next || (isSnapshot && sequence > next)) {
      due.push(json)
      // What a snapshot overtook comes late rather than never.
      if (sequence > next) [first, startedAt] = [sequence, begin.now]
      next = sequence + 1
      for (const early of waiting.keys()) if (early < next) waiting.delete(early)
      release()
    } else if (sequence > next) waiting.set(sequence, json)
    else if (isStarting && sequence < before.first) due.push(json)
  }
  return {
    channel: withWaiting({ ...before, first, startedAt }, next, waiting, begin.now),
    due,
    isFull: isTooMuch(waiting),
  }
}

/** Gives up a report that was missing for too long: what waits goes on after the hole. */
export const giveUpMissing = (channel: ChannelDocument, now: string): Channelled => {
  const isOverdue =
    channel.waitingSince !== null && Date.parse(now) - Date.parse(channel.waitingSince) >= missingSecondsMax * 1000
  const [first] = channel.waiting.toSorted((a, b) => a.sequence - b.sequence)
  if (!isOverdue || !first) return { channel, due: [], isFull: false }
  const { tenant, since } = channel
  const resumed = { ...channel, next: first.sequence }
  return channelReports(resumed, [{ ...first, isSnapshot: false }], { tenant, since, createdAt: since, now })
}

const beginChannel = ({ tenant, since, createdAt, now }: Begin, firstSeen: number): ChannelDocument => {
  const isWhole = createdAt >= since
  const first = isWhole ? 1 : firstSeen
  const startedAt = isWhole ? null : now
  return { tenant, since, first, next: first, startedAt, waiting: [], waitingSince: null, isWaiting: false }
}

const withWaiting = (
  before: ChannelDocument,
  next: number,
  waiting: ReadonlyMap<number, string>,
  now: string,
): ChannelDocument => {
  const isWaiting = waiting.size > 0
  const isSameHole = isWaiting && before.waitingSince !== null && before.next === next
  return {
    ...before,
    next,
    waiting: [...waiting].map(([sequence, json]) => ({ sequence, json })),
    isWaiting,
    waitingSince: isSameHole ? before.waitingSince : isWaiting ? now : null,
  }
}

const isTooMuch = (waiting: ReadonlyMap<number, string>): boolean =>
  waiting.size > waitingMax || [...waiting.values()].reduce((sum, { length }) => sum + length, 0) > waitingLengthMax
