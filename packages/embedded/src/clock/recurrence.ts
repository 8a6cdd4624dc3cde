import { Cron } from 'croner'
import { MIDNIGHT, parseAppEngineSchedule, type Interval } from './app-engine-schedule.ts'

/** When something happens again. Times are ms since the epoch; undefined when there is none. */
export interface Recurrence {
  /** The first time after `ms`. */
  nextAfter: (ms: number) => number | undefined
  /** The first time after a run that was due at `dueMs` and ended at `endMs`. */
  afterRun: (dueMs: number, endMs: number) => number | undefined
}

const DAY_MS = 86_400_000

// https://cloud.google.com/scheduler/docs/configuring/cron-job-schedules tells how intervals are counted.

/** The times of `every .. from .. to ..`. What falls due while a run is not over is left out. */
const startTimes = ({ everyMs, from, lengthMs }: Required<Interval>, timeZone: string): Recurrence => {
  const begins = new Cron(from, { timezone: timeZone, paused: true })
  const nextAfter = (ms: number): number | undefined => {
    // The range of the day before may not be over.
    let begin = begins.nextRun(new Date(ms - 2 * DAY_MS))?.getTime()
    while (begin !== undefined) {
      const next = begin > ms ? begin : begin + (Math.floor((ms - begin) / everyMs) + 1) * everyMs
      const following = begins.nextRun(new Date(begin))?.getTime()
      if (next <= begin + lengthMs && (following === undefined || next < following)) return next
      begin = following
    }
    return undefined
  }
  return { nextAfter, afterRun: (_, endMs) => nextAfter(endMs - 1) }
}

/** `every ..` without a range: from midnight, and each time so long after the end of the run before. */
const endTimes = (everyMs: number, timeZone: string): Recurrence => {
  const midnights = startTimes({ everyMs: DAY_MS, from: MIDNIGHT, lengthMs: 0 }, timeZone)
  if (everyMs > DAY_MS) return { nextAfter: midnights.nextAfter, afterRun: (_, endMs) => endMs + everyMs }
  const { nextAfter } = startTimes({ everyMs, from: MIDNIGHT, lengthMs: 2 * DAY_MS }, timeZone)
  return {
    nextAfter,
    afterRun: (_, endMs) => Math.min(endMs + everyMs, midnights.nextAfter(endMs) ?? Infinity),
  }
}

const cronTimes = (pattern: string, timeZone: string): Recurrence => {
  const cron = new Cron(pattern, { timezone: timeZone, paused: true, mode: '5-part' })
  const nextAfter = (ms: number): number | undefined => cron.nextRun(new Date(ms))?.getTime()
  return { nextAfter, afterRun: (dueMs) => nextAfter(dueMs) }
}

/**
 * A schedule as Cloud Scheduler takes it: unix-cron, or the App Engine syntax (`every 5 minutes`). `timeZone` is an
 * IANA name, by default UTC. Throws a `RangeError` that names the schedule when it is neither.
 */
export const recurrenceOf = (schedule: string, timeZone = 'UTC'): Recurrence => {
  const parsed = parseAppEngineSchedule(schedule)
  try {
    if (!parsed || 'cron' in parsed) return cronTimes(parsed?.cron ?? schedule, timeZone)
    const { everyMs, from, lengthMs } = parsed
    if (from === undefined || lengthMs === undefined) return endTimes(everyMs, timeZone)
    return startTimes({ everyMs, from, lengthMs }, timeZone)
  } catch (error) {
    throw new RangeError(`schedule "${schedule}" (${timeZone}): ${(error as Error).message}`, { cause: error })
  }
}
