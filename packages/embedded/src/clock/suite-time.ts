import { orderedMap } from '../structures/ordered-map.ts'
import type { TimeSource } from './time-source.ts'

interface Timer {
  dueMs: number
  /** Timers due at one time run in the order in which they were set. */
  order: number
  run: () => void
}

/**
 * The one time of what waits in the suite: it runs with the given one, and can be stepped ahead of it. A step runs each
 * timer on the way at its time, and waits for the work that it began before it goes on; meanwhile time stands still.
 */
export class SuiteTime implements TimeSource {
  readonly #base: TimeSource
  readonly #timers = orderedMap<Timer, Timer>((a, b) => a.dueMs - b.dueMs || a.order - b.order)
  readonly #work = new Set<Promise<unknown>>()
  #order = 0
  #aheadMs = 0
  #standsAtMs: number | undefined
  #steps: Promise<unknown> = Promise.resolve()
  #disarm = (): void => {}

  constructor(base: TimeSource) {
    this.#base = base
  }

  now(): number {
    return this.#standsAtMs ?? this.#base.now() + this.#aheadMs
  }

  /** A time that someone outside named by a clock that is never stepped, such as a function's `Date.now()` plus a delay. */
  fromOutside(ms: number): number {
    return ms + this.now() - this.#base.now()
  }

  get isStepping(): boolean {
    return this.#standsAtMs !== undefined
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { dueMs: this.now() + Math.max(0, delayMs), order: this.#order++, run }
    this.#timers.set(timer, timer)
    this.#arm()
    return () => {
      if (this.#timers.delete(timer)) this.#arm()
    }
  }

  /** A step that is under way waits until `work` has settled. */
  track(work: Promise<unknown>): void {
    const settled = work
      .catch(() => {})
      .finally(() => {
        this.#work.delete(settled)
      })
    this.#work.add(settled)
  }

  /** Steps by `ms`. Resolves when all that was due on the way, and the work it began, is done. */
  advance(ms: number): Promise<void> {
    const step = this.#steps.then(() => this.#advance(ms))
    this.#steps = step.catch(() => {})
    return step
  }

  stop(): void {
    this.#timers.clear()
    this.#disarm()
  }

  async #advance(ms: number): Promise<void> {
    this.#disarm()
    const targetMs = this.now() + ms
    this.#standsAtMs = this.now()
    try {
      await this.#idle()
      for (let due = this.#takeDue(targetMs); due; due = this.#takeDue(targetMs)) {
        this.#standsAtMs = Math.max(this.#standsAtMs, due.dueMs)
        due.run()
        await this.#idle()
      }
    } finally {
      this.#standsAtMs = undefined
      this.#aheadMs = Math.max(this.#aheadMs, targetMs - this.#base.now())
      this.#arm()
    }
  }

  async #idle(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work)
  }

  #takeDue(untilMs: number): Timer | undefined {
    const first = this.#timers.minKey()
    if (!first || first.dueMs > untilMs) return undefined
    this.#timers.delete(first)
    return first
  }

  #arm(): void {
    if (this.isStepping) return
    this.#disarm()
    const first = this.#timers.minKey()
    if (first) this.#disarm = this.#base.after(first.dueMs - this.now(), () => this.#runDue())
  }

  #runDue(): void {
    if (this.isStepping) return
    for (let due = this.#takeDue(this.now()); due; due = this.#takeDue(this.now())) due.run()
    this.#arm()
  }
}
