import { backoffMs, isExhausted } from '../clock/backoff.ts'
import type { SuiteTime } from '../clock/suite-time.ts'
import { orderedMap } from '../structures/ordered-map.ts'
import { Code } from '../wire/status-error.ts'
import { taskEnded, taskExistedRecently, taskExists, noSuchEntity } from './errors.ts'
import { fromMs } from './messages.ts'
import { isSuccess, previousOf, statusOf, type Outcome } from './outcome.ts'
import { burstSize, type QueueSettings } from './queue-settings.ts'
import type { Task } from './task.ts'
import { TokenBucket } from './token-bucket.ts'

const TASK_AGE_MS_MAX = 31 * 86_400_000
// A task of the same name cannot be created for about so long after one has ended.
const NAME_REST_MS = 3_600_000

/** Carries a task to its target. Rejects only for a fault of the engine's own. */
export type Send = (task: Task) => Promise<Outcome>

/** Told of each attempt when it has ended. */
export type OnAttempt = (task: Task, scheduledMs: number, outcome: Outcome) => void

const unsent = (error: unknown): Outcome => ({ kind: 'unanswered', code: Code.UNAVAILABLE, message: String(error) })

export interface QueueContext {
  time: SuiteTime
  send: Send
  onAttempt: OnAttempt
}

/** The tasks of one queue: when each is dispatched, tried again and done with. */
export class TaskQueue {
  readonly #context: QueueContext
  readonly #tasks = new Map<string, Task>()
  readonly #waiting = orderedMap<Task, Task>((a, b) => a.dueMs - b.dueMs || a.order - b.order)
  /** When named tasks ended, in that order. */
  readonly #endedMs = new Map<string, number>()
  #settings: QueueSettings
  #bucket: TokenBucket
  #running = 0
  #isPaused = false
  #pumpIsDue = false
  #disarm = (): void => {}

  constructor(context: QueueContext, settings: QueueSettings) {
    this.#context = context
    this.#settings = settings
    this.#bucket = this.#newBucket()
  }

  get settings(): QueueSettings {
    return this.#settings
  }

