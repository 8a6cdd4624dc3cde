import type { SuiteTime } from '../clock/suite-time.ts'
import { Code, StatusError } from '../wire/status-error.ts'
import { invalidArgument, noSuchEntity, noSuchQueue, queueExistedRecently, queueExists } from './errors.ts'
import { fromMs, QueueState, type Moment, type QueueMessage, type TaskMessage } from './messages.ts'
import { checkLocation, checkQueueName, locationOf, parseTaskName } from './names.ts'
import { TaskQueue, type OnAttempt, type Send } from './queue.ts'
import { settingsFields, settingsOf, type QueueSettings } from './queue-settings.ts'
import { fieldsOf, updatedQueue } from './queue-update.ts'
import type { Task } from './task.ts'
import { deadlineMsOf, scheduleMsOf, targetOf } from './task-rules.ts'

// A queue of the same name cannot be created for so long after one was deleted.
const QUEUE_NAME_REST_MS = 7 * 86_400_000

interface Entry {
  readonly queue: TaskQueue
  /** As the client set it, with what the service does not look into. */
  message: QueueMessage
  purgeTime: Moment | undefined
  /** Where tasks go that name no URL. */
  defaultUrl: string | undefined
}

export interface QueuesOptions {
  time: SuiteTime
  send: Send
  onAttempt: OnAttempt
  /** The next id that the service gives to a task. */
  nextId: () => string
  /** Where App Engine tasks go. */
  appEngineOrigin?: string
}

/** All queues with their tasks: what Cloud Tasks' methods do, in the service's own terms. Methods throw `StatusError`. */
export class Queues {
  readonly #options: QueuesOptions
  readonly #entries = new Map<string, Entry>()
  readonly #deletedMs = new Map<string, number>()
  #order = 0

  constructor(options: QueuesOptions) {
    this.#options = options
  }

