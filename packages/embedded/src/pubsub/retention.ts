import type { StoredMessage } from './delivery.ts'
import { Deque } from './deque.ts'

/** How many bytes of messages all the logs of an engine keep at most. A message in two logs counts twice. */
export class RetentionBudget {
  readonly #bytesMax: number
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get exceeded(): boolean {
    return this.#bytes > this.#bytesMax
  }

  add(bytes: number): void {
    this.#bytes += bytes
  }
}

// What a message costs beside its own bytes: the objects that hold it.
const MESSAGE_OVERHEAD_BYTES = 200

/**
 * Messages kept for replay, acknowledged or not, in the order of publication. They leave by age; and the log that grows
 * while the engine is over its budget gives up its oldest.
 */
export class RetentionLog {
  retentionMs: number
  readonly #budget: RetentionBudget
  readonly #messages = new Deque<StoredMessage>()

  constructor(budget: RetentionBudget, retentionMs: number) {
    this.#budget = budget
    this.retentionMs = retentionMs
  }

  push(message: StoredMessage): void {
    this.#messages.push(message)
    this.#budget.add(message.bytes + MESSAGE_OVERHEAD_BYTES)
    this.drop(message.publishedMs)
  }

  /** Drops what is too old at `nowMs`, and what the budget does not allow. */
  drop(nowMs: number): void {
    for (let oldest = this.#messages.peek(); oldest; oldest = this.#messages.peek()) {
      if (oldest.publishedMs + this.retentionMs > nowMs && !this.#budget.exceeded) return
      this.#messages.shift()
      this.#budget.add(-oldest.bytes - MESSAGE_OVERHEAD_BYTES)
    }
  }

  /** What is kept at `nowMs`, oldest first. */
  kept(nowMs: number): Iterable<StoredMessage> {
    this.drop(nowMs)
    return this.#messages
  }

  clear(): void {
    for (const message of this.#messages) this.#budget.add(-message.bytes - MESSAGE_OVERHEAD_BYTES)
    this.#messages.clear()
  }
}

/** The messages of all sources, each once, in the order of publication. */
export const merged = (...sources: Iterable<StoredMessage>[]): StoredMessage[] => {
  const bySequence = new Map<number, StoredMessage>()
  for (const source of sources) for (const message of source) bySequence.set(message.sequence, message)
  return [...bySequence.values()].sort((a, b) => a.sequence - b.sequence)
}
