// https://cloud.google.com/appengine/docs/standard/scheduling-jobs-with-cron-yaml#formatting_the_schedule

/** With a range: each day from when the cron pattern `from` says, for `lengthMs`, its last moment included. */
export interface Interval {
  everyMs: number
  from?: string
  lengthMs?: number
}

/** A cron pattern of five fields, or an interval. */
export type ParsedSchedule = { cron: string } | Interval

const ORDINALS = ['1st', '2nd', '3rd', '4th', '5th']
const ORDINAL_WORDS = ['first', 'second', 'third', 'fourth', 'fifth']
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

/** A cron pattern. */
export const MIDNIGHT = '0 0 * * *'
const DAY_MINUTES = 24 * 60

const INTERVAL =
  /^every (\d+) (minutes?|mins?|hours?)(?: (synchronized)| from ([01]?\d|2[0-3]):([0-5]\d) to ([01]?\d|2[0-3]):([0-5]\d))?$/
const TIMED = /^(?:(every|[\w,]+) )?([\w,]+?)(?: of ([\w,]+))? ([01]?\d|2[0-3]):([0-5]\d)$/

const list = (text: string, translate: (item: string) => string): string => text.split(',').map(translate).join(',')

const named = (names: readonly string[], item: string): string | undefined =>
  names.find((name) => item.startsWith(name))?.toUpperCase()

const must = (value: string | undefined, item: string, schedule: string): string => {
  if (value === undefined) throw new RangeError(`schedule "${schedule}": "${item}" is not understood`)
  return value
}

const ordinalOf = (item: string): string | undefined => {
  const index = Math.max(ORDINALS.indexOf(item), ORDINAL_WORDS.indexOf(item))
  return index < 0 ? undefined : String(index + 1)
}

const interval = (schedule: string, match: RegExpExecArray): Interval => {
  const [, count, unit, synchronized, ...clock] = match
  const everyMs = Number(count) * (unit?.startsWith('m') ? 60_000 : 3_600_000)
  if (everyMs === 0) throw new RangeError(`schedule "${schedule}": the interval must be at least 1`)
  if (synchronized) return { everyMs, from: MIDNIGHT, lengthMs: (DAY_MINUTES - 1) * 60_000 }
  if (clock[0] === undefined) return { everyMs }
  const [fromHour = 0, fromMinute = 0, toHour = 0, toMinute = 0] = clock.map(Number)
  const minutes = (toHour * 60 + toMinute - fromHour * 60 - fromMinute + DAY_MINUTES) % DAY_MINUTES
  return { everyMs, from: `${fromMinute} ${fromHour} * * *`, lengthMs: minutes * 60_000 }
}

/**
 * Translates the App Engine syntax: `every 5 minutes`, `every 2 hours`, `every 10 minutes from 08:00 to 17:30`,
 * `every day 00:00`, `every mon,wed 09:30`,
 * `every monday of jan,jul 12:00`, `first,third monday of month 15:30`, `1,15 of month 08:00`. Undefined for text that
 * does not look like it (a cron pattern). Throws a `RangeError` for what looks like it but is not understood.
 */
export const parseAppEngineSchedule = (schedule: string): ParsedSchedule | undefined => {
  const text = schedule.trim().toLowerCase().replace(/\s+/g, ' ').replace(/, /g, ',')
  const every = INTERVAL.exec(text)
  if (every) return interval(schedule, every)
  const timed = TIMED.exec(text)
  if (!timed) {
    if (text.startsWith('every ')) throw new RangeError(`schedule "${schedule}" is not understood`)
    return undefined
  }
  const [, which = '', days = '', months = 'month', hour, minute] = timed
  const month = months === 'month' ? '*' : list(months, (item) => must(named(MONTHS, item), item, schedule))
  const at = (dayOfMonth: string, dayOfWeek: string): ParsedSchedule => ({
    cron: `${Number(minute)} ${Number(hour)} ${dayOfMonth} ${month} ${dayOfWeek}`,
  })
  if (/^[\d,]+$/.test(days)) return at(days, '*')
  if (days === 'day' && (which === 'every' || which === '')) return at('*', '*')
  const weekday = (item: string): string => must(named(WEEKDAYS, item), item, schedule)
  if (which === 'every' || which === '') return at('*', list(days, weekday))
  const ordinals = which.split(',').map((item) => must(ordinalOf(item), item, schedule))
  return at('*', ordinals.flatMap((nth) => days.split(',').map((item) => `${weekday(item)}#${nth}`)).join(','))
}
