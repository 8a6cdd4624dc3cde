import type { AddressInfo } from 'node:net'
import { createControlServer } from './control-server.ts'
import { ScheduleClock } from './schedule-clock.ts'
import type { ScheduledFunctions } from './suite-functions.ts'
import { systemTime, type TimeSource } from './time-source.ts'

export { suiteFunctions, type ScheduledFunctions } from './suite-functions.ts'
export type { Firing, Schedule, ScheduleState } from './schedule-clock.ts'

const REFRESH_MS = 5000

export interface ScheduleClockOptions {
  functions: ScheduledFunctions
  /** Of the control endpoint. Default 127.0.0.1. */
  host?: string
  /** 0, the default, picks a free one. */
  port?: number
  /** Default: the system's. */
  time?: TimeSource
  log?: (line: string) => void
}

export interface RunningScheduleClock {
  host: string
  port: number
  close(): Promise<void>
}

/**
 * Fires scheduled functions on time, and on request for tests: `GET /schedules`, `POST /advance {"seconds": 300}`,
 * `POST /fire {"schedule": "fleet-sweepSilent"}`; the two answer when the functions have finished. Reads the schedules
 * anew every 5 s and before each request. Rejects with the system's error when the port cannot be had.
 */
export const startScheduleClock = async (options: ScheduleClockOptions): Promise<RunningScheduleClock> => {
  const { functions, host = '127.0.0.1', port = 0, time = systemTime, log = () => {} } = options
  const clock = new ScheduleClock(time, (name, scheduledMs) => functions.fire(name, scheduledMs), log)
  // The suite's functions may not be up yet, or be loading again: the schedules known so far stay.
  const refresh = (): Promise<void> =>
    functions.list().then(
      (schedules) => clock.replace(schedules),
      () => {},
    )
  const server = createControlServer(clock, refresh)
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
      clock.stop()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
