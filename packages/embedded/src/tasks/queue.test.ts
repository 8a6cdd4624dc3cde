import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SteppedTime, SuiteTime } from '../clock/index.ts'
import type { Outcome } from './outcome.ts'
import { DEFAULT_SETTINGS, type QueueSettings } from './queue-settings.ts'
import { TaskQueue } from './queue.ts'
import type { Task } from './task.ts'

const HOUR_MS = 3_600_000
const ok: Outcome = { kind: 'answered', status: 200 }
const busy: Outcome = { kind: 'answered', status: 503 }

const setUp = (changes: Partial<QueueSettings> = {}, send: (task: Task) => Promise<Outcome> | Outcome = () => ok) => {
  const time = new SuiteTime(new SteppedTime(0))
  const sent: { id: string; atMs: number }[] = []
  const context = {
    time,
    async send(task: Task) {
      sent.push({ id: task.name, atMs: time.now() })
      return send(task)
    },
    onAttempt() {},
  }
  const queue = new TaskQueue(context, { ...DEFAULT_SETTINGS, ...changes })
  let order = 0
  const add = (id: string, dueMs = time.now()): Task => {
    const httpRequest = { url: 'http://host/', httpMethod: 1, headers: {}, body: new Uint8Array() }
    const task: Task = {
      name: id,
      order: order++,
      target: { httpRequest },
      createdMs: time.now(),
      deadlineMs: 600_000,
      dueMs,
      dispatches: 0,
      responses: 0,
      executions: 0,
      running: 0,
      firstMs: undefined,
      firstAttempt: undefined,
      lastAttempt: undefined,
      previous: undefined,
    }
    queue.add(task)
    return task
  }
  return { time, queue, sent, add }
}

const ids = (sent: { id: string }[]): string[] => sent.map(({ id }) => id)

test('tasks go in the order of their times, and of their creation at one time', async () => {
  const { time, sent, add } = setUp()
  add('late', 500)
  add('a', 100)
  add('b', 100)
  add('now')
  await time.advance(1000)
  expect(ids(sent)).toEqual(['now', 'a', 'b', 'late'])
  expect(sent.map(({ atMs }) => atMs)).toEqual([0, 100, 100, 500])
})

test('no more run at a time than the queue allows; the next goes when one has ended', async () => {
  let running = 0
  let most = 0
  const { time, sent, add } = setUp({ maxConcurrentDispatches: 3 }, async () => {
    most = Math.max(most, ++running)
    await new Promise((resolve) => setImmediate(resolve))
    running--
    return ok
  })
  for (let index = 0; index < 20; index++) add(String(index))
  await time.advance(1)
  expect(sent).toHaveLength(20)
  expect(most).toBe(3)
})

test('a burst goes at once, the rest at the rate', async () => {
  const { time, sent, add } = setUp({ maxDispatchesPerSecond: 5 })
  for (let index = 0; index < 20; index++) add(String(index))
  await time.advance(10_000)
  const first = Array<number>(10).fill(0)
  const rest = Array.from({ length: 10 }, (_, index) => (index + 1) * 200)
  expect(sent.map(({ atMs }) => Math.round(atMs))).toEqual([...first, ...rest])
})

test('a target that is overloaded is sent less', async () => {
  const countWith = async (outcome: Outcome): Promise<number> => {
    const once = { ...DEFAULT_SETTINGS.retry, maxAttempts: 1 }
    const { time, sent, add } = setUp({ maxDispatchesPerSecond: 100, retry: once }, () => outcome)
    for (let index = 0; index < 2000; index++) add(String(index))
    await time.advance(10_000)
    return sent.length
  }
  expect(await countWith(ok)).toBeGreaterThan(1000)
  expect(await countWith(busy)).toBeLessThan(300)
})

test('a task that ended while it was under way is not tried again', async () => {
  const gate = Promise.withResolvers<Outcome>()
  const { time, queue, sent, add } = setUp({}, () => gate.promise)
  const task = add('a')
  const step = time.advance(HOUR_MS)
  await new Promise((resolve) => setImmediate(resolve))
  queue.end(task)
  gate.resolve(busy)
  await step
  expect(sent).toHaveLength(1)
  expect(() => queue.checkFree('a')).not.toThrow()
})

