import { randomBytes } from 'node:crypto'
import { Server } from '@grpc/grpc-js'
import type { ClockedTasks } from '../clock/control-server.ts'
import type { Firing } from '../clock/schedule-clock.ts'
import { SuiteTime } from '../clock/suite-time.ts'
import { systemTime } from '../clock/time-source.ts'
import { IdTokens } from '../oidc/id-tokens.ts'
import { listenOnOnePort } from '../wire/port.ts'
import { loadProtos } from '../wire/protos.ts'
import { readableHost } from '../wire/readable.ts'
import { authorizationOf } from './authorization.ts'
import { createTasksHttpServer } from './http.ts'
import { isSuccess, statusOf, type Outcome } from './outcome.ts'
import { Queues } from './queues.ts'
import { Sender } from './send.ts'
import { addCloudTasks, cloudTasks } from './service.ts'
import { targetRequest } from './target-request.ts'
import type { Task } from './task.ts'

export interface TasksEngineOptions {
  /** Default 127.0.0.1. */
  host?: string
  /** 0, the default, picks a free one. */
  port?: number
  /** Default: one of its own, by the system's. */
  time?: SuiteTime
  /** Where App Engine tasks go, such as `http://127.0.0.1:8081`. Default: nowhere, they are refused. */
  appEngineOrigin?: string
  log?: (line: string) => void
}

export interface TasksEngine {
  host: string
  port: number
  /** For the clock's endpoint. */
  tasks: ClockedTasks
  close(): Promise<void>
}

const firingOf = ({ name }: Task, scheduledMs: number, outcome: Outcome): Firing => ({
  name,
  scheduledMs,
  ...(!isSuccess(outcome) && { error: statusOf(outcome).message }),
})

const urlOf = ({ target }: Task): string =>
  'httpRequest' in target ? target.httpRequest.url : target.appEngineHttpRequest.relativeUri

/** Ids like those of the service: 19 digits or so. */
const nextId = (): string => (randomBytes(8).readBigUInt64BE() >> 1n).toString()

/**
 * Google Cloud Tasks (google.cloud.tasks.v2 and v2beta3; gRPC without TLS, and REST) in memory. Rejects with the
 * system's error when the port cannot be had.
 */
export const startTasksEngine = async (options: TasksEngineOptions = {}): Promise<TasksEngine> => {
  const { host = '127.0.0.1', port = 0, time = new SuiteTime(systemTime), appEngineOrigin, log = () => {} } = options
  const sender = new Sender()
  const tokens = new IdTokens(systemTime)
  let onRun = (_: Firing): void => {}
  const queues = new Queues({
    time,
    nextId,
    ...(appEngineOrigin !== undefined && { appEngineOrigin }),
    async send(task) {
      const { target } = task
      const authorization = 'httpRequest' in target ? await authorizationOf(target.httpRequest, tokens) : undefined
      return sender.send(targetRequest(task, authorization, appEngineOrigin))
    },
    onAttempt(task, scheduledMs, outcome) {
      const run = firingOf(task, scheduledMs, outcome)
      if (run.error !== undefined) log(`${run.name}: attempt ${task.dispatches}: ${run.error}`)
      onRun(run)
    },
  })
  const root = loadProtos('tasks')
  const methods = cloudTasks(queues)
  // Larger tasks than Cloud Tasks takes are let in, to be refused with its own words.
  const grpc = new Server({ 'grpc.max_receive_message_length': 16 * 1024 * 1024 })
  addCloudTasks(readableHost(grpc), root, methods)
  const http = createTasksHttpServer({ root, methods, queues, tokens })
  const listening = await listenOnOnePort({ host, port, grpc, http })
  return {
    host: listening.host,
    port: listening.port,
    tasks: {
      waiting: () =>
        queues.all().map((task) => ({
          name: task.name,
          url: urlOf(task),
          scheduledMs: task.dueMs,
          attempts: task.dispatches,
        })),
      async run(name) {
        const found = queues.all().filter((task) => task.name === name || task.name.endsWith(`/${name}`))
        const [task] = found
        if (!task) throw new RangeError(`there is no task "${name}"`)
        if (found.length > 1) throw new RangeError(`there are ${found.length} tasks "${name}"; name its queue too`)
        const { dueMs } = task
        return firingOf(task, dueMs, await queues.runTask(task.name).ended)
      },
      listen(listener) {
        onRun = listener
      },
    },
    async close() {
      queues.close()
      sender.close()
      await listening.close()
    },
  }
}
