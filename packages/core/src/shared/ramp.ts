import type { KeyRangeDocument, Share } from '@infinity-matrix/contracts'

// Firestore splits a range of keys as its load grows, and wants to be given the time for it: at most 500 operations a
// second to begin with, and half as much again every five minutes, reads and writes alike. That a range is known for what
// it carried, not for its age, and forgets it, is ours: Firestore says nothing of idleness, and the store below it merges
// splits whose load stays low.
// https://cloud.google.com/firestore/docs/best-practices#ramping_up_traffic
// https://cloud.google.com/spanner/docs/pre-splitting-overview
export const rampStartPerSecond = 500
export const rampGrowth = 1.5
export const rampPeriodSeconds = 300
/** What a range carried counts this long: over a quiet weekend day, not over a quiet week. */
export const rampMemoryHours = 48
/** Who uses this much of what is allowed cannot be told from one who uses all of it. */
const fullUse = 0.8

/** A share lasts this long, or longer where many have one. */
const shareSecondsMin = 20
/** Of a range's document, so that it stays at Firestore's one write a second however many share the range. */
const writesPerSecondMax = 1
const sharesPerHolder = 4
/** This much of what is allowed waits for instances that are new. */
const reserve = 1 / 16
/** An idle instance may write as much at once as it may in this time. */
const burstMs = 1000

type Ramp = Omit<KeyRangeDocument, 'shares'>

/** Writes a second that a key range takes now. */
export const allowedPerSecond = ({ sustainedPerSecond }: Ramp): number =>
  Math.max(rampStartPerSecond, rampGrowth * sustainedPerSecond)

/** A range that nobody has written to. */
export const newKeyRange = (nowMs: number): KeyRangeDocument => ({
  sustainedPerSecond: rampStartPerSecond / rampGrowth,
  sustainedAtMs: nowMs,
  periodStartedAtMs: nowMs,
  periodWrites: 0,
  shares: {},
})

/** The range after more writes; a period that is over decides what it is known for. */
export const carry = <R extends Ramp>(ramp: R, writes: number, nowMs: number): R => {
  const periodWrites = ramp.periodWrites + writes
  const seconds = (nowMs - ramp.periodStartedAtMs) / 1000
  if (seconds < rampPeriodSeconds) return { ...ramp, periodWrites }
  const allowed = allowedPerSecond(ramp)
  const carried = periodWrites / seconds
  const sustained = carried >= fullUse * allowed ? allowed : carried
  const isForgotten = nowMs - ramp.sustainedAtMs > rampMemoryHours * 3_600_000
  const known =
    sustained >= ramp.sustainedPerSecond || isForgotten
      ? { sustainedPerSecond: sustained, sustainedAtMs: nowMs }
      : { sustainedPerSecond: ramp.sustainedPerSecond, sustainedAtMs: ramp.sustainedAtMs }
  return { ...ramp, ...known, periodStartedAtMs: nowMs, periodWrites: 0 }
}

/** What an instance says of itself when it asks for its next share. */
export interface Demand {
  /** Written since it last said so. */
  writes: number
  /** Null: it has to wait, and takes what it can get. */
  wantedPerSecond: number | null
}

export interface ShareTaken {
  range: KeyRangeDocument
  share: Share
  /** The instance does not ask again before this, so that the document is not written too often. */
  changeableAtMs: number
  /** It is as much as the instance would get if all shares were made anew. */
  isFair: boolean
}

export interface Asking {
  instanceId: string
  nowMs: number
  /** More than this nobody can write: a range that takes it has no shares any more. */
  ceilingPerSecond: number
}

/**
 * One instance's next share of what a key range takes, and the range with it. All shares that have not ended never add up
 * to more than the range takes; what each should have is max-min fair: who wants less gets that, and the rest is divided
 * equally. An instance that is due more than is free gets the rest when the others take their next ones; one that dies
 * gives its share back by its end.
 *
 * @see Bertsekas, Gallager, "Data Networks", 6.5.2 (max-min fair allocation)
 */
export const takeShare = (
  before: KeyRangeDocument,
  { writes, wantedPerSecond }: Demand,
  { instanceId, nowMs, ceilingPerSecond }: Asking,
): ShareTaken => {
  const ramp = carry(before, writes, nowMs)
  const allowed = allowedPerSecond(ramp)
  if (allowed >= ceilingPerSecond) {
    const untilMs = nowMs + rampPeriodSeconds * 1000
    const share = { perSecond: ceilingPerSecond, wantedPerSecond: 0, untilMs }
    return { range: { ...ramp, shares: {} }, share, changeableAtMs: untilMs, isFair: true }
  }
  const others = Object.fromEntries(
    Object.entries(ramp.shares).filter(([id, { untilMs }]) => id !== instanceId && untilMs > nowMs),
  )
  const isNew = !Object.hasOwn(ramp.shares, instanceId)
  const wanted = Math.min(wantedPerSecond ?? allowed, allowed)
  const free = allowed - sum(Object.values(others).map(({ perSecond }) => perSecond))
  const fair = fairShare(allowed * (1 - reserve), wanted, Object.values(others))
  const perSecond = Math.max(0, Math.min(fair, isNew ? free : free - reserve * allowed))

  const holders = Object.keys(others).length + 1
  const gapMs = (holders * 1000) / writesPerSecondMax
  const share = {
    perSecond,
    wantedPerSecond: wanted,
    untilMs: nowMs + Math.max(shareSecondsMin * 1000, sharesPerHolder * gapMs),
  }
  return {
    range: { ...ramp, shares: { ...others, [instanceId]: share } },
    share,
    changeableAtMs: nowMs + gapMs,
    isFair: perSecond >= fair * 0.99,
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

/** What is due to one that wants so much, beside the others; of what nobody wants, a newcomer's part stays free. */
const fairShare = (total: number, wanted: number, others: readonly Share[]): number => {
  const wants = [wanted, ...others.map(({ wantedPerSecond }) => wantedPerSecond)].sort((a, b) => a - b)
  let left = total
  for (const [index, want] of wants.entries()) {
    const equal = left / (wants.length - index)
    if (want > equal) return Math.min(wanted, equal)
    left -= want
  }
  return wanted + left / (wants.length + 1)
}

/** When an instance with this share may make its next writes. `cursorMs`: up to when what it made has used the share up. */
export const whenFree = (cursorMs: number, { perSecond }: Pick<Share, 'perSecond'>, writes: number, nowMs: number) => {
  const fromMs = Math.max(cursorMs, nowMs - burstMs)
  return { atMs: perSecond === 0 ? Infinity : Math.max(fromMs, nowMs), cursorMs: fromMs + (writes / perSecond) * 1000 }
}
