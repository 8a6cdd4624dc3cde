import { isUtf8 } from 'node:buffer'
import type { TableRow, Tables } from '../bigquery/tables.ts'
import type { TimeSource } from '../clock/time-source.ts'
import type { Consumer, Delivery, StoredMessage } from './delivery.ts'
import type { Subscription } from './subscription.ts'

// What is gathered for one write, at most, and for how long.
const MESSAGES_MAX = 10_000
const BYTES_MAX = 16 * 1024 * 1024
const GATHER_MS = 500
const PAUSE_MS_MIN = 100
const PAUSE_MS_MAX = 60_000

interface Gathered {
  ackId: string
  message: StoredMessage
}

/**
 * Writes messages to the table of a BigQuery subscription. They are acknowledged when they are durable there, so a
 * message may be written twice and is never lost. After a write that failed the table is left alone for 100 ms, then
 * twice as long each time, at most 60 s. A message that no row can hold is not acknowledged: it comes again, until the
 * dead-letter policy takes it.
 */
export class TableExport implements Consumer {
  readonly takesKeysInBatches = true
  readonly clientId = this
  readonly #time: TimeSource
  readonly #subscription: Subscription
  readonly #tables: Tables
  readonly #configured: string
  #gathered: Gathered[] = []
  #gatheredBytes = 0
  #timer: NodeJS.Timeout | undefined
  #writing = false
  #paused = false
  #pauseMs = PAUSE_MS_MIN
  #cancelResume: (() => void) | undefined
  #closed = false

  constructor(time: TimeSource, subscription: Subscription, tables: Tables) {
    this.#time = time
    this.#subscription = subscription
    this.#tables = tables
    this.#configured = JSON.stringify(subscription.resource.bigqueryConfig)
  }

  get leaseMs(): number {
    return this.#subscription.resource.ackDeadlineSeconds * 1000
  }

  /** Whether it writes as this configuration says. */
  isFor(config: object | null): boolean {
    return JSON.stringify(config) === this.#configured
  }

  hasRoom(): boolean {
    return !this.#closed && !this.#paused && !this.#isFull()
  }

  deliver({ ackId, message }: Delivery): void {
    this.#gathered.push({ ackId, message })
    this.#gatheredBytes += message.bytes
  }

  flush(): void {
    if (this.#isFull()) this.#write()
    else this.#timer ??= setTimeout(() => this.#write(), GATHER_MS)
  }

  released(): void {}

  subscriptionChanged(): void {}

  subscriptionEnded(): void {
    this.close()
  }

  /** What is gathered is still written; nothing more is taken. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#cancelResume?.()
    this.#write()
  }

  #isFull(): boolean {
    return this.#gathered.length >= MESSAGES_MAX || this.#gatheredBytes >= BYTES_MAX
  }

  #write(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if ((this.#writing && !this.#closed) || this.#gathered.length === 0) return
    const batch = this.#gathered
    this.#gathered = []
    this.#gatheredBytes = 0
    this.#writing = true
    const { bigqueryConfig, name } = this.#subscription.resource
    const writable = batch.filter(({ message }) => isUtf8(message.wire.data))
    const rows = writable.map(({ message }) => rowOf(message, bigqueryConfig?.writeMetadata === true ? name : null))
    this.#tables.append(bigqueryConfig?.table ?? '', rows).then(
      () => this.#written(writable),
      (error: unknown) => this.#failed(batch, error),
    )
  }

  #written(batch: readonly Gathered[]): void {
    const { queue } = this.#subscription
    this.#pauseMs = PAUSE_MS_MIN
    this.#subscription.touch()
    for (const { ackId } of batch) queue.acknowledge(ackId)
    this.#next()
  }

  #failed(batch: readonly Gathered[], error: unknown): void {
    const { queue } = this.#subscription
    this.#subscription.exportFailed(error)
    this.#paused = true
    for (const { ackId } of batch) queue.modifyDeadline(ackId, 0)
    this.#cancelResume = this.#time.after(this.#pauseMs, () => {
      this.#paused = false
      queue.wake()
    })
    this.#pauseMs = Math.min(PAUSE_MS_MAX, this.#pauseMs * 2)
    this.#next()
  }

  #next(): void {
    this.#writing = false
    if (this.#gathered.length > 0) this.flush()
    this.#subscription.queue.wake()
  }
}

const rowOf = ({ wire, publishedMs }: StoredMessage, metadataOf: string | null): TableRow => {
  const data = Buffer.from(wire.data).toString('utf8')
  if (metadataOf === null) return { subscriptionName: null, messageId: null, publishedMs, data, attributes: null }
  return {
    subscriptionName: metadataOf,
    messageId: wire.messageId,
    publishedMs,
    data,
    attributes: JSON.stringify(wire.attributes),
  }
}
