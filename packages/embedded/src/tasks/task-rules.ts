import { Code, StatusError } from '../wire/status-error.ts'
import { invalidArgument } from './errors.ts'
import {
  METHODS,
  msOf,
  type AppEngineHttpRequest,
  type AppEngineRouting,
  type HttpRequest,
  type Target,
  type TaskMessage,
} from './messages.ts'

// https://cloud.google.com/tasks/docs/quotas
const SCHEDULE_AHEAD_MS_MAX = 30 * 86_400_000
const HTTP_TASK_BYTES_MAX = 1024 * 1024
const APP_ENGINE_TASK_BYTES_MAX = 100 * 1024
const URL_LENGTH_MAX = 2083
const HEADER_BYTES_MAX = 80 * 1024
const DEADLINE_MS = { min: 15_000, default: 600_000, httpMax: 1_800_000, appEngineMax: 86_415_000 }
const APP_ENGINE_AGENT = 'AppEngine-Google; (+http://code.google.com/appengine)'

const NO_ROUTING: AppEngineRouting = { service: '', version: '', instance: '', host: '' }

const pacific = new Intl.DateTimeFormat('en-US', {
  timeZone: 'America/Los_Angeles',
  timeZoneName: 'longOffset',
})

/** As production names a time in its errors: by the clock of California. */
const pacificTime = (ms: number): string => {
  const zone = pacific.formatToParts(ms).find(({ type }) => type === 'timeZoneName')?.value ?? ''
  const offset = /[+-]\d\d:\d\d/.exec(zone)?.[0] ?? '+00:00'
  const offsetMs = (Number(offset.slice(1, 3)) * 60 + Number(offset.slice(4))) * (offset[0] === '-' ? -60_000 : 60_000)
  return new Date(ms + offsetMs).toISOString().replace(/\.?0*Z$/, offset)
}

/** `scheduleTime` in ms, if there is one. Throws INVALID_ARGUMENT for one too far from `nowMs`, the caller's time. */
export const scheduleMsOf = ({ scheduleTime }: TaskMessage, nowMs: number): number | undefined => {
  if (!scheduleTime) return undefined
  const ms = msOf(scheduleTime)
  if (ms - nowMs > SCHEDULE_AHEAD_MS_MAX) {
    throw invalidArgument(
      `The Task.scheduleTime, ${pacificTime(ms)}, is too far in the future. Schedule time must be no more than 720h in the future.`,
    )
  }
  return ms
}

export const deadlineMsOf = ({ dispatchDeadline, appEngineHttpRequest }: TaskMessage): number => {
  const ms = dispatchDeadline ? msOf(dispatchDeadline) : 0
  if (ms === 0) return DEADLINE_MS.default
  const [max, text] = appEngineHttpRequest
    ? [DEADLINE_MS.appEngineMax, '[15s, 24h15s]']
    : [DEADLINE_MS.httpMax, '[15s, 30m]']
  if (ms < DEADLINE_MS.min || ms > max) throw invalidArgument(`Task.dispatchDeadline must be between ${text}.`)
  return ms
}

const hasHeader = (headers: Record<string, string>, name: string): boolean =>
  Object.keys(headers).some((key) => key.toLowerCase() === name)

const withoutHeader = (headers: Record<string, string>, name: string): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([key]) => key.toLowerCase() !== name))

const checkHeaders = (headers: Record<string, string>): void => {
  let bytes = 0
  for (const [name, value] of Object.entries(headers)) {
    // What no HTTP message can carry would otherwise fail at each dispatch. RFC 9110, sections 5.1 and 5.5.
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name) || /[^\t\x20-\x7e\x80-\xff]/.test(value)) {
      throw invalidArgument(`Invalid HTTP header: ${JSON.stringify(name)}.`)
    }
    bytes += name.length + value.length
  }
  if (bytes >= HEADER_BYTES_MAX) throw invalidArgument('The size of the headers must be less than 80KB.')
}

