import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type { Firing, ScheduleClock } from './schedule-clock.ts'

const ADVANCE_SECONDS_MAX = 366 * 24 * 3600

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

type Answer = { status: number; body: object }

const route = async (request: IncomingMessage, clock: ScheduleClock, refresh: () => Promise<void>): Promise<Answer> => {
  const action = `${request.method} ${request.url}`
  if (action === 'GET /') return { status: 200, body: { now: iso(clock.now()) } }
  if (action === 'GET /schedules') {
    await refresh()
    const schedules = clock.schedules.map(({ nextMs, ...schedule }) => ({ ...schedule, next: iso(nextMs) }))
    return { status: 200, body: { now: iso(clock.now()), schedules } }
  }
  if (action === 'POST /advance') {
    const { seconds } = await bodyOf(request)
    if (typeof seconds !== 'number' || !(seconds > 0) || seconds > ADVANCE_SECONDS_MAX) {
      throw new RangeError(`seconds: expected a number above 0 and at most ${ADVANCE_SECONDS_MAX}`)
    }
    await refresh()
    const fired = await clock.advance(seconds * 1000)
    return { status: 200, body: { now: iso(clock.now()), fired: fired.map(firingBody) } }
  }
  if (action === 'POST /fire') {
    const { schedule } = await bodyOf(request)
    if (typeof schedule !== 'string') throw new RangeError('schedule: expected the name of a schedule')
    await refresh()
    return { status: 200, body: { now: iso(clock.now()), fired: [firingBody(await clock.fire(schedule))] } }
  }
  return { status: 404, body: { error: 'there are GET /schedules, POST /advance {seconds}, POST /fire {schedule}' } }
}

const answer = (response: ServerResponse, { status, body }: Answer): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`)
}

/** The clock's HTTP interface. `refresh` reads the schedules anew before each request that needs them. */
export const createControlServer = (clock: ScheduleClock, refresh: () => Promise<void>): Server =>
  createServer((request, response) => {
    route(request, clock, refresh).then(
      (result) => answer(response, result),
      (error: Error) => {
        const isInput = error instanceof RangeError || error instanceof SyntaxError
        answer(response, { status: isInput ? 400 : 500, body: { error: error.message } })
      },
    )
  })
