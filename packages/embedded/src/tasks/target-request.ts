import { lastSegment } from './names.ts'
import { METHODS, type AppEngineHttpRequest, type HttpRequest } from './messages.ts'
import type { Task } from './task.ts'

/** An HTTP request that carries a task to its target. */
export interface TargetRequest {
  method: string
  url: string
  headers: Record<string, string>
  body: Uint8Array
  deadlineMs: number
}

// Cloud Tasks sets these itself, or keeps them for Google.
const RESERVED = /^(host|content-length|x-google-.*|x-appengine-.*|x-cloudtasks-.*)$/i

const own = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !RESERVED.test(name)))

/** What tells a handler about the task, https://cloud.google.com/tasks/docs/creating-http-target-tasks#handler */
const taskHeaders = (prefix: string, task: Task): Record<string, string> => ({
  [`${prefix}-QueueName`]: lastSegment(task.name.slice(0, task.name.lastIndexOf('/tasks/'))),
  [`${prefix}-TaskName`]: lastSegment(task.name),
  [`${prefix}-TaskRetryCount`]: String(task.dispatches - 1),
  [`${prefix}-TaskExecutionCount`]: String(task.executions),
  [`${prefix}-TaskETA`]: (task.dueMs / 1000).toFixed(6),
  ...(task.previous && {
    [`${prefix}-TaskPreviousResponse`]: String(task.previous.response),
    [`${prefix}-TaskRetryReason`]: task.previous.reason,
  }),
})

const methodOf = ({ httpMethod }: HttpRequest | AppEngineHttpRequest): string => METHODS[httpMethod] ?? 'POST'

/** `authorization` is the header for the task's token; `appEngineOrigin` is where App Engine tasks go. */
export const targetRequest = (
  task: Task,
  authorization: string | undefined,
  appEngineOrigin: string | undefined,
): TargetRequest => {
  const { target, deadlineMs } = task
  if ('appEngineHttpRequest' in target) {
    const request = target.appEngineHttpRequest
    return {
      method: methodOf(request),
      url: `${appEngineOrigin}${request.relativeUri}`,
      headers: { ...own(request.headers), ...taskHeaders('X-AppEngine', task) },
      body: request.body,
      deadlineMs,
    }
  }
  const request = target.httpRequest
  const headers = own(request.headers)
  if (authorization !== undefined) {
    for (const name of Object.keys(headers)) if (name.toLowerCase() === 'authorization') delete headers[name]
    headers['Authorization'] = authorization
  }
  return {
    method: methodOf(request),
    url: request.url,
    headers: { ...headers, ...taskHeaders('X-CloudTasks', task) },
    body: request.body,
    deadlineMs,
  }
}