const checkBody = (kind: string, { httpMethod, body }: HttpRequest | AppEngineHttpRequest, allowed: string[]): void => {
  const method = METHODS[httpMethod] ?? 'POST'
  if (body.length > 0 && !allowed.includes(method)) {
    throw invalidArgument(`${kind}.body is not allowed for HTTP method ${method}.`)
  }
}

const httpTarget = (request: HttpRequest, defaultUrl: string | undefined): Target => {
  const url = request.url || defaultUrl || ''
  if (url === '') throw invalidArgument('HttpRequest.url is required.')
  if (!/^https?:\/\//.test(url)) throw invalidArgument("HttpTarget.url must start with 'http://' or 'https://'.")
  if (!URL.canParse(url) || url.length > URL_LENGTH_MAX) throw invalidArgument(`HttpRequest.url is invalid: ${url}`)
  checkHeaders(request.headers)
  checkBody('HttpRequest', request, ['POST', 'PUT', 'PATCH'])
  return {
    httpRequest: {
      url,
      httpMethod: request.httpMethod || 1,
      headers: { ...withoutHeader(request.headers, 'user-agent'), 'User-Agent': 'Google-Cloud-Tasks' },
      body: request.body,
      ...(request.oidcToken && { oidcToken: request.oidcToken }),
      ...(request.oauthToken && { oauthToken: request.oauthToken }),
    },
  }
}

const appEngineTarget = (
  request: AppEngineHttpRequest,
  projectId: string,
  override: AppEngineRouting | null,
): Target => {
  const relativeUri = request.relativeUri || '/'
  if (!relativeUri.startsWith('/') || /\s/.test(relativeUri) || relativeUri.length > URL_LENGTH_MAX) {
    throw invalidArgument('AppEngineHttpRequest.relativeUri must begin with "/" and be a valid relative URI.')
  }
  checkHeaders(request.headers)
  checkBody('AppEngineHttpRequest', request, ['POST', 'PUT'])
  const agent = Object.entries(request.headers).find(([key]) => key.toLowerCase() === 'user-agent')?.[1]
  const headers: Record<string, string> = {
    ...withoutHeader(request.headers, 'user-agent'),
    'User-Agent': agent === undefined ? APP_ENGINE_AGENT : `${agent} ${APP_ENGINE_AGENT}`,
  }
  if (request.body.length > 0) {
    if (!hasHeader(headers, 'content-type')) headers['Content-Type'] = 'application/octet-stream'
    headers['Content-Length'] = String(request.body.length)
  }
  return {
    appEngineHttpRequest: {
      httpMethod: request.httpMethod || 1,
      appEngineRouting: { ...NO_ROUTING, ...request.appEngineRouting, ...override, host: `${projectId}.appspot.com` },
      relativeUri,
      headers,
      body: request.body,
    },
  }
}

/** What the target of a task depends on besides the task. */
export interface TargetContext {
  projectId: string
  /** Where HTTP tasks go that name no URL: those for a function of the suite. */
  defaultUrl: string | undefined
  /** The queue's `app_engine_routing_override`. */
  routing: AppEngineRouting | null
  /** Where App Engine tasks go; undefined: nowhere. */
  appEngineOrigin: string | undefined
}

/** The target of a task with defaults filled in; `bytes` is its size as it came. Throws INVALID_ARGUMENT. */
export const targetOf = (task: TaskMessage, bytes: number, context: TargetContext): Target => {
  const { httpRequest, appEngineHttpRequest } = task
  if (bytes > (appEngineHttpRequest ? APP_ENGINE_TASK_BYTES_MAX : HTTP_TASK_BYTES_MAX)) {
    throw invalidArgument('Task size too large')
  }
  if (httpRequest) return httpTarget(httpRequest, context.defaultUrl)
  if (!appEngineHttpRequest) throw invalidArgument('Task.messageType must be set: httpRequest or appEngineHttpRequest.')
  if (context.appEngineOrigin === undefined) {
    throw new StatusError(
      Code.FAILED_PRECONDITION,
      'There is no App Engine application here; the engine can be told where one is.',
    )
  }
  return appEngineTarget(appEngineHttpRequest, context.projectId, context.routing)
}
