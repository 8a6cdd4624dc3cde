import { expect, test } from 'vitest'
import { ScheduleClock } from './schedule-clock.ts'
import { SteppedTime } from './time-source.ts'

const setUp = (fire: (name: string) => Promise<void> = async () => {}) => {
  const time = new SteppedTime(Date.parse('2026-01-01T00:00:30Z'))
  const fired: string[] = []
  const log: string[] = []
  const clock = new ScheduleClock(
    time,
    async (name, scheduledMs) => {
      fired.push(`${name} ${new Date(scheduledMs).toISOString().slice(11, 19)}`)
      await fire(name)
    },
    (line) => log.push(line),
  )
  clock.replace([
    { name: 'sweep', schedule: 'every 1 minutes' },
    { name: 'report', schedule: '*/2 * * * *' },
  ])
  return { time, clock, fired, log }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

test('schedules fire when time reaches them, and not before', async () => {
  const { time, fired } = setUp()
  time.advance(29_999)
  expect(fired).toEqual([])
  time.advance(1)
  await settled()
  time.advance(60_000)
  expect(fired).toEqual(['sweep 00:01:00', 'sweep 00:02:00', 'report 00:02:00'])
})

test('stepping fires every tick on the way, in order, each after the one before has finished', async () => {
  let running = 0
  const { clock, fired } = setUp(async () => {
    expect(++running).toBe(1)
    await settled()
    running--
  })
  const firings = await clock.advance(150_000)
  expect(fired).toEqual(['sweep 00:01:00', 'sweep 00:02:00', 'report 00:02:00', 'sweep 00:03:00'])
  expect(firings).toHaveLength(4)
  expect(new Date(clock.now()).toISOString()).toBe('2026-01-01T00:03:00.000Z')
})

test('after a step the schedules go on from the time that was stepped to', async () => {
  const { time, clock, fired } = setUp()
  await clock.advance(45_000)
  fired.length = 0
  time.advance(44_999)
  expect(fired).toEqual([])
  time.advance(1)
  expect(fired).toEqual(['sweep 00:02:00', 'report 00:02:00'])
})

test('what was missed while the process slept fires once, for the last time missed', async () => {
  let nowMs = Date.parse('2026-01-01T00:00:30Z')
  let wakeUp = () => {}
  const fired: string[] = []
  const clock = new ScheduleClock(
    {
      now: () => nowMs,
      after: (_, run) => {
        wakeUp = run
        return () => {}
      },
    },
    async (name, scheduledMs) => {
      fired.push(`${name} ${new Date(scheduledMs).toISOString().slice(11, 19)}`)
    },
  )
  clock.replace([{ name: 'sweep', schedule: 'every 1 minutes' }])
  nowMs += 3_600_000
  wakeUp()
  expect(fired).toEqual(['sweep 01:00:00'])
  expect(clock.schedules[0]?.nextMs).toBe(Date.parse('2026-01-01T01:01:00Z'))
})

test('a schedule whose last run is not over waits for it', async () => {
  const gate = Promise.withResolvers<void>()
  const { time, fired } = setUp((name) => (name === 'sweep' ? gate.promise : Promise.resolve()))
  time.advance(30_000)
  time.advance(60_000)
  await settled()
  expect(fired).toEqual(['sweep 00:01:00', 'report 00:02:00'])
  gate.resolve()
  await settled()
  time.advance(0)
  expect(fired).toEqual(['sweep 00:01:00', 'report 00:02:00', 'sweep 00:02:00'])
})

test('a failure is reported and does not stop the schedule', async () => {
  const { clock, fired, log } = setUp(() => Promise.reject(new Error('out of order')))
  expect(await clock.advance(30_000)).toMatchObject([{ name: 'sweep', error: 'out of order' }])
  await clock.advance(60_000)
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
