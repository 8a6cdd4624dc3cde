import { fromMs, View, type Attempt, type Moment, type Target } from './messages.ts'

/** A task as the engine keeps it. Times are ms since the epoch, on the engine's clock. */
export interface Task {
  readonly name: string
  /** Grows with each task; tasks due at one time are dispatched in this order. */
  readonly order: number
  readonly target: Target
  readonly createdMs: number
  readonly deadlineMs: number
  /** When it is to be dispatched. */
  dueMs: number
  dispatches: number
  responses: number
  /** Responses that count as executions: for HTTP targets those under 500. */
  executions: number
  /** Attempts that are under way: more than one only by `RunTask`. */
  running: number
  firstMs: number | undefined
  firstAttempt: Attempt | undefined
  lastAttempt: Attempt | undefined
  /** What the attempt before came to, for the headers of the next. */
  previous: { response: number; reason: string } | undefined
}

const withoutBody = (target: Target): object => {
  const copy = (request: object): object => {
    const { body: _, ...rest } = request as { body?: unknown }
    return rest
  }
  return 'httpRequest' in target
    ? { httpRequest: copy(target.httpRequest) }
    : { appEngineHttpRequest: copy(target.appEngineHttpRequest) }
}

interface TaskResource {
  name: string
  scheduleTime: Moment
  createTime: Moment
  dispatchDeadline: Moment
  dispatchCount: number
  responseCount: number
  firstAttempt?: Attempt
  lastAttempt?: Attempt
  view: number
}

/** As clients see it. The basic view, which is the default, leaves the body out. */
export const taskResource = (task: Task, view: number): TaskResource => {
  const { name, target, firstAttempt, lastAttempt } = task
  return {
    name,
    ...(view === View.FULL ? target : withoutBody(target)),
    scheduleTime: fromMs(task.dueMs),
    createTime: fromMs(task.createdMs),
    dispatchDeadline: fromMs(task.deadlineMs),
    dispatchCount: task.dispatches,
    responseCount: task.responses,
    ...(firstAttempt && { firstAttempt }),
    ...(lastAttempt && { lastAttempt }),
    view: view === View.FULL ? View.FULL : View.BASIC,
  }
}
