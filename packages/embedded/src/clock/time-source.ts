/** Where time comes from. `now` is milliseconds since the Unix epoch. */
export interface TimeSource {
  now(): number
  /** Calls `run` once, `delayMs` from now; the returned function cancels it. */
  after(delayMs: number, run: () => void): () => void
}

// A Node timer holds at most 2^31 - 1 ms; a longer delay would fire at once.
const TIMER_MS_MAX = 2 ** 31 - 1

export const systemTime: TimeSource = {
  now: () => Date.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, Math.min(Math.max(0, delayMs), TIMER_MS_MAX))
    timer.unref()
    return () => clearTimeout(timer)
  },
}

interface Pending {
  dueMs: number
  run: () => void
}

/** Time that moves only when a test says so. */
export class SteppedTime implements TimeSource {
  #nowMs: number
  readonly #pending = new Set<Pending>()

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs
  }

  now(): number {
    return this.#nowMs
  }

  after(delayMs: number, run: () => void): () => void {
    const pending = { dueMs: this.#nowMs + Math.max(0, delayMs), run }
    this.#pending.add(pending)
    return () => this.#pending.delete(pending)
  }

  /** Moves time forward, running what falls due on the way, in order. */
  advance(ms: number): void {
    const targetMs = this.#nowMs + ms
    for (let due = this.#earliest(targetMs); due; due = this.#earliest(targetMs)) {
      this.#pending.delete(due)
      this.#nowMs = Math.max(this.#nowMs, due.dueMs)
      due.run()
    }
    this.#nowMs = targetMs
  }

  #earliest(untilMs: number): Pending | undefined {
    let earliest: Pending | undefined
    for (const pending of this.#pending) {
      if (pending.dueMs <= untilMs && (!earliest || pending.dueMs < earliest.dueMs)) earliest = pending
    }
    return earliest
  }
}
