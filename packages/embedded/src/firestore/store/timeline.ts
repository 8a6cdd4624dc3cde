/** Milliseconds since the Unix epoch, as a number or a Date. */
export type Clock = () => number | Date

/**
 * The one order of everything the engine does, as strictly growing times in microseconds: a commit is later than every
 * commit and every read before it, so that a read time seen once gives the same answer for ever.
 */
export class Timeline {
  readonly #clock: Clock
  #last = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The clock, which need not be monotonic, in milliseconds. */
  millis(): number {
    return Number(this.#clock())
  }

  /** From now on it is later than `time`. */
  notBefore(time: number): void {
    this.#last = Math.max(this.#last, time)
  }

  /** The time of a read of the latest state. */
  read(): number {
    this.#last = Math.max(this.#last, Math.floor(this.millis() * 1000))
    return this.#last
  }

  /** The time of the next commit. */
  commit(): number {
    this.#last = Math.max(this.#last + 1, Math.floor(this.millis() * 1000))
    return this.#last
  }
}
