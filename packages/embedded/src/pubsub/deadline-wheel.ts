import type { TimeSource } from '../clock/time-source.ts'

/** Something that falls due. The wheel owns these fields. */
export interface Due<T> {
  bucket: number
  previous: T | undefined
  next: T | undefined
}

const BUCKET_MS = 100
const NONE = -1

/**
 * Deadlines of a subscription, in buckets of 100 ms: adding, moving and removing one is O(1), and there is one timer
 * for all. Nothing falls due early; it may fall due up to 100 ms late.
 */
export class DeadlineWheel<T extends Due<T>> {
  readonly #time: TimeSource
  readonly #onDue: (item: T) => void
  readonly #heads = new Map<number, T>()
  #timerBucket = NONE
  #cancelTimer: (() => void) | undefined

  constructor(time: TimeSource, onDue: (item: T) => void) {
    this.#time = time
    this.#onDue = onDue
  }

  /** Sets or moves the deadline of `item`. */
  set(item: T, dueMs: number): void {
    const bucket = Math.ceil(dueMs / BUCKET_MS)
    if (item.bucket === bucket) return
    this.remove(item)
    const head = this.#heads.get(bucket)
    item.bucket = bucket
    item.next = head
    if (head) head.previous = item
    this.#heads.set(bucket, item)
    if (this.#timerBucket === NONE || bucket < this.#timerBucket) this.#arm(bucket)
  }

  remove(item: T): void {
    if (item.bucket === NONE) return
    if (item.previous) item.previous.next = item.next
    else if (item.next) this.#heads.set(item.bucket, item.next)
    else this.#heads.delete(item.bucket)
    if (item.next) item.next.previous = item.previous
    item.previous = undefined
    item.next = undefined
    item.bucket = NONE
  }

  *items(): Generator<T> {
    for (const head of this.#heads.values()) for (let item: T | undefined = head; item; item = item.next) yield item
  }

  /** Forgets all deadlines. */
  clear(): void {
    for (const item of [...this.items()]) this.remove(item)
    this.stop()
  }

  stop(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#timerBucket = NONE
    this.#heads.clear()
  }

  #arm(bucket: number): void {
    this.#cancelTimer?.()
    this.#timerBucket = bucket
    this.#cancelTimer = this.#time.after(bucket * BUCKET_MS - this.#time.now(), () => this.#fire())
  }

  #fire(): void {
    this.#cancelTimer = undefined
    this.#timerBucket = NONE
    const nowBucket = Math.floor(this.#time.now() / BUCKET_MS)
    const due = [...this.#heads.keys()].filter((bucket) => bucket <= nowBucket).sort((a, b) => a - b)
    for (const bucket of due) {
      // Taken one by one: what falls due may move or remove its neighbours.
      for (let item = this.#heads.get(bucket); item; item = this.#heads.get(bucket)) {
        this.remove(item)
        this.#onDue(item)
      }
    }
    let earliest = NONE
    for (const bucket of this.#heads.keys()) if (earliest === NONE || bucket < earliest) earliest = bucket
    if (earliest !== NONE && earliest !== this.#timerBucket) this.#arm(earliest)
  }
}
