import type { Pin } from '../store/history.ts'

/** One transaction of a client. Times are milliseconds of the engine's clock. */
export class Transaction {
  readonly id: Uint8Array
  /** Set for a read-only transaction: the state it reads. */
  readonly snapshot: Pin | null
  /** How often this work has been tried before; the more, the less likely it is made to give way. */
  readonly attempt: number
  readonly startedAt: number
  usedAt: number
  open = true
  /** The keys it holds in the lock table. */
  readonly keys = new Set<string>()

  constructor(id: Uint8Array, snapshot: Pin | null, attempt: number, now: number) {
    this.id = id
    this.snapshot = snapshot
    this.attempt = attempt
    this.startedAt = now
    this.usedAt = now
  }
}
