import { backoffMs, isExhausted, type RetryPolicy } from './backoff.ts'
import { recurrenceOf, type Recurrence } from './recurrence.ts'
import type { SuiteTime } from './suite-time.ts'

/** `name` is the function's id without its region, as in the CLI's topic `firebase-schedule-<name>`. */
export interface Schedule {
  name: string
  schedule: string
  timeZone?: string
  /** Without it a run that failed is not tried again. */
  retry?: RetryPolicy
}

/** One attempt to run a scheduled function. */
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

export interface ScheduleClockOptions {
  time: SuiteTime
  /** Runs the scheduled function; resolves when it has finished, rejects when it failed. */
  fire: (name: string, scheduledMs: number) => Promise<void>
  /** Told of each attempt when it has ended. */
  onFired?: (firing: Firing) => void
  log?: (line: string) => void
}

interface Entry {
  readonly schedule: Schedule
  readonly recurrence: Recurrence
  nextMs: number | undefined
  /** From when a run is due until its last retry has ended. */
  running: boolean
}

// A clock that was asleep for years need not count each missed tick.
const MISSED_MAX = 100_000

/**
 * Fires schedules when they are due. What was missed while the process slept fires once; a schedule whose last run is
 * not over waits for it.
 */
export class ScheduleClock {
  readonly #time: SuiteTime
  readonly #fire: ScheduleClockOptions['fire']
  readonly #onFired: (firing: Firing) => void
  readonly #log: (line: string) => void
  #entries = new Map<string, Entry>()
  #cancelTimer = (): void => {}

  constructor({ time, fire, onFired = () => {}, log = () => {} }: ScheduleClockOptions) {
    this.#time = time
    this.#fire = fire
    this.#onFired = onFired
    this.#log = log
  }

  get schedules(): ScheduleState[] {
    return [...this.#entries.values()].map(({ schedule, nextMs }) => ({ ...schedule, nextMs }))
  }

  /** Takes the schedules that there are now; those that stay as they were keep their next time. */
  replace(schedules: readonly Schedule[]): void {
    const kept = this.#entries
    this.#entries = new Map()
    for (const schedule of schedules) {
      const before = kept.get(schedule.name)
      if (before && JSON.stringify(before.schedule) === JSON.stringify(schedule)) {
        this.#entries.set(schedule.name, before)
        continue
      }
      try {
        const recurrence = recurrenceOf(schedule.schedule, schedule.timeZone)
        const nextMs = recurrence.nextAfter(this.#time.now())
        this.#entries.set(schedule.name, { schedule, recurrence, nextMs, running: false })
      } catch (error) {
        this.#log(`${schedule.name}: ${(error as Error).message}`)
      }
    }
    this.#arm()
  }

  /** Fires one now, once, whatever its schedule. Throws a `RangeError` when there is none of that name. */
  async fire(name: string): Promise<Firing> {
    if (!this.#entries.has(name)) {
      const known = [...this.#entries.keys()].join(', ') || 'none'
      throw new RangeError(`there is no schedule "${name}"; there are: ${known}`)
    }
    return this.#attempt(name, this.#time.now())
  }

  stop(): void {
    this.#cancelTimer()
    this.#entries.clear()
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
    this.#cancelTimer()
    const next = this.#earliest()
    if (next?.nextMs === undefined) return
    this.#cancelTimer = this.#time.after(next.nextMs - this.#time.now(), () => {
      this.#begin(next)
      this.#arm()
    })
  }

  #begin(entry: Entry): void {
    if (entry.nextMs === undefined || entry.running) return
    const { recurrence } = entry
    const nowMs = this.#time.now()
    let dueMs = entry.nextMs
    let nextMs = recurrence.nextAfter(dueMs)
    for (let missed = 0; nextMs !== undefined && nextMs <= nowMs && missed < MISSED_MAX; missed++) {
      dueMs = nextMs
      nextMs = recurrence.nextAfter(dueMs)
    }
    entry.nextMs = nextMs
    entry.running = true
    this.#try(entry, dueMs, nowMs, 1)
  }

  #try(entry: Entry, dueMs: number, firstMs: number, attempts: number): void {
    const { name, retry } = entry.schedule
    const attempt = async (): Promise<void> => {
      const { error } = await this.#attempt(name, dueMs)
      const endMs = this.#time.now()
      if (error !== undefined && retry && !isExhausted(retry, attempts, endMs - firstMs)) {
        this.#time.after(backoffMs(retry, attempts), () => this.#try(entry, dueMs, firstMs, attempts + 1))
        return
      }
      entry.running = false
      // What the retries ran into is left out.
      entry.nextMs = attempts > 1 ? entry.recurrence.nextAfter(endMs) : entry.recurrence.afterRun(dueMs, endMs)
      this.#arm()
    }
    this.#time.track(attempt())
  }

  async #attempt(name: string, scheduledMs: number): Promise<Firing> {
    const firing: Firing = { name, scheduledMs }
    try {
      await this.#fire(name, scheduledMs)
    } catch (error) {
      firing.error = error instanceof Error ? error.message : String(error)
      this.#log(`${name}: ${firing.error}`)
    }
    this.#onFired(firing)
    return firing
  }
}
