import { expect, test } from 'vitest'
import { parseAppEngineSchedule } from './app-engine-schedule.ts'
import { recurrenceOf } from './recurrence.ts'

test.each([
  ['every 1 minutes', { everyMs: 60_000 }],
  ['every 5 minutes', { everyMs: 300_000 }],
  ['every 5 mins synchronized', { everyMs: 300_000, from: '0 0 * * *', lengthMs: 86_340_000 }],
  ['every 10 minutes from 08:00 to 17:30', { everyMs: 600_000, from: '0 8 * * *', lengthMs: 34_200_000 }],
  ['every 1 hours from 22:30 to 2:00', { everyMs: 3_600_000, from: '30 22 * * *', lengthMs: 12_600_000 }],
  ['every 24 hours', { everyMs: 86_400_000 }],
  ['every day 00:00', { cron: '0 0 * * *' }],
  ['Every Day 9:05', { cron: '5 9 * * *' }],
  ['every monday 09:00', { cron: '0 9 * * MON' }],
  ['every mon, wed 09:30', { cron: '30 9 * * MON,WED' }],
  ['every tuesday of jan,jul 12:00', { cron: '0 12 * JAN,JUL TUE' }],
  ['1,15 of month 08:00', { cron: '0 8 1,15 * *' }],
  ['first,3rd monday of month 15:30', { cron: '30 15 * * MON#1,MON#3' }],
  ['*/5 * * * *', undefined],
])('%s means %j', (schedule, expected) => {
  expect(parseAppEngineSchedule(schedule)).toEqual(expected)
})

test.each(['every 0 minutes', 'every 5 parsecs', 'every day', 'every someday 10:00', 'sixth monday of month 10:00'])(
  '%s is refused by name',
  (schedule) => {
    expect(() => recurrenceOf(schedule)).toThrow(schedule)
  },
)

test.each(['* * * *', '61 * * * *', 'whenever'])('the pattern %s is refused by name', (schedule) => {
  expect(() => recurrenceOf(schedule)).toThrow(`schedule "${schedule}"`)
})

const next = (schedule: string, timeZone: string | undefined, after: string): string | undefined => {
  const ms = recurrenceOf(schedule, timeZone).nextAfter(Date.parse(after))
  return ms === undefined ? undefined : new Date(ms).toISOString()
}

test.each([
  ['every 5 minutes', undefined, '2026-01-01T00:02:30Z', '2026-01-01T00:05:00.000Z'],
  ['every 5 minutes', undefined, '2026-01-01T00:05:00Z', '2026-01-01T00:10:00.000Z'],
  ['*/15 * * * *', undefined, '2026-01-01T00:15:00Z', '2026-01-01T00:30:00.000Z'],
  ['every day 00:00', undefined, '2026-01-01T00:00:00Z', '2026-01-02T00:00:00.000Z'],
  ['every 7 hours', undefined, '2026-01-01T22:00:00Z', '2026-01-02T00:00:00.000Z'],
  ['every 7 hours', undefined, '2026-01-02T00:00:00Z', '2026-01-02T07:00:00.000Z'],
  ['every 48 hours', undefined, '2026-01-01T22:00:00Z', '2026-01-02T00:00:00.000Z'],
  ['every 5 minutes from 10:00 to 14:00', undefined, '2026-01-01T09:00:00Z', '2026-01-01T10:00:00.000Z'],
  ['every 5 minutes from 10:00 to 14:00', undefined, '2026-01-01T10:00:00Z', '2026-01-01T10:05:00.000Z'],
  ['every 5 minutes from 10:00 to 14:00', undefined, '2026-01-01T13:58:00Z', '2026-01-01T14:00:00.000Z'],
  ['every 5 minutes from 10:00 to 14:00', undefined, '2026-01-01T14:00:00Z', '2026-01-02T10:00:00.000Z'],
  ['every 1 hours from 22:30 to 2:00', undefined, '2026-01-01T00:00:00Z', '2026-01-01T00:30:00.000Z'],
  ['every 1 hours from 22:30 to 2:00', undefined, '2026-01-01T01:30:00Z', '2026-01-01T22:30:00.000Z'],
  ['every 1 hours from 09:00 to 10:00', 'Europe/Zurich', '2026-07-01T07:00:00Z', '2026-07-01T08:00:00.000Z'],
  // Summer and winter in Zurich.
  ['0 3 * * *', 'Europe/Zurich', '2026-07-01T12:00:00Z', '2026-07-02T01:00:00.000Z'],
  ['0 3 * * *', 'Europe/Zurich', '2026-01-01T12:00:00Z', '2026-01-02T02:00:00.000Z'],
  ['first monday of month 10:00', 'America/New_York', '2026-01-01T00:00:00Z', '2026-01-05T15:00:00.000Z'],
])('%s in %s is next, after %s, at %s', (schedule, timeZone, after, expected) => {
  expect(next(schedule, timeZone, after)).toBe(expected)
})

test('a time zone that does not exist is refused', () => {
  expect(() => recurrenceOf('0 3 * * *', 'Mars/Olympus').nextAfter(0)).toThrow()
})

const afterRun = (schedule: string, due: string, end: string): string =>
  new Date(recurrenceOf(schedule).afterRun(Date.parse(due), Date.parse(end)) ?? NaN).toISOString()

test('an interval counts from the end of the run before, and anew from midnight', () => {
  const [due, end] = ['2026-01-01T00:05:00Z', '2026-01-01T00:07:30Z']
  expect(afterRun('every 5 minutes', due, end)).toBe('2026-01-01T00:12:30.000Z')
  expect(afterRun('every 5 minutes', due, '2026-01-01T23:58:00Z')).toBe('2026-01-02T00:00:00.000Z')
})

test('of a range, what falls due while a run is not over is left out', () => {
  const [due, end] = ['2026-01-01T10:00:00Z', '2026-01-01T10:07:00Z']
  expect(afterRun('every 5 minutes from 10:00 to 14:00', due, end)).toBe('2026-01-01T10:10:00.000Z')
  expect(afterRun('every 5 minutes synchronized', due, '2026-01-01T10:05:00Z')).toBe('2026-01-01T10:05:00.000Z')
})

test('what a cron pattern missed while a run was not over is made up for', () => {
  const [due, end] = ['2026-01-01T10:00:00Z', '2026-01-01T10:07:00Z']
  expect(afterRun('*/5 * * * *', due, end)).toBe('2026-01-01T10:05:00.000Z')
})
