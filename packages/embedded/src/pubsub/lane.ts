import type { Delivery } from './delivery.ts'

/**
 * The messages of one ordering key, in the order of publication. They go out in that order, one batch to one consumer
 * at a time; when one is redelivered, all that follow it are too, also those that were acknowledged meanwhile
 * (https://cloud.google.com/pubsub/docs/ordering).
 */
export class Lane {
  readonly key: string
  /** Stands in the queue of what can be delivered. */
  queued = false
  /** Backing off: nothing goes out. */
  blocked = false
  #deliveries: Delivery[] = []
  /** Before it: delivered. */
  #next = 0
  #leased = 0

  constructor(key: string) {
    this.key = key
  }

  get empty(): boolean {
    return this.#deliveries.length === 0
  }

  /** Nothing of it is out, and there is something to send. */
  get deliverable(): boolean {
    return !this.blocked && this.#leased === 0 && this.#next < this.#deliveries.length
  }

  push(delivery: Delivery): void {
    this.#deliveries.push(delivery)
  }

  takeNext(): Delivery | undefined {
    const delivery = this.#deliveries[this.#next]
    if (!delivery) return undefined
    this.#next++
    this.#leased++
    return delivery
  }

  /** A message taken is done. When the batch is, it leaves. */
  done(): void {
    this.#leased--
    if (this.#leased > 0) return
    this.#deliveries = this.#deliveries.slice(this.#next)
    this.#next = 0
  }

  /** All that was taken from `from` on is to be delivered again; returns it. */
  rewind(from: Delivery): Delivery[] {
    const index = this.#deliveries.indexOf(from)
    if (index < 0 || index >= this.#next) return []
    const again = this.#deliveries.slice(index, this.#next)
    this.#next = index
    for (const delivery of again) if (delivery.state === 'leased') this.#leased--
    if (this.#leased === 0) {
      this.#deliveries = this.#deliveries.slice(index)
      this.#next = 0
    }
    return again
  }

  /** Takes out the message to be delivered next: it has gone elsewhere. */
  dropNext(): void {
    this.#deliveries.splice(this.#next, 1)
  }
}
