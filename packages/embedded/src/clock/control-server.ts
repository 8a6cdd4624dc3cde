import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type { Firing, ScheduleClock } from './schedule-clock.ts'
import type { SuiteTime } from './suite-time.ts'

const ADVANCE_SECONDS_MAX = 366 * 24 * 3600

/** A task that waits to be dispatched. `name` is its full resource name; times are ms since the epoch. */
export interface WaitingTask {
  name: string
  url: string
  scheduledMs: number
  attempts: number
}

/** The tasks of the suite, as far as the clock's endpoint shows them. */
export interface ClockedTasks {
  waiting(): WaitingTask[]
  /** Runs one now; `name` may be the end of its resource name. Throws a `RangeError` when there is no such task. */
  run(name: string): Promise<Firing>
  /** Tells of each attempt when it has ended. */
  listen(onRun: (run: Firing) => void): void
}

/** Attempts to run scheduled functions, and tasks. */
export interface Recorded {
  fired: Firing[]
  ran: Firing[]
}

/** What the endpoint serves. */
export interface Controlled {
  time: SuiteTime
  schedules: ScheduleClock
  tasks: ClockedTasks | undefined
  /** Reads the schedules anew. */
  refresh: () => Promise<void>
  /** Does `work` and tells what was run meanwhile. */
  during: (work: () => Promise<void>) => Promise<Recorded>
}

const iso = (ms: number | undefined): string | null => (ms === undefined ? null : new Date(ms).toISOString())

const firingBody = ({ name, scheduledMs, error }: Firing): object => ({
  name,
  scheduleTime: iso(scheduledMs),
  ...(error !== undefined && { error }),
})

const bodyOf = async (request: IncomingMessage): Promise<Record<string, unknown>> => {
  const body: unknown = JSON.parse((await text(request)) || '{}')
  if (typeof body !== 'object' || body === null) throw new SyntaxError('the body must be a JSON object')
  return body as Record<string, unknown>
}

type Answer = Record<string, unknown>
type Route = (controlled: Controlled, body: Record<string, unknown>) => Promise<Answer>

const routes: Record<string, Route> = {
  'GET /': async () => ({}),
  'GET /schedules': async ({ schedules, refresh }) => {
    await refresh()
    const body = schedules.schedules.map(({ name, schedule, timeZone, nextMs }) => {
      return { name, schedule, ...(timeZone !== undefined && { timeZone }), next: iso(nextMs) }
    })
    return { schedules: body }
  },
  'GET /tasks': async ({ tasks }) => ({
    tasks: (tasks?.waiting() ?? [])
      .toSorted((a, b) => a.scheduledMs - b.scheduledMs)
      .map(({ scheduledMs, ...task }) => ({ ...task, scheduleTime: iso(scheduledMs) })),
  }),
  'POST /advance': async ({ time, refresh, during }, { seconds }) => {
    if (typeof seconds !== 'number' || !(seconds > 0) || seconds > ADVANCE_SECONDS_MAX) {
      throw new RangeError(`seconds: expected a number above 0 and at most ${ADVANCE_SECONDS_MAX}`)
    }
    await refresh()
    const { fired, ran } = await during(() => time.advance(seconds * 1000))
    return { fired: fired.map(firingBody), ran: ran.map(firingBody) }
  },
  'POST /fire': async ({ schedules, refresh }, { schedule }) => {
    if (typeof schedule !== 'string') throw new RangeError('schedule: expected the name of a schedule')
    await refresh()
    return { fired: [firingBody(await schedules.fire(schedule))] }
  },
  'POST /run': async ({ tasks }, { task }) => {
    if (typeof task !== 'string') throw new RangeError('task: expected the name of a task')
    if (!tasks) throw new RangeError('there are no tasks here')
    return { ran: [firingBody(await tasks.run(task))] }
  },
}

const HELP = 'there are GET /schedules, GET /tasks, POST /advance {seconds}, POST /fire {schedule} and POST /run {task}'

const answer = (response: ServerResponse, status: number, body: object): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`)
}

const serve = async (controlled: Controlled, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const route = routes[`${request.method} ${request.url}`]
  if (!route) {
    answer(response, 404, { error: HELP })
    return
  }
  try {
    const body = request.method === 'POST' ? await bodyOf(request) : {}
    const result = await route(controlled, body)
    answer(response, 200, { now: iso(controlled.time.now()), ...result })
  } catch (error) {
    const isInput = error instanceof RangeError || error instanceof SyntaxError
    answer(response, isInput ? 400 : 500, { error: (error as Error).message })
  }
}

/** The clock's HTTP interface. */
export const createControlServer = (controlled: Controlled): Server =>
  createServer((request, response) => void serve(controlled, request, response))
