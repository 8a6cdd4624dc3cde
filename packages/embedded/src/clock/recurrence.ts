import { Cron } from 'croner'
import { parseAppEngineSchedule } from './app-engine-schedule.ts'

/** When something happens again. */
export interface Recurrence {
  /** The first time after `ms`; undefined when there is none. Both in ms since the epoch. */
  nextAfter(ms: number): number | undefined
}

/** Every `ms`, aligned to the epoch, so that it does not depend on when the clock was started. */
const interval = (ms: number): Recurrence => ({ nextAfter: (after) => (Math.floor(after / ms) + 1) * ms })

/**
 * A schedule as Cloud Scheduler takes it: unix-cron, or the App Engine syntax (`every 5 minutes`). `timeZone` is an
 * IANA name, by default UTC. Throws a `RangeError` that names the schedule when it is neither.
 */
export const recurrenceOf = (schedule: string, timeZone = 'UTC'): Recurrence => {
  const parsed = parseAppEngineSchedule(schedule)
  if (parsed && 'everyMs' in parsed) return interval(parsed.everyMs)
  try {
    const cron = new Cron(parsed?.cron ?? schedule, { timezone: timeZone, paused: true, mode: '5-part' })
    return { nextAfter: (ms) => cron.nextRun(new Date(ms))?.getTime() }
  } catch (error) {
    throw new RangeError(`schedule "${schedule}" (${timeZone}): ${(error as Error).message}`, { cause: error })
  }
}
