import { setTimeout as sleepFor } from 'node:timers/promises'
import { collections, KeyRangeDocument } from '@infinity-matrix/contracts'
import {
  allowedPerSecond,
  newKeyRange,
  takeShare,
  whenFree,
  type Demand,
  type ShareTaken,
} from '@infinity-matrix/core/ramp'
import { once, type Context } from './context.ts'
import { isContention } from './failure.ts'
import { governedWritesPerSecond } from './params.ts'

/** A key range takes no more now. Nothing was written; what asked is to be tried again, later. */
export class RangeFullError extends Error {
  readonly code = 'range-full'
  readonly range: string
  /** What the range takes from all instances, and what they were given of it, in writes a second. */
  readonly limitPerSecond: number
  readonly currentPerSecond: number
  /** When this instance may have more of it, in milliseconds since 1970. */
  readonly freeAtMs: number
  readonly waitSeconds: number

  constructor(name: string, { range }: ShareTaken, nowMs: number, freeAtMs: number) {
    const limitPerSecond = Math.floor(allowedPerSecond(range))
    const currentPerSecond = Math.ceil(Object.values(range.shares).reduce((sum, { perSecond }) => sum + perSecond, 0))
    const freeAt = new Date(freeAtMs).toISOString()
    super(`${name} takes ${limitPerSecond} writes a second now, and ${currentPerSecond} are given away until ${freeAt}`)
    this.range = name
    this.limitPerSecond = limitPerSecond
    this.currentPerSecond = currentPerSecond
    this.freeAtMs = freeAtMs
    this.waitSeconds = Math.max(1, Math.ceil((freeAtMs - nowMs) / 1000))
  }
}

export const isRangeFull = (error: unknown): error is RangeFullError =>
  error instanceof Error && 'code' in error && error.code === 'range-full'

export interface GovernorOptions {
  /** See `GOVERNED_WRITES_PER_SECOND`. */
  ceilingPerSecond: number
  /** Who would have to wait longer is refused. */
  waitSecondsMax?: number
  sleep?: (ms: number) => Promise<unknown>
}

type Surroundings = Required<Pick<GovernorOptions, 'waitSecondsMax' | 'sleep'>> & Pick<Context, 'nowMs'>
const defaultWaitSecondsMax = 20

/** This instance's part in one key range. */
const createPart = (
  range: string,
  take: (demand: Demand) => Promise<ShareTaken>,
  { nowMs, sleep, waitSecondsMax }: Surroundings,
) => {
  let held: { taken: ShareTaken; atMs: number; asHungry: boolean } | undefined
  // Up to when what was admitted uses the share up; how much it was since the share was taken; whether any had to wait.
  let cursorMs = 0
  let writesSince = 0
  let isHungry = false
  let asking: Promise<void> | undefined

  const askOnce = async (writesAsked: number): Promise<void> => {
    const [writes, asHungry] = [writesSince, isHungry]
    const seconds = held ? Math.max(1, (nowMs() - held.atMs) / 1000) : 1
    const wantedPerSecond = asHungry ? null : (writes + writesAsked) / seconds
    held = { taken: await take({ writes, wantedPerSecond }), atMs: nowMs(), asHungry }
    writesSince -= writes
    isHungry = false
  }
  const ask = (writesAsked: number): Promise<void> =>
    (asking ??= askOnce(writesAsked).finally(() => {
      asking = undefined
    }))

  return async (writes: number): Promise<void> => {
    const deadlineMs = nowMs() + waitSecondsMax * 1000
    for (;;) {
      const now = nowMs()
      if (!held || now >= renewalOf(held)) {
        await ask(writes)
        continue
      }
      const { taken, asHungry } = held
      const free = whenFree(cursorMs, taken.share, writes, now)
      if (free.atMs <= Math.min(deadlineMs, taken.share.untilMs)) {
        cursorMs = free.cursorMs
        writesSince += writes
        if (free.atMs === now) return
        isHungry = true
        await sleep(free.atMs - now)
        return
      }
      isHungry = true
      // A share that was taken in need, and is fair, will not be larger before the others change theirs.
      const nextMs = asHungry && taken.isFair ? renewalOf(held) : Math.min(renewalOf(held), taken.changeableAtMs)
      if (nextMs > deadlineMs) throw new RangeFullError(range, taken, now, Math.min(nextMs, free.atMs))
      if (nextMs > now) await sleep(nextMs - now)
      else await ask(writes)
    }
  }
}

// Ahead of its end, so that a share goes on without a break.
const renewalOf = ({ taken: { share }, atMs }: { taken: ShareTaken; atMs: number }): number =>
  share.untilMs - (share.untilMs - atMs) / 4

/**
 * Keeps the writes of all instances to a key range within what Firestore takes as its load grows (core's `ramp`). An
 * instance has a share of it for some 20 seconds and spends that by itself: one read and one write for each share, none for
 * each write.
 */
export const createGovernor = (
  { firestore, nowMs, newId }: Pick<Context, 'firestore' | 'nowMs' | 'newId'>,
  { ceilingPerSecond, waitSecondsMax = defaultWaitSecondsMax, sleep = sleepFor }: GovernorOptions,
) => {
  const instanceId = newId()
  const parts = new Map<string, (writes: number) => Promise<void>>()

  // A transaction would hold the document against the other instances, and wait a second for each that it meets.
  const takeIn = (range: string) => async (demand: Demand) => {
    const document = firestore.collection(collections.keyRanges).doc(range)
    for (;;) {
      const snapshot = await document.get()
      const before = snapshot.exists ? KeyRangeDocument.parse(snapshot.data()) : newKeyRange(nowMs())
      const taken = takeShare(before, demand, { instanceId, nowMs: nowMs(), ceilingPerSecond })
      try {
        await (snapshot.updateTime
          ? document.update({ ...taken.range }, { lastUpdateTime: snapshot.updateTime })
          : document.create(taken.range))
        return taken
      } catch (error) {
        // Another instance was first, and has its share: one of all that try always gets on.
        if (!isContention(error)) throw error
      }
    }
  }

  const partIn = (range: string) => {
    const known = parts.get(range)
    if (known) return known
    const made = createPart(range, takeIn(range), { nowMs, sleep, waitSecondsMax })
    parts.set(range, made)
    return made
  }

  /**
   * Waits until so many writes may be made to a key range; call it right before they are.
   *
   * @param range a collection's name, and a prefix where keys that begin alike have their own load: no `/`
   * @throws {RangeFullError} when they would have to wait longer than 20 seconds; to be tried again
   */
  const admit = async (range: string, writes: number): Promise<void> => {
    if (ceilingPerSecond > 0 && writes > 0) await partIn(range)(writes)
  }

  return { admit }
}

/** The governor of this instance. */
export const governor = once((context: Context) =>
  createGovernor(context, { ceilingPerSecond: governedWritesPerSecond.value() }),
)
