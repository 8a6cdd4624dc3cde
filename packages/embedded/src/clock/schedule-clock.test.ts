import { expect, test } from 'vitest'
import type { RetryPolicy } from './backoff.ts'
import { ScheduleClock, type Firing } from './schedule-clock.ts'
import { SuiteTime } from './suite-time.ts'
import { SteppedTime, type TimeSource } from './time-source.ts'

const startMs = Date.parse('2026-01-01T00:00:30Z')
const clockOf = (ms: number): string => new Date(ms).toISOString().slice(11, 19)

const setUp = (fire: (name: string) => Promise<void> = async () => {}, base: TimeSource = new SteppedTime(startMs)) => {
  const time = new SuiteTime(base)
  const fired: string[] = []
  const firings: Firing[] = []
  const log: string[] = []
  const clock = new ScheduleClock({
    time,
    async fire(name, scheduledMs) {
      fired.push(`${name} ${clockOf(scheduledMs)}`)
      await fire(name)
    },
    onFired: (firing) => firings.push(firing),
    log: (line) => log.push(line),
  })
  clock.replace([
    { name: 'sweep', schedule: 'every 1 minutes' },
    { name: 'report', schedule: '*/2 * * * *' },
  ])
  return { base: base as SteppedTime, time, clock, fired, firings, log }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

test('schedules fire when time reaches them, and not before', async () => {
  const { base, fired } = setUp()
  base.advance(29_999)
  expect(fired).toEqual([])
  base.advance(1)
  await settled()
  base.advance(60_000)
  expect(fired).toEqual(['sweep 00:01:00', 'sweep 00:02:00', 'report 00:02:00'])
})

test('stepping fires every tick on the way, in order, each after the one before has finished', async () => {
  let running = 0
  const { time, fired, firings } = setUp(async () => {
    expect(++running).toBe(1)
    await settled()
    running--
  })
  await time.advance(150_000)
  expect(fired).toEqual(['sweep 00:01:00', 'sweep 00:02:00', 'report 00:02:00', 'sweep 00:03:00'])
  expect(firings).toHaveLength(4)
  expect(clockOf(time.now())).toBe('00:03:00')
})

test('after a step the schedules go on from the time that was stepped to', async () => {
  const { base, time, fired } = setUp()
  await time.advance(45_000)
  fired.length = 0
  base.advance(44_999)
  expect(fired).toEqual([])
  base.advance(1)
  expect(fired).toEqual(['sweep 00:02:00', 'report 00:02:00'])
})

test('what was missed while the process slept fires once, for the last time missed', async () => {
  let nowMs = startMs
  let wakeUp = () => {}
  const sleeping: TimeSource = {
    now: () => nowMs,
    after: (_, run) => {
      wakeUp = run
      return () => {}
    },
  }
  const { clock, fired } = setUp(undefined, sleeping)
  clock.replace([{ name: 'sweep', schedule: 'every 1 minutes' }])
  nowMs += 3_600_000
  wakeUp()
  await settled()
  expect(fired).toEqual(['sweep 01:00:00'])
  expect(clock.schedules[0]?.nextMs).toBe(Date.parse('2026-01-01T01:01:30Z'))
})

test('a schedule whose last run is not over waits for it', async () => {
  const gate = Promise.withResolvers<void>()
  const { base, fired } = setUp((name) => (name === 'report' ? gate.promise : Promise.resolve()))
  base.advance(90_000)
  base.advance(180_000)
  await settled()
  expect(fired.filter((line) => line.startsWith('report'))).toEqual(['report 00:02:00'])
  gate.resolve()
  await settled()
  base.advance(0)
  expect(fired.filter((line) => line.startsWith('report'))).toEqual(['report 00:02:00', 'report 00:04:00'])
})

const twice: RetryPolicy = {
  maxAttempts: 3,
  maxRetryMs: 0,
  minBackoffMs: 5000,
  maxBackoffMs: 3_600_000,
  maxDoublings: 5,
}

test('a run that failed is tried again as its retries say, with the time it was scheduled for', async () => {
  const attempts: number[] = []
  const { clock, time, fired } = setUp(async () => {
    attempts.push(time.now() - startMs)
    throw new Error('out of order')
  })
  clock.replace([{ name: 'report', schedule: '*/2 * * * *', retry: twice }])
  await time.advance(180_000)
  expect(fired).toEqual(Array(3).fill('report 00:02:00'))
  expect(attempts).toEqual([90_000, 95_000, 105_000])
})

test('a run that succeeds when tried again is not tried a third time', async () => {
  let runs = 0
  const { clock, time, firings } = setUp(() => (++runs === 1 ? Promise.reject(new Error('once')) : Promise.resolve()))
  clock.replace([{ name: 'report', schedule: '*/2 * * * *', retry: twice }])
  await time.advance(180_000)
  expect(firings.map(({ error }) => error)).toEqual(['once', undefined])
})

test('ticks that fall into the retries of one are left out', async () => {
  const { clock, time, fired } = setUp(() => Promise.reject(new Error('out of order')))
  clock.replace([{ name: 'report', schedule: '*/2 * * * *', retry: { ...twice, minBackoffMs: 100_000 } }])
  await time.advance(9 * 60_000)
  expect(fired).toEqual([...Array(3).fill('report 00:02:00'), 'report 00:08:00'])
})

test('a failure is reported and does not stop the schedule', async () => {
  const { time, fired, firings, log } = setUp(() => Promise.reject(new Error('out of order')))
  await time.advance(30_000)
  expect(firings).toMatchObject([{ name: 'sweep', error: 'out of order' }])
  await time.advance(60_000)
  expect(fired).toHaveLength(3)
  expect(log).toContain('sweep: out of order')
})

test('one can be fired at any time, by a name that exists', async () => {
  const { clock, fired } = setUp()
  await clock.fire('report')
  expect(fired).toEqual(['report 00:00:30'])
  await expect(clock.fire('nothing')).rejects.toThrow('there is no schedule "nothing"; there are: sweep, report')
})

test('a schedule that cannot be read is reported by name, and the others run', () => {
  const { clock, log } = setUp()
  clock.replace([
    { name: 'broken', schedule: 'now and then' },
    { name: 'sweep', schedule: 'every 1 minutes' },
  ])
  expect(log[0]).toContain('broken: schedule "now and then"')
  expect(clock.schedules.map(({ name }) => name)).toEqual(['sweep'])
})
