import { setTimeout as delay } from 'node:timers/promises'
import { deliveryOf, type Delivery, type Occurrence } from './event.ts'
import type { Trigger } from './trigger.ts'

// What runs at a time; the functions emulator has a worker for each, and queues what is more.
const CONCURRENT_MAX = 32
// What waits holds no more than references to versions of documents; but it does hold those.
const WAITING_MAX = 100_000
// While the suite starts or reloads, a function is not there for moments.
const RETRY_MS = [50, 200, 1000, 3000]

export interface DispatcherOptions {
  /** `host:port` of the functions emulator. */
  readonly functionsHost: string
  /** Gets a line for what cannot be delivered. */
  readonly log: (line: string) => void
}

/** Events of one trigger about one document, which go out one after the other. */
type Lane = Occurrence[]

/**
 * Delivers events: those of one document to one function in order, others side by side. An event that reached nobody is
 * tried again a few times; a function that failed is not, as in production without its `retry`.
 */
export class Dispatcher {
  readonly #options: DispatcherOptions
  readonly #lanes = new Map<string, Lane>()
  readonly #ready: string[] = []
  readonly #stop = new AbortController()
  #running = 0
  #waiting = 0
  #dropped = 0

  constructor(options: DispatcherOptions) {
    this.#options = options
  }

  enqueue(occurrence: Occurrence): void {
    if (this.#waiting >= WAITING_MAX) {
      if (this.#dropped++ % WAITING_MAX === 0) this.#options.log(`${WAITING_MAX} events wait: more are not delivered`)
      return
    }
    this.#waiting++
    const { trigger, change } = occurrence
    const name = `${trigger.key}\n${change.node.name}`
    const lane = this.#lanes.get(name)
    if (lane) {
      lane.push(occurrence)
      return
    }
    this.#lanes.set(name, [occurrence])
    this.#ready.push(name)
    this.#next()
  }

  /** Gives up what waits and what is under way. */
  close(): void {
    this.#stop.abort()
    this.#lanes.clear()
    this.#ready.length = 0
  }

  #next(): void {
    while (this.#running < CONCURRENT_MAX) {
      const name = this.#ready.shift()
      if (name === undefined) return
      this.#running++
      void this.#empty(name).finally(() => {
        this.#running--
        this.#next()
      })
    }
  }

  /** Delivers the first event of a lane; the lane then goes to the end of the queue. */
  async #empty(name: string): Promise<void> {
    const lane = this.#lanes.get(name)
    const occurrence = lane?.shift()
    if (!lane || !occurrence) return
    await this.#deliver(occurrence.trigger, deliveryOf(occurrence))
    this.#waiting--
    if (lane.length > 0) this.#ready.push(name)
    else this.#lanes.delete(name)
  }

  async #deliver({ key }: Trigger, delivery: Delivery): Promise<void> {
    for (let attempt = 0; !this.#stop.signal.aborted; attempt++) {
      const problem = await this.#post(delivery)
      if (problem === undefined) return
      const wait = problem.reachedNobody ? RETRY_MS[attempt] : undefined
      if (wait === undefined) {
        this.#options.log(`the event for ${key} was not handled: ${problem.reason}`)
        return
      }
      await delay(wait, undefined, { signal: this.#stop.signal, ref: false }).catch(() => {})
    }
  }

  async #post({ path, headers, body }: Delivery): Promise<{ reachedNobody: boolean; reason: string } | undefined> {
    const { signal } = this.#stop
    try {
      const url = `http://${this.#options.functionsHost}${path}`
      const response = await fetch(url, { method: 'POST', headers, body, signal })
      const text = await response.text()
      if (response.ok) return undefined
      return { reachedNobody: response.status === 404, reason: `${response.status} ${text.slice(0, 200)}` }
    } catch (error) {
      if (signal.aborted) return undefined
      const { cause } = error as { cause?: NodeJS.ErrnoException }
      return { reachedNobody: cause?.code === 'ECONNREFUSED', reason: cause?.message ?? (error as Error).message }
    }
  }
}
