import { recurrenceOf, type Recurrence } from './recurrence.ts'
import type { TimeSource } from './time-source.ts'

/** `name` is the function's id without its region, as in the CLI's topic `firebase-schedule-<name>`. */
export interface Schedule {
  name: string
  schedule: string
  timeZone?: string
}

export interface Firing {
  name: string
  /** The time it was scheduled for, ms since the epoch. */
  scheduledMs: number
  /** Why it failed. */
  error?: string
}

export interface ScheduleState extends Schedule {
  nextMs: number | undefined
}

/** Runs the scheduled function; resolves when it has finished, rejects when it failed. */
export type Fire = (name: string, scheduledMs: number) => Promise<void>

interface Entry {
  readonly schedule: Schedule
  readonly recurrence: Recurrence
  nextMs: number | undefined
  running: boolean
}

// A clock that was asleep for years need not count each missed tick.
const MISSED_MAX = 100_000

/**
 * Fires schedules when they are due, by a time that runs with the given one and can be stepped ahead of it. What was
 * missed while the process slept fires once; a schedule whose last run is not over waits for it.
 */
export class ScheduleClock {
  readonly #time: TimeSource
  readonly #fire: Fire
  readonly #log: (line: string) => void
  readonly #entries = new Map<string, Entry>()
  #aheadMs = 0
  #stepping: Promise<unknown> = Promise.resolve()
  #steps = 0
  #cancelTimer: (() => void) | undefined

  constructor(time: TimeSource, fire: Fire, log: (line: string) => void = () => {}) {
    this.#time = time
    this.#fire = fire
    this.#log = log
  }

  now(): number {
    return this.#time.now() + this.#aheadMs
  }

  get schedules(): ScheduleState[] {
    return [...this.#entries.values()].map(({ schedule, nextMs }) => ({ ...schedule, nextMs }))
  }

  /** Takes the schedules that there are now; those that stay as they were keep their next time. */
  replace(schedules: readonly Schedule[]): void {
    const kept = new Map(this.#entries)
    this.#entries.clear()
    for (const schedule of schedules) {
      const before = kept.get(schedule.name)
      const same = before?.schedule.schedule === schedule.schedule && before.schedule.timeZone === schedule.timeZone
      if (before && same) {
        this.#entries.set(schedule.name, before)
        continue
      }
      try {
        const recurrence = recurrenceOf(schedule.schedule, schedule.timeZone)
        const nextMs = recurrence.nextAfter(this.now())
        this.#entries.set(schedule.name, { schedule, recurrence, nextMs, running: false })
      } catch (error) {
        this.#log(`${schedule.name}: ${(error as Error).message}`)
      }
    }
    this.#arm()
  }

  /** Fires one now, whatever its schedule. Throws a `RangeError` when there is none of that name. */
  async fire(name: string): Promise<Firing> {
    const entry = this.#entries.get(name)
    if (!entry) {
      const known = [...this.#entries.keys()].join(', ') || 'none'
      throw new RangeError(`there is no schedule "${name}"; there are: ${known}`)
    }
    return this.#run(entry, this.now())
  }

  /** Steps time, firing each tick on the way in its order, one after the other. Resolves when all have finished. */
  advance(ms: number): Promise<Firing[]> {
    const step = this.#stepping.then(() => this.#advance(ms))
    this.#stepping = step.catch(() => {})
    return step
  }

  stop(): void {
    this.#cancelTimer?.()
    this.#entries.clear()
  }

  async #advance(ms: number): Promise<Firing[]> {
    const targetMs = this.now() + ms
    const fired: Firing[] = []
    this.#steps++
    this.#cancelTimer?.()
    try {
      for (let entry = this.#earliest(); entry?.nextMs !== undefined && entry.nextMs <= targetMs;) {
        const dueMs = entry.nextMs
        this.#moveTo(dueMs)
        entry.nextMs = entry.recurrence.nextAfter(dueMs)
        fired.push(await this.#run(entry, dueMs))
        entry = this.#earliest()
      }
      this.#moveTo(targetMs)
    } finally {
      this.#steps--
      this.#arm()
    }
    return fired
  }

  #moveTo(ms: number): void {
    this.#aheadMs = Math.max(this.#aheadMs, ms - this.#time.now())
  }

  #earliest(): Entry | undefined {
    let earliest: Entry | undefined
    for (const entry of this.#entries.values()) {
      if (entry.running || entry.nextMs === undefined) continue
      if (earliest?.nextMs === undefined || entry.nextMs < earliest.nextMs) earliest = entry
    }
    return earliest
  }

  #arm(): void {
    this.#cancelTimer?.()
    if (this.#steps > 0) return
    const next = this.#earliest()
    if (next?.nextMs !== undefined) this.#cancelTimer = this.#time.after(next.nextMs - this.now(), () => this.#tick())
  }

  #tick(): void {
    const nowMs = this.now()
    for (const entry of this.#entries.values()) {
      if (entry.running || entry.nextMs === undefined || entry.nextMs > nowMs) continue
      let dueMs = entry.nextMs
      let nextMs = entry.recurrence.nextAfter(dueMs)
      for (let missed = 0; nextMs !== undefined && nextMs <= nowMs && missed < MISSED_MAX; missed++) {
        dueMs = nextMs
        nextMs = entry.recurrence.nextAfter(dueMs)
      }
      entry.nextMs = nextMs
      void this.#run(entry, dueMs)
    }
    this.#arm()
  }

  async #run(entry: Entry, scheduledMs: number): Promise<Firing> {
    const { name } = entry.schedule
    entry.running = true
    try {
      await this.#fire(name, scheduledMs)
      return { name, scheduledMs }
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      this.#log(`${name}: ${message}`)
      return { name, scheduledMs, error: message }
    } finally {
      entry.running = false
      this.#arm()
    }
  }
}
