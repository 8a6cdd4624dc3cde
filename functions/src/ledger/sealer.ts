import { setTimeout as sleepFor } from 'node:timers/promises'
import type { LedgerTree } from '@infinity-matrix/contracts'
import { isLeaseLost, type HeldLease, type Leases } from '../runtime/lease.ts'
import type { Intake, IntakePage } from './intake.ts'
import type { LogStore } from './store.ts'

export interface SealerOptions {
  intake: Intake
  store: LogStore
  leases: Leases
  /** The checkpoint of a tree, signed. */
  sign: (tree: LedgerTree) => Promise<string>
  /** Unique among all sealers. */
  holder: string
  /** An id of the intake, drawn by chance: where to begin. */
  somewhere: () => string
  nowMs: () => number
  sleep?: (ms: number) => Promise<unknown>
}

export const sealDuty = 'ledger-seal'
const leaseSeconds = 10
const renewSeconds = 3
/** Between two looks at an intake that one page takes away: it is how long entries gather for a commit. */
const paceMs = 500
// Whoever appends wakes the sealer once a second at most, so it looks once more after that.
const lingerMs = 1500

/** Makes entries that are appended part of the log, in the order of their time as far as it sees them, and signs how far that is. */
export const createSealer = (options: SealerOptions) => {
  const { intake, store, leases, sign, holder, somewhere, nowMs, sleep = sleepFor } = options
  let isRunning = false
  let awakeUntilMs = 0

  /** @param isPatient waits for a lease that another holds until that one would have expired: it may be dead */
  const take = async (isPatient: boolean): Promise<HeldLease | null> => {
    const giveUpMs = isPatient ? nowMs() + leaseSeconds * 1000 + lingerMs : 0
    for (;;) {
      const held = await leases.acquire(sealDuty, holder, leaseSeconds)
      if (held || nowMs() >= giveUpMs) return held
      await sleep(paceMs)
    }
  }

  const publish = async (held: HeldLease, tree: LedgerTree): Promise<void> => {
    const text = await sign(tree)
    await store.saveCheckpoint(held, { size: tree.size, text, signedAt: new Date(nowMs()).toISOString() })
  }

  const readAhead = (from: string): Promise<IntakePage> => {
    const reading = intake.read(from)
    // A failure is met when the page is wanted, if it still is.
    reading.catch(() => undefined)
    return reading
  }

  /** Seals while there is something, and for a moment after. @returns whether it came to an end of it */
  const sealAll = async (first: HeldLease, untilMs: number): Promise<boolean> => {
    let [held, renewedMs, from] = [first, nowMs(), somewhere()]
    const state = await store.read()
    let { tree } = state
    if (tree.size > (state.checkpoint?.size ?? 0)) await publish(held, tree)
    let reading = readAhead(from)
    for (;;) {
      const startedMs = nowMs()
      if (startedMs - renewedMs >= renewSeconds * 1000) {
        held = await leases.renew(held, leaseSeconds)
        renewedMs = startedMs
      }
      const page = await reading
      // What comes after this page is read while it is committed; it has none of the same documents.
      if (page.next !== '') reading = readAhead(page.next)
      if (page.appended.length > 0) {
        tree = await store.append(held, tree, page.appended, new Date(nowMs()).toISOString())
        // Signed once it is committed, so that no two trees of one size are ever signed.
        await publish(held, tree)
        awakeUntilMs = nowMs() + lingerMs
      }
      const wasAll = from === '' && page.next === ''
      if (nowMs() >= untilMs) return wasAll && page.appended.length === 0
      if (wasAll && nowMs() >= awakeUntilMs) return true
      if (wasAll) await sleep(Math.max(0, startedMs + paceMs - nowMs()))
      from = page.next
      if (from === '') reading = readAhead(from)
    }
  }

  const run = async (untilMs: number, isPatient: boolean): Promise<'idle' | 'unfinished' | 'held by another'> => {
    for (;;) {
      const held = await take(isPatient)
      if (held === null) return 'held by another'
      try {
        if (!(await sealAll(held, untilMs))) return 'unfinished'
      } catch (error) {
        if (isLeaseLost(error)) return 'held by another'
        throw error
      } finally {
        await leases.release(held)
      }
      // Whoever was woken meanwhile, and found the lease taken or this instance at it, relies on this look.
      const { appended } = await intake.read('')
      if (appended.length === 0 && nowMs() >= awakeUntilMs) return 'idle'
    }
  }

  /**
   * Seals until there is nothing more, or a time comes. In one instance it runs once: to wake it while it does keeps it
   * awake. Another instance that is at it looks once more before it sleeps, so who was woken goes; only one that is patient
   * waits, in case the other is dead.
   */
  const wake = async (untilMs: number, { isPatient = false } = {}) => {
    awakeUntilMs = nowMs() + lingerMs
    if (isRunning) return 'awake'
    isRunning = true
    try {
      return await run(untilMs, isPatient)
    } finally {
      isRunning = false
    }
  }

  /** Whether there is something to do. */
  const isBehind = async (): Promise<boolean> => {
    const [{ appended }, { tree, checkpoint }] = await Promise.all([intake.read(''), store.read()])
    return appended.length > 0 || tree.size > (checkpoint?.size ?? 0)
  }

  return { wake, isBehind }
}

export type Sealer = ReturnType<typeof createSealer>
