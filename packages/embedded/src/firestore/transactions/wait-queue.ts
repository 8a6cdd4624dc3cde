import { Code, StatusError } from '../../wire/status-error.ts'
import type { Transaction } from './transaction.ts'

/** Someone who waits: a commit for what others have read, or a transaction's read for its turn at contended data. */
export interface Waiter {
  readonly kind: 'commit' | 'read'
  readonly transaction: Transaction | null
  /** Whom it waits for at this moment; none when it can go on. */
  blockers(): Iterable<Transaction | Waiter>
  /** Goes on; called at most once. */
  proceed(): void
  /** Gives up; called at most once and instead of `proceed`. */
  fail(error: StatusError): void
}

const LOCK_TIMEOUT_MS = 2000

export const lockTimeout = () => new StatusError(Code.ABORTED, 'Transaction lock timeout.')

export const contention = () =>
  new StatusError(
    Code.ABORTED,
    'Aborted due to cross-transaction contention. This occurs when multiple transactions attempt to access the same ' +
      'data, requiring Firestore to abort at least one in order to enforce serializability.',
  )

const isWaiter = (party: Transaction | Waiter): party is Waiter => 'blockers' in party

/**
 * Those who wait, first come first served. Two transactions that wait for each other are found when the second begins
 * to wait, and one gives way at once; any other wait ends after two seconds.
 */
export class WaitQueue {
  readonly #waiting = new Map<Waiter, NodeJS.Timeout>()
  readonly #abort: (transaction: Transaction) => void
  #waking = false
  #asked = 0

  /** `abort` ends a transaction and releases what it holds. */
  constructor(abort: (transaction: Transaction) => void) {
    this.#abort = abort
  }

  /** The commits that wait, the first first. */
  *commits(): Generator<Waiter> {
    for (const waiter of this.#waiting.keys()) if (waiter.kind === 'commit') yield waiter
  }

  get size(): number {
    return this.#waiting.size
  }

  add(waiter: Waiter): void {
    const timer = setTimeout(() => this.#timeOut(waiter), LOCK_TIMEOUT_MS)
    this.#waiting.set(waiter, timer)
    if (waiter.transaction) this.#resolveDeadlocks(waiter)
  }

  /** Lets everyone go on who can; to be called whenever a transaction has ended or a commit has been made. */
  wake(): void {
    this.#asked++
    if (this.#waking) return
    this.#waking = true
    for (let served = 0; served !== this.#asked;) {
      served = this.#asked
      for (const waiter of this.#waiting.keys()) if (isEmpty(waiter.blockers())) this.#proceed(waiter)
    }
    this.#waking = false
  }

  /** Makes everyone who waits on behalf of `transaction` give up. */
  dismiss(transaction: Transaction, error: StatusError): void {
    for (const waiter of [...this.#waiting.keys()]) {
      if (waiter.transaction === transaction && this.#remove(waiter)) waiter.fail(error)
    }
  }

  close(): void {
    for (const waiter of [...this.#waiting.keys()]) {
      if (this.#remove(waiter)) waiter.fail(new StatusError(Code.UNAVAILABLE, 'The server is shutting down.'))
    }
  }

  #remove(waiter: Waiter): boolean {
    clearTimeout(this.#waiting.get(waiter))
    return this.#waiting.delete(waiter)
  }

  #proceed(waiter: Waiter): void {
    if (!this.#remove(waiter)) return
    waiter.proceed()
    this.wake()
  }

  #timeOut(waiter: Waiter): void {
    // A read can always be had; waiting for its turn was only to spare it an abort.
    if (waiter.kind === 'read') return this.#proceed(waiter)
    this.#giveUp(waiter, lockTimeout())
  }

  #giveUp(waiter: Waiter, error: StatusError): void {
    if (!this.#remove(waiter)) return
    waiter.fail(error)
    if (waiter.transaction) this.#abort(waiter.transaction)
    this.wake()
  }

  #resolveDeadlocks(waiter: Waiter): void {
    while (this.#waiting.has(waiter)) {
      const cycle = this.#cycleThrough(waiter)
      if (!cycle) return
      const read = cycle.find(({ kind }) => kind === 'read')
      if (read) this.#proceed(read)
      // At once, and in the words in which Google's emulator ends it after a while.
      else this.#giveUp(victimOf(cycle), lockTimeout())
    }
  }

  /** The waiters on a way from `start` over those it waits for back to its own transaction. */
  #cycleThrough(start: Waiter): Waiter[] | null {
    const byTransaction = Map.groupBy(this.#waiting.keys(), ({ transaction }) => transaction)
    const visited = new Set<Waiter>()
    const search = (waiter: Waiter): Waiter[] | null => {
      visited.add(waiter)
      for (const party of waiter.blockers()) {
        const transaction = isWaiter(party) ? party.transaction : party
        if (transaction && transaction === start.transaction) return [waiter]
        for (const next of isWaiter(party) ? [party] : (byTransaction.get(party) ?? [])) {
          const rest = visited.has(next) ? null : search(next)
          if (rest) return [waiter, ...rest]
        }
      }
      return null
    }
    return search(start)
  }
}

const isEmpty = (things: Iterable<unknown>): boolean => {
  for (const _ of things) return false
  return true
}

// Who has been tried more often goes first, so that everyone gets through in the end; then who came last, for whom
// the others need not wait again. The first of a cycle is the one that came last.
const victimOf = ([last, ...others]: readonly Waiter[]): Waiter => {
  const attempt = (waiter: Waiter | undefined) => waiter?.transaction?.attempt ?? Infinity
  const other = others.reduce<Waiter | undefined>(
    (least, waiter) => (attempt(waiter) < attempt(least) ? waiter : least),
    undefined,
  )
  return other && attempt(other) <= attempt(last) ? other : (last as Waiter)
}
