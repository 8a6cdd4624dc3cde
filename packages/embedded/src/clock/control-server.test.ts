import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { SteppedTime, SuiteTime, startClock, suiteFunctions, type ClockedTasks } from './index.ts'

/** A functions emulator that has reloaded twice: it knows the trigger under generation 2 only. */
const startFunctionsEmulator = async () => {
  const calls: { job: unknown; time: unknown }[] = []
  const schedule = { schedule: 'every 1 minutes', timeZone: 'UTC' }
  const functionTriggers = [
    { id: 'us-central1-fleet-sweep', name: 'fleet-sweep', platform: 'gcfv2', schedule },
    { id: 'us-central1-fleet-onEvent', name: 'fleet-onEvent', platform: 'gcfv2' },
  ]
  const server = createServer((request, response) => {
    if (request.url === '/backends') {
      response.end(JSON.stringify({ backends: [{ functionTriggers }] }))
    } else if (request.url === '/functions/projects/-/triggers/us-central1-fleet-sweep-2') {
      calls.push({
        job: request.headers['x-cloudscheduler-jobname'],
        time: request.headers['x-cloudscheduler-scheduletime'],
      })
      response.end()
    } else {
      response.writeHead(404)
      response.end(
        'Function x does not exist, valid functions are: us-central1-fleet-onEvent-2, us-central1-fleet-sweep-2',
      )
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { calls, address: `127.0.0.1:${(server.address() as AddressInfo).port}` }
}

const waitingTasks = (): ClockedTasks => {
  let tell: Parameters<ClockedTasks['listen']>[0] = () => {}
  const scheduledMs = Date.parse('2026-01-01T00:00:50Z')
  return {
    waiting: () => [{ name: 'queues/q/tasks/one', url: 'http://host/', scheduledMs, attempts: 0 }],
    async run(name) {
      if (name !== 'one') throw new RangeError(`there is no task "${name}"`)
      const run = { name: 'queues/q/tasks/one', scheduledMs }
      tell(run)
      return run
    },
    listen: (listener) => {
      tell = listener
    },
  }
}

test('the clock lists and fires the scheduled functions of the suite over HTTP', async () => {
  const { calls, address } = await startFunctionsEmulator()
  const time = new SuiteTime(new SteppedTime(Date.parse('2026-01-01T00:00:30Z')))
  const tasks = waitingTasks()
  const clock = await startClock({ functions: suiteFunctions(address), time, tasks })
  time.after(1000, () => void tasks.run('one'))
  onTestFinished(() => clock.close())
  const ask = async (path: string, body?: object) => {
    const options = body && { method: 'POST', body: JSON.stringify(body) }
    const response = await fetch(`http://${clock.host}:${clock.port}${path}`, options)
    return { status: response.status, body: await response.json() }
  }
  expect(await ask('/schedules')).toEqual({
    status: 200,
    body: {
      now: '2026-01-01T00:00:30.000Z',
      schedules: [
        { name: 'fleet-sweep', schedule: 'every 1 minutes', timeZone: 'UTC', next: '2026-01-01T00:01:00.000Z' },
      ],
    },
  })
  expect(await ask('/advance', { seconds: 40 })).toEqual({
    status: 200,
    body: {
      now: '2026-01-01T00:01:10.000Z',
      fired: [{ name: 'fleet-sweep', scheduleTime: '2026-01-01T00:01:00.000Z' }],
      ran: [{ name: 'queues/q/tasks/one', scheduleTime: '2026-01-01T00:00:50.000Z' }],
    },
  })
  expect((await ask('/fire', { schedule: 'fleet-sweep' })).status).toBe(200)
  expect(calls).toEqual([
    { job: 'firebase-schedule-fleet-sweep', time: '2026-01-01T00:01:00.000Z' },
    { job: 'firebase-schedule-fleet-sweep', time: '2026-01-01T00:01:10.000Z' },
  ])
  expect((await ask('/tasks')).body).toMatchObject({
    tasks: [{ name: 'queues/q/tasks/one', url: 'http://host/', attempts: 0, scheduleTime: '2026-01-01T00:00:50.000Z' }],
  })
  expect((await ask('/run', { task: 'one' })).body).toMatchObject({ ran: [{ name: 'queues/q/tasks/one' }] })
  expect(await ask('/run', { task: 'two' })).toMatchObject({ status: 400 })
  expect(await ask('/fire', { schedule: 'nope' })).toMatchObject({
    status: 400,
    body: { error: /* names it */ expect.stringContaining('nope') as string },
  })
  expect(await ask('/advance', { seconds: -1 })).toMatchObject({ status: 400 })
  expect(await ask('/advance', {})).toMatchObject({ status: 400 })
  expect(await ask('/elsewhere')).toMatchObject({ status: 404 })
})
