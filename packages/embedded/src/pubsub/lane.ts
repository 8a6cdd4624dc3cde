import type { Delivery } from './delivery.ts'

const COMPACT_AT = 64

/**
 * The messages of one ordering key, in the order of publication. They go out in that order, to one client as long as
 * any of them is out; a client that gave them back gets them again, since it may still have later ones in hand. When one is redelivered, all that follow it are too, also those that were acknowledged meanwhile
 * (https://cloud.google.com/pubsub/docs/ordering).
 */
export class Lane {
  readonly key: string
  /** The queue of what can be delivered that it stands in; undefined when in none. */
  queue: unknown = undefined
  /** The message that backs off: until it is over, nothing goes out. */
  waiting: Delivery | undefined = undefined
  /** Whose the key is: it has the messages that are out, or has just given them back. */
  #client: unknown = undefined
  #deliveries: Delivery[] = []
  /** Before it: done, and never needed again. */
  #first = 0
  /** Before it: delivered. */
  #next = 0
  #leased = 0
  /** The client gave messages back, and has not been sent them again. */
  #returned = false

  constructor(key: string) {
    this.key = key
  }

  get empty(): boolean {
    return this.#first === this.#deliveries.length
  }

  /** There is something to send. */
  get deliverable(): boolean {
    return !this.waiting && this.#next < this.#deliveries.length
  }

  /** Nothing of it is out. */
  get idle(): boolean {
    return this.#leased === 0
  }

  /** The client whose the key is; undefined when any may have it. */
  get client(): unknown {
    return this.#client
  }

  push(delivery: Delivery): void {
    this.#deliveries.push(delivery)
  }

  takeNext(client: unknown): Delivery | undefined {
    const delivery = this.#deliveries[this.#next]
    if (!delivery) return undefined
    this.#next++
    this.#leased++
    this.#client = client
    this.#returned = false
    return delivery
  }

  /** A message taken is done. It leaves when all before it have. */
  done(): void {
    this.#leased--
    if (!this.#returned) this.release()
    this.#trim()
  }

  /** Any client may have the key, unless messages of it are still out. */
  release(): void {
    this.#returned = false
    if (this.#leased === 0) this.#client = undefined
  }

  /** All that was taken from `from` on is to be delivered again; returns it. */
  rewind(from: Delivery): Delivery[] {
    const index = this.#indexOf(from)
    if (index < 0 || index >= this.#next) return []
    const again = this.#deliveries.slice(index, this.#next)
    this.#next = index
    this.#returned = true
    for (const delivery of again) if (delivery.state === 'leased') this.#leased--
    return again
  }

  /** Takes out the message to be delivered next: it has gone elsewhere. */
  dropNext(): void {
    this.#deliveries.splice(this.#next, 1)
    this.#trim()
  }

  /** What is not acknowledged. */
  *unacknowledged(): Generator<Delivery> {
    for (let index = this.#first; index < this.#deliveries.length; index++) {
      const delivery = this.#deliveries[index]
      if (delivery && delivery.state !== 'acked') yield delivery
    }
  }

  #trim(): void {
    while (this.#first < this.#next && this.#deliveries[this.#first]?.state === 'acked') this.#first++
    if (
      this.#first === this.#deliveries.length ||
      (this.#first >= COMPACT_AT && this.#first * 2 >= this.#deliveries.length)
    ) {
      this.#deliveries = this.#deliveries.slice(this.#first)
      this.#next -= this.#first
      this.#first = 0
    }
  }

  /** Deliveries stand in the order of their sequence numbers. */
  #indexOf({ message }: Delivery): number {
    let low = this.#first
    let high = this.#deliveries.length - 1
    while (low <= high) {
      const middle = (low + high) >> 1
      const sequence = this.#deliveries[middle]?.message.sequence ?? 0
      if (sequence === message.sequence) return middle
      if (sequence < message.sequence) low = middle + 1
      else high = middle - 1
    }
    return -1
  }
}