test('a task that could not be sent at all is tried again', async () => {
  let sends = 0
  const { time, queue, sent, add } = setUp({}, () => {
    if (++sends === 1) throw new Error('no such thing')
    return ok
  })
  const task = add('a')
  await time.advance(50)
  expect(task.lastAttempt?.responseStatus).toEqual({ code: 14, message: 'UNAVAILABLE(14): Error: no such thing' })
  await time.advance(50)
  expect(sent).toHaveLength(2)
  expect(queue.tasks).toHaveLength(0)
})

test('a task is deleted when it is 31 days old, whether or not it was dispatched', async () => {
  const { time, queue, add } = setUp()
  queue.isPaused = true
  add('a')
  await time.advance(31 * 24 * HOUR_MS - 1)
  expect(queue.tasks).toHaveLength(1)
  await time.advance(1)
  expect(queue.tasks).toHaveLength(0)
})

test('a queue whose rate is changed goes on at the new one', async () => {
  const { time, queue, sent, add } = setUp({ maxDispatchesPerSecond: 1 })
  for (let index = 0; index < 40; index++) add(String(index))
  await time.advance(1000)
  expect(sent).toHaveLength(11)
  queue.settings = { ...queue.settings, maxDispatchesPerSecond: 500 }
  await time.advance(1000)
  expect(sent).toHaveLength(40)
})

interface Plan {
  delayMs: number
  failures: number
}

test('whatever is created, paused and failed, every task ends, none before its time, and the rate holds', async () => {
  const plans = fc.array(
    fc.record({
      delayMs: fc.integer({ min: 0, max: 5000 }),
      failures: fc.integer({ min: 0, max: 3 }),
    }),
    { minLength: 1, maxLength: 40 },
  )
  const settings = fc.record({
    maxDispatchesPerSecond: fc.double({ min: 0.5, max: 500, noNaN: true }),
    maxConcurrentDispatches: fc.integer({ min: 1, max: 5 }),
  })
  const pauses = fc.array(fc.integer({ min: 1, max: 3000 }), { maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(plans, settings, pauses, async (tasks: Plan[], limits, toggles) => {
      let running = 0
      const failed = new Map<string, number>()
      const dueMs = new Map<string, number>()
      const { time, queue, sent, add } = setUp(limits, async (task) => {
        expect(++running).toBeLessThanOrEqual(limits.maxConcurrentDispatches)
        expect(time.now()).toBeGreaterThanOrEqual(task.dueMs - 1e-6)
        expect(time.now()).toBeGreaterThanOrEqual((dueMs.get(task.name) ?? 0) - 1e-6)
        const plan = tasks[Number(task.name)]
        await Promise.resolve()
        running--
        const failures = failed.get(task.name) ?? 0
        failed.set(task.name, failures + 1)
        return failures < (plan?.failures ?? 0) ? { kind: 'answered', status: 500 } : ok
      })
      tasks.forEach(({ delayMs }, index) => {
        dueMs.set(String(index), delayMs)
        add(String(index), delayMs)
      })
      for (const pauseMs of toggles) {
        queue.isPaused = !queue.isPaused
        await time.advance(pauseMs)
      }
      queue.isPaused = false
      await time.advance(HOUR_MS)
      expect(queue.tasks).toEqual([])
      const counts = Map.groupBy(sent, ({ id }) => id)
      tasks.forEach(({ failures }, index) => expect(counts.get(String(index))).toHaveLength(failures + 1))
      const burst = Math.max(10, Math.ceil(limits.maxDispatchesPerSecond / 5))
      sent.forEach(({ atMs }, first) => {
        const last = sent.length - 1
        const allowed = burst + (((sent[last]?.atMs ?? 0) - atMs) * limits.maxDispatchesPerSecond) / 1000
        expect(last - first + 1).toBeLessThanOrEqual(allowed + 1e-6)
      })
    }),
    { numRuns: 60 },
  )
})
