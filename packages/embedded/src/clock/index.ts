import type { AddressInfo } from 'node:net'
import { createControlServer, type ClockedTasks, type Recorded } from './control-server.ts'
import { ScheduleClock } from './schedule-clock.ts'
import type { ScheduledFunctions } from './suite-functions.ts'
import { SuiteTime } from './suite-time.ts'
import { systemTime } from './time-source.ts'

export { suiteFunctions, type ScheduledFunctions } from './suite-functions.ts'
export type { RetryPolicy } from './backoff.ts'
export type { ClockedTasks, WaitingTask } from './control-server.ts'
export type { Firing, Schedule, ScheduleState } from './schedule-clock.ts'
export { SuiteTime } from './suite-time.ts'
export { SteppedTime, systemTime, type TimeSource } from './time-source.ts'

const REFRESH_MS = 5000

export interface ClockOptions {
  functions: ScheduledFunctions
  /** The tasks that share this time. */
  tasks?: ClockedTasks
  /** Of the control endpoint. Default 127.0.0.1. */
  host?: string
  /** 0, the default, picks a free one. */
  port?: number
  /** Default: one of its own, by the system's. */
  time?: SuiteTime
  log?: (line: string) => void
}

export interface RunningClock {
  host: string
  port: number
  close(): Promise<void>
}

/**
 * Fires scheduled functions on time, and on request for tests, together with the tasks that share its time: `GET
 * /schedules`, `GET /tasks`, `POST /advance {"seconds": 300}`, `POST /fire {"schedule": "fleet-sweepSilent"}`, `POST /run
 * {"task": "my-task"}`; the last three answer when what they set off has finished. Reads the schedules anew every 5 s and
 * before each request. Rejects with the system's error when the port cannot be had.
 */
export const startClock = async (options: ClockOptions): Promise<RunningClock> => {
  const { functions, tasks, host = '127.0.0.1', port = 0, time = new SuiteTime(systemTime), log = () => {} } = options
  let recorded: Recorded | undefined
  const schedules = new ScheduleClock({
    time,
    fire: (name, scheduledMs) => functions.fire(name, scheduledMs),
    onFired: (firing) => recorded?.fired.push(firing),
    log,
  })
  tasks?.listen((run) => recorded?.ran.push(run))
  // The suite's functions may not be up yet, or be loading again: the schedules known so far stay.
  const refresh = (): Promise<void> =>
    functions.list().then(
      (list) => schedules.replace(list),
      () => {},
    )
  let recording: Promise<unknown> = Promise.resolve()
  const during = (work: () => Promise<void>): Promise<Recorded> => {
    const result = recording.then(async () => {
      const own: Recorded = { fired: [], ran: [] }
      recorded = own
      try {
        await work()
      } finally {
        recorded = undefined
      }
      return own
    })
    recording = result.catch(() => {})
    return result
  }
  const server = createControlServer({ time, schedules, tasks, refresh, during })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  await refresh()
  const refreshing = setInterval(() => void refresh(), REFRESH_MS)
  refreshing.unref()
  return {
    host,
    port: (server.address() as AddressInfo).port,
    async close() {
      clearInterval(refreshing)
      schedules.stop()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