  set settings(settings: QueueSettings) {
    const sameRate = settings.maxDispatchesPerSecond === this.#settings.maxDispatchesPerSecond
    this.#settings = settings
    if (!sameRate) this.#bucket = this.#newBucket()
    this.#pumpSoon()
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  set isPaused(isPaused: boolean) {
    this.#isPaused = isPaused
    this.#pumpSoon()
  }

  /** In the order in which they were created. */
  get tasks(): Task[] {
    this.#forgetOld()
    return [...this.#tasks.values()]
  }

  /** Throws NOT_FOUND, which tells whether there was one of that name lately. */
  task(name: string): Task {
    this.#forgetOld()
    const task = this.#tasks.get(name)
    if (!task) throw this.#endedMs.has(name) ? taskEnded() : noSuchEntity()
    return task
  }

  /** Throws ALREADY_EXISTS for a name that is taken, or was lately. */
  checkFree(name: string): void {
    this.#forgetOld()
    if (this.#tasks.has(name)) throw taskExists()
    if (this.#endedMs.has(name)) throw taskExistedRecently()
  }

  add(task: Task): void {
    this.#tasks.set(task.name, task)
    this.#waiting.set(task, task)
    this.#pumpSoon()
  }

  /** Dispatches it now, whatever the queue's limits and state. Resolves when the attempt has ended. */
  run(task: Task): Promise<Outcome> {
    this.#waiting.delete(task)
    return this.#dispatch(task)
  }

  /** Ends it: it is not dispatched again, and its name rests. */
  end(task: Task): void {
    if (this.#tasks.get(task.name) !== task) return
    this.#tasks.delete(task.name)
    this.#waiting.delete(task)
    this.#endedMs.set(task.name, this.#context.time.now())
  }

  endAll(): void {
    for (const task of this.#tasks.values()) this.end(task)
    this.#pumpSoon()
  }

  close(): void {
    this.#disarm()
    this.#tasks.clear()
    this.#waiting.clear()
  }

  #newBucket(): TokenBucket {
    return new TokenBucket(this.#settings.maxDispatchesPerSecond, burstSize(this.#settings), this.#context.time.now())
  }

  /** When the present event is over, so that who created a task is answered before it is dispatched. */
  #pumpSoon(): void {
    if (this.#pumpIsDue) return
    this.#pumpIsDue = true
    queueMicrotask(() => {
      this.#pumpIsDue = false
      this.#pump()
    })
  }

  /** Dispatches what is due as far as the limits allow, and wakes up when they allow more. */
  #pump(): void {
    this.#disarm()
    this.#forgetOld()
    const { time } = this.#context
    const nowMs = time.now()
    while (!this.#isPaused && this.#running < this.#settings.maxConcurrentDispatches) {
      const first = this.#waiting.minKey()
      if (!first) return
      const wakesMs = first.dueMs > nowMs || this.#bucket.take(nowMs) ? first.dueMs : this.#bucket.readyMs(nowMs)
      if (wakesMs > nowMs) {
        this.#disarm = time.after(wakesMs - nowMs, () => this.#pump())
        return
      }
      this.#waiting.delete(first)
      void this.#dispatch(first)
    }
  }

  #dispatch(task: Task): Promise<Outcome> {
    const { time, send, onAttempt } = this.#context
    const dispatchedMs = time.now()
    const scheduledMs = task.dueMs
    this.#running++
    task.running++
    task.dispatches++
    task.firstMs ??= dispatchedMs
    task.firstAttempt ??= { dispatchTime: fromMs(dispatchedMs) }
    const attempt = { scheduleTime: fromMs(scheduledMs), dispatchTime: fromMs(dispatchedMs) }
    task.lastAttempt = attempt
    const ended = send(task)
      .catch(unsent)
      .then((outcome) => {
        this.#running--
        task.running--
        const answer = { responseTime: fromMs(time.now()), responseStatus: statusOf(outcome) }
        task.lastAttempt = { ...attempt, ...answer }
        onAttempt(task, scheduledMs, outcome)
        this.#settle(task, outcome)
        this.#pump()
        return outcome
      })
    time.track(ended)
    return ended
  }

  #settle(task: Task, outcome: Outcome): void {
    const nowMs = this.#context.time.now()
    const isAppEngine = 'appEngineHttpRequest' in task.target
    if (outcome.kind === 'answered') {
      task.responses++
      if (isAppEngine || outcome.status < 500) task.executions++
      // https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks#AppEngineHttpRequest
      if (outcome.status === 503 || (outcome.status === 429 && !isAppEngine)) this.#bucket.slowDown(nowMs)
    }
    task.previous = previousOf(outcome, isAppEngine)
    if (isSuccess(outcome)) {
      this.#bucket.recover(nowMs)
      this.end(task)
      return
    }
    const { retry } = this.#settings
    if (this.#tasks.get(task.name) !== task) return
    if (isExhausted(retry, task.dispatches, nowMs - (task.firstMs ?? nowMs))) {
      // Another attempt may yet succeed.
      if (task.running === 0) this.end(task)
      return
    }
    const retryAfterMs = (outcome.kind === 'answered' && outcome.retryAfterMs) || 0
    this.#waiting.delete(task)
    task.dueMs = nowMs + Math.max(backoffMs(retry, task.dispatches), retryAfterMs)
    this.#waiting.set(task, task)
  }

  #forgetOld(): void {
    const nowMs = this.#context.time.now()
    for (const task of this.#tasks.values()) {
      if (nowMs - task.createdMs < TASK_AGE_MS_MAX) break
      this.end(task)
    }
    for (const [name, endedMs] of this.#endedMs) {
      if (nowMs - endedMs < NAME_REST_MS) break
      this.#endedMs.delete(name)
    }
  }
}
