import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SuiteTime } from './suite-time.ts'
import { SteppedTime } from './time-source.ts'

const setUp = () => {
  const base = new SteppedTime(0)
  const time = new SuiteTime(base)
  const ran: string[] = []
  const note = (name: string) => () => ran.push(`${name}@${time.now()}`)
  return { base, time, ran, note }
}

test('timers run with the given time, in the order of their times', () => {
  const { base, time, ran, note } = setUp()
  time.after(20, note('b'))
  time.after(10, note('a'))
  time.after(20, note('c'))
  const cancel = time.after(15, note('never'))
  cancel()
  base.advance(19)
  expect(ran).toEqual(['a@10'])
  base.advance(1)
  expect(ran).toEqual(['a@10', 'b@20', 'c@20'])
})

test('a step runs each timer at its own time, and those that they set on the way', async () => {
  const { base, time, ran, note } = setUp()
  time.after(10, () => {
    note('first')()
    time.after(5, note('set on the way'))
    time.after(100, note('too late'))
  })
  time.after(20, note('second'))
  await time.advance(50)
  expect(ran).toEqual(['first@10', 'set on the way@15', 'second@20'])
  expect(time.now()).toBe(50)
  base.advance(60)
  expect(ran.at(-1)).toBe('too late@110')
})

test('a step waits for the work that a timer began before it goes on', async () => {
  const { base, time, ran, note } = setUp()
  const gate = Promise.withResolvers<void>()
  time.after(10, () => time.track(gate.promise.then(note('work'))))
  time.after(20, note('after it'))
  const step = time.advance(30)
  await new Promise((resolve) => setImmediate(resolve))
  base.advance(7)
  expect(ran).toEqual([])
  gate.resolve()
  await step
  expect(ran).toEqual(['work@10', 'after it@20'])
})

test('time never goes back when a step took longer than it stepped', async () => {
  const { base, time } = setUp()
  time.after(1, () => {
    base.advance(500)
  })
  await time.advance(10)
  expect(time.now()).toBe(500)
})

test('steps asked for at once follow one another', async () => {
  const { time, ran, note } = setUp()
  time.after(15, note('a'))
  await Promise.all([time.advance(10), time.advance(10)])
  expect(ran).toEqual(['a@15'])
  expect(time.now()).toBe(20)
})

test('what someone names by the real clock is as far away in stepped time', async () => {
  const { base, time } = setUp()
  await time.advance(1000)
  expect(time.fromOutside(base.now() + 60)).toBe(time.now() + 60)
})

test('whatever is set and stepped, no timer runs early, twice or out of order', async () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ set: fc.integer({ min: 0, max: 100 }) }),
      fc.record({ pass: fc.integer({ min: 0, max: 60 }) }),
      fc.record({ step: fc.integer({ min: 1, max: 60 }) }),
    ),
  )
  await fc.assert(
    fc.asyncProperty(steps, async (commands) => {
      const { base, time } = setUp()
      const due: number[] = []
      const ran: number[] = []
      for (const command of commands) {
        if ('set' in command) {
          const dueMs = time.now() + command.set
          due.push(dueMs)
          time.after(command.set, () => {
            expect(time.now()).toBeGreaterThanOrEqual(dueMs)
            ran.push(dueMs)
          })
        } else if ('pass' in command) base.advance(command.pass)
        else await time.advance(command.step)
      }
      base.advance(1000)
      expect(ran).toEqual(due.toSorted((a, b) => a - b))
    }),
  )
})