  create(parent: string, message: QueueMessage): object {
    checkLocation(parent)
    checkQueueName(message.name)
    if (locationOf(message.name) !== parent) {
      throw invalidArgument(`${message.name} must begin with ${parent}.`)
    }
    if (this.#entries.has(message.name)) throw queueExists()
    this.#checkRested(message.name)
    return this.#resource(this.#put(message, settingsOf(message)))
  }

  /** Creates the queue when there is none, as production does. */
  update(message: QueueMessage, paths: readonly string[]): object {
    checkQueueName(message.name)
    const entry = this.#entries.get(message.name)
    if (!entry) {
      this.#checkRested(message.name)
      return this.#resource(this.#put(message, settingsOf(message)))
    }
    const updated = updatedQueue(entry.message, message, paths)
    entry.queue.settings = settingsOf(updated)
    entry.message = updated
    return this.#resource(entry)
  }

  /** A queue of the suite's functions: made, or set anew, whether or not one of its name was deleted lately. */
  register(name: string, settings: QueueSettings, defaultUrl: string | undefined): object {
    checkQueueName(name)
    const known = this.#entries.get(name)
    const entry = known ?? this.#put({ name, rateLimits: null, retryConfig: null }, settings)
    entry.queue.settings = settings
    entry.message = { name, ...settingsFields(settings) } as QueueMessage
    entry.defaultUrl = defaultUrl
    return this.#resource(entry)
  }

  get(name: string): object {
    return this.#resource(this.#entry(name))
  }

  /** The queues of a location, as far as `isWanted` says. */
  list(parent: string, isWanted: (state: keyof typeof QueueState) => boolean): { name: string }[] {
    checkLocation(parent)
    return [...this.#entries.values()]
      .filter(({ message, queue }) => {
        return locationOf(message.name) === parent && isWanted(queue.isPaused ? 'PAUSED' : 'RUNNING')
      })
      .map((entry) => this.#resource(entry))
  }

  delete(name: string): void {
    checkQueueName(name)
    const entry = this.#entries.get(name)
    if (!entry) throw noSuchEntity()
    entry.queue.close()
    this.#entries.delete(name)
    this.#deletedMs.set(name, this.#options.time.now())
  }

  purge(name: string): object {
    const entry = this.#entry(name)
    entry.queue.endAll()
    entry.purgeTime = fromMs(this.#options.time.now())
    return this.#resource(entry)
  }

  setPaused(name: string, isPaused: boolean): object {
    const entry = this.#entry(name)
    entry.queue.isPaused = isPaused
    return this.#resource(entry)
  }

  /** `bytes` is the size of the message as it came. */
  createTask(parent: string, message: TaskMessage, bytes: number): Task {
    const entry = this.#entry(parent)
    const { time, nextId, appEngineOrigin } = this.#options
    const name = message.name || `${parent}/tasks/${nextId()}`
    const { queue } = parseTaskName(name)
    if (queue !== parent) {
      throw invalidArgument(
        `The queue name from request ('${parent}') must be the same as the queue name in the named task ('${queue}').`,
      )
    }
    const { appEngineRoutingOverride, appEngineHttpQueue } = entry.message
    const target = targetOf(message, bytes, {
      projectId: parent.split('/')[1] ?? '',
      defaultUrl: entry.defaultUrl,
      routing: appEngineRoutingOverride ?? appEngineHttpQueue?.appEngineRoutingOverride ?? null,
      appEngineOrigin,
    })
    const nowMs = time.now()
    // A client names times by its own clock, which no test steps.
    const scheduledMs = scheduleMsOf(message, nowMs - time.fromOutside(0))
    const deadlineMs = deadlineMsOf(message)
    entry.queue.checkFree(name)
    const task: Task = {
      name,
      order: this.#order++,
      target,
      createdMs: nowMs,
      deadlineMs,
      dueMs: scheduledMs === undefined ? nowMs : Math.max(nowMs, time.fromOutside(scheduledMs)),
      dispatches: 0,
      responses: 0,
      executions: 0,
      running: 0,
      firstMs: undefined,
      firstAttempt: undefined,
      lastAttempt: undefined,
      previous: undefined,
    }
    entry.queue.add(task)
    return task
  }

  task(name: string): Task {
    return this.#queueOf(name).task(name)
  }

  /** In the order in which they were created. */
  tasks(parent: string): Task[] {
    return this.#entry(parent).queue.tasks
  }

  deleteTask(name: string): void {
    const queue = this.#queueOf(name)
    queue.end(queue.task(name))
  }

  /** Dispatches a task now. `ended` resolves with the attempt. */
  runTask(name: string): { task: Task; ended: ReturnType<TaskQueue['run']> } {
    const queue = this.#queueOf(name)
    const task = queue.task(name)
    return { task, ended: queue.run(task) }
  }

  all(): Task[] {
    return [...this.#entries.values()].flatMap(({ queue }) => queue.tasks)
  }

  /** Throws NOT_FOUND. */
  checkExists(name: string): void {
    this.#entry(name)
  }

  close(): void {
    for (const { queue } of this.#entries.values()) queue.close()
  }

  #put(message: QueueMessage, settings: QueueSettings): Entry {
    const queue = new TaskQueue(this.#options, settings)
    const own = { rateLimits: null, retryConfig: null, ...fieldsOf(message) } as QueueMessage
    const entry: Entry = { queue, message: own, purgeTime: undefined, defaultUrl: undefined }
    this.#entries.set(message.name, entry)
    return entry
  }

  #entry(name: string): Entry {
    checkQueueName(name)
    const entry = this.#entries.get(name)
    if (!entry) throw noSuchQueue()
    return entry
  }

  /** Of a task. Production does not tell whether the task or its queue is missing. */
  #queueOf(task: string): TaskQueue {
    const entry = this.#entries.get(parseTaskName(task).queue)
    if (!entry) throw noSuchEntity()
    return entry.queue
  }

  #checkRested(name: string): void {
    const deletedMs = this.#deletedMs.get(name)
    if (deletedMs === undefined) return
    if (this.#options.time.now() - deletedMs < QUEUE_NAME_REST_MS) throw queueExistedRecently()
    this.#deletedMs.delete(name)
  }

  #resource({ queue, message, purgeTime }: Entry): { name: string } {
    return {
      ...message,
      ...settingsFields(queue.settings),
      state: queue.isPaused ? QueueState.PAUSED : QueueState.RUNNING,
      ...(purgeTime && { purgeTime }),
    } as { name: string }
  }
}

/** `state = PAUSED`, `state: RUNNING`, `state != PAUSED`; empty: all. Throws UNIMPLEMENTED for any other filter. */
export const stateFilter = (filter: string): ((state: string) => boolean) => {
  if (filter.trim() === '') return () => true
  const match = /^\s*state\s*(!=|=|:)\s*"?(\w+)"?\s*$/.exec(filter)
  if (!match)
    throw new StatusError(Code.UNIMPLEMENTED, 'Only filters of the form "state = PAUSED" are understood here.')
  const [, operator, wanted] = match
  return (state) => (state === wanted) === (operator !== '!=')
}
