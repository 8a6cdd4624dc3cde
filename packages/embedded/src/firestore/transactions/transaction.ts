import type { Pin } from '../store/history.ts'

/** One transaction of a client. Times are milliseconds of the engine's clock. */
export class Transaction {
  readonly id: Uint8Array
  /** Set for a read-only transaction: the state it reads. */
  readonly snapshot: Pin | null
  /** How often this work has been tried before; the more, the less likely it is made to give way. */
  readonly attempt: number
  /** Whether what it reads may be changed by others; then it has been in vain. */
  readonly optimistic: boolean
  /** Whether something it has read has been changed, so that it must not commit. */
  stale = false
  readonly startedAt: number
  usedAt: number
  open = true
  /** The keys it holds in the lock table. */
  readonly keys = new Set<string>()

  constructor(id: Uint8Array, snapshot: Pin | null, attempt: number, now: number, optimistic = false) {
    this.id = id
    this.snapshot = snapshot
    this.attempt = attempt
    this.optimistic = optimistic
    this.startedAt = now
    this.usedAt = now
  }
}
