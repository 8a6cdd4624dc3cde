import type { WriteResult } from '../rpc/messages.ts'
import { Code, StatusError } from '../../wire/status-error.ts'
import type { Principal } from '../access/principal.ts'
import type { Database } from '../store/database.ts'
import type { Store } from '../store/store.ts'
import type { MapValue } from '../values/value.ts'
import { outcomeOf, type Outcome } from '../writes/apply.ts'
import type { PreparedWrite } from '../writes/write.ts'
import { LockTable, collectionKey } from './locks.ts'
import { TransactionRegistry } from './registry.ts'
import type { Transaction } from './transaction.ts'
import { WaitQueue, contention, type Waiter } from './wait-queue.ts'

/** What a transaction locks besides single documents: what a query of it could return. */
export interface QueryRange {
  /** '' for a query that is not about collections of one id. */
  readonly collectionId: string
  readonly covers: (segments: readonly string[], fields: MapValue) => boolean
}

export interface Committed {
  readonly time: number
  readonly results: readonly WriteResult[]
}

/** Throws what a commit is refused with that must not be made; `time` is what it would be made at, in microseconds. */
export type Admit = (writes: readonly PreparedWrite[], time: number) => void

interface WaitingCommit extends Waiter {
  readonly keys: ReadonlySet<string>
}

const CONTENDED_MS = 5000
const MAX_CONTENDED = 10_000

/**
 * Isolation of one database. A read in a read-write transaction locks what it read, a commit waits until no other
 * transaction holds a lock on what it changes, and transactions that wait for each other give way. Locks are shared,
 * as production's are; but where transactions have lately collided, their reads take turns, since letting them
 * all read at once would only have all but one of them aborted. An optimistic transaction locks nothing, and is aborted when
 * it commits if what it has read has been changed.
 */
export class Coordinator {
  readonly transactions: TransactionRegistry
  readonly #store: Store
  readonly #database: Database
  readonly #locks = new LockTable()
  readonly #queue: WaitQueue
  readonly #contendedUntil = new Map<string, number>()

  constructor(store: Store, database: Database) {
    this.#store = store
    this.#database = database
    this.transactions = new TransactionRegistry(store, (transaction) => this.#ended(transaction))
    this.#queue = new WaitQueue((transaction) => this.transactions.end(transaction))
  }

  /** Locks documents for a read-write transaction; what it reads afterwards stays as it is until it ends. */
  lockDocuments(transaction: Transaction, paths: readonly string[]): Promise<void> | undefined {
    return this.#lock(transaction, paths, () => {
      for (const path of paths) this.#locks.hold(transaction, path)
    })
  }

  /** Locks all that a query returns, and keeps more from coming to be. */
  lockQuery(transaction: Transaction, { collectionId, covers }: QueryRange): Promise<void> | undefined {
    return this.#lock(transaction, [collectionKey(collectionId)], () => {
      this.#locks.holdQuery({ transaction, matches: covers }, collectionId)
    })
  }

  /**
   * Commits `writes` at one instant, as soon as no other transaction's locks stand in the way. `transaction` ends, but
   * for a write that is refused for what it is. Throws ABORTED when the wait is in vain, what `outcomeOf` throws, and what
   * `admit` throws, which is asked when the commit could be made. `by` is who the commit's listeners are told.
   */
  commit(
    writes: readonly PreparedWrite[],
    transaction: Transaction | null,
    admit?: Admit,
    by: Principal | null = null,
  ): Promise<Committed> | Committed {
    this.#requireUnmisled(transaction)
    const keys = new Set<string>()
    for (const { path, segments } of writes) {
      keys.add(path)
      keys.add(collectionKey(segments.at(-2) as string))
    }
    if (!this.#isFree(writes, transaction)) this.transactions.expire()
    if (this.#isFree(writes, transaction)) {
      const { outcome, time, blocked } = this.#attempt(writes, transaction, admit)
      if (!blocked) return this.#apply(outcome, time, transaction, by)
    }
    return new Promise((resolve, reject) => {
      const waiter: WaitingCommit = {
        kind: 'commit',
        transaction,
        keys,
        blockers: () => this.#commitBlockers(writes, transaction),
        proceed: () => resolve(this.#commitNow(writes, transaction, admit, by)),
        fail: reject,
      }
      if (transaction) this.#markContended(transaction, keys)
      this.#queue.add(waiter)
    })
  }

  /** Ends a transaction that has only read. Throws ABORTED when what it has read does not stand together. */
  commitNothing(transaction: Transaction): void {
    this.#requireUnmisled(transaction)
    this.transactions.end(transaction)
  }

  close(): void {
    this.transactions.endAll()
    this.#queue.close()
  }

  #ended(transaction: Transaction): void {
    this.#locks.release(transaction)
    this.#queue.dismiss(transaction, new StatusError(Code.ABORTED, 'The transaction was ended while it waited.'))
    this.#queue.wake()
  }

  #requireUnmisled(transaction: Transaction | null): void {
    if (!transaction?.stale) return
    this.transactions.end(transaction)
    throw contention()
  }

  #isFree(writes: readonly PreparedWrite[], transaction: Transaction | null): boolean {
    for (const { path } of writes)
      for (const holder of this.#locks.holders(path)) if (holder !== transaction) return false
    return true
  }

  /** Works out the commit; a refusal ends the transaction. */
  #attempt(writes: readonly PreparedWrite[], transaction: Transaction | null, admit: Admit | undefined) {
    const time = this.#store.timeline.commit()
    try {
      this.#requireUnmisled(transaction)
      admit?.(writes, time)
      const outcome = outcomeOf(this.#database, writes, time)
      let blocked = false
      for (const _ of this.#alteredBy(outcome, transaction)) blocked = true
      return { outcome, time, blocked }
    } catch (error) {
      if (transaction) this.transactions.end(transaction)
      throw error
    }
  }

  async #commitNow(
    writes: readonly PreparedWrite[],
    transaction: Transaction | null,
    admit: Admit | undefined,
    by: Principal | null,
  ): Promise<Committed> {
    const { outcome, time } = this.#attempt(writes, transaction, admit)
    return this.#apply(outcome, time, transaction, by)
  }

  *#alteredBy({ changes }: Outcome, transaction: Transaction | null): Generator<Transaction> {
    for (const change of changes.values()) yield* this.#locks.queriesAltered(change, transaction)
  }

  *#commitBlockers(writes: readonly PreparedWrite[], transaction: Transaction | null): Generator<Transaction> {
    this.transactions.expire()
    for (const { path } of writes) {
      for (const holder of this.#locks.holders(path)) if (holder !== transaction) yield holder
    }
    let outcome: Outcome
    try {
      outcome = outcomeOf(this.#database, writes, this.#store.timeline.commit())
    } catch {
      return
    }
    yield* this.#alteredBy(outcome, transaction)
  }

  #apply(
    { changes, results }: Outcome,
    time: number,
    transaction: Transaction | null,
    by: Principal | null,
  ): Committed {
    for (const change of changes.values()) {
      for (const misled of this.#locks.misled(change, transaction)) misled.stale = true
    }
    this.#store.apply(this.#database, changes.values(), time, { by })
    if (transaction) this.transactions.end(transaction)
    else if (this.#queue.size > 0) this.#queue.wake()
    return { time, results }
  }

  #lock(transaction: Transaction, keys: readonly string[], hold: () => void): Promise<void> | undefined {
    const blockers = () => this.#readBlockers(transaction, keys)
    let free = true
    // An optimistic transaction waits for nobody before it commits.
    if (!transaction.optimistic) for (const _ of blockers()) free = false
    if (free) {
      hold()
      return undefined
    }
    return new Promise((resolve, reject) => {
      const proceed = () => {
        hold()
        resolve()
      }
      this.#queue.add({ kind: 'read', transaction, blockers, proceed, fail: reject })
    })
  }

  /** Those before whom a transaction's read should not go: commits that wait for the same, and its holders when it is contended. */
  *#readBlockers(transaction: Transaction, keys: readonly string[]): Generator<Transaction | Waiter> {
    if (this.#queue.size === 0 && this.#contendedUntil.size === 0) return
    const wanted = keys.filter((key) => !transaction.keys.has(key))
    for (const commit of this.#queue.commits() as Iterable<WaitingCommit>) {
      if (commit.transaction !== transaction && wanted.some((key) => commit.keys.has(key))) yield commit
    }
    for (const key of wanted) {
      if (!this.#isContended(key)) continue
      for (const holder of this.#locks.holders(key)) if (holder !== transaction) yield holder
    }
  }

  #isContended(key: string): boolean {
    const until = this.#contendedUntil.get(key)
    if (until === undefined) return false
    if (until > performance.now()) return true
    this.#contendedUntil.delete(key)
    return false
  }

  #markContended(transaction: Transaction, keys: ReadonlySet<string>): void {
    if (this.#contendedUntil.size > MAX_CONTENDED) this.#contendedUntil.clear()
    const until = performance.now() + CONTENDED_MS
    for (const key of keys) {
      for (const holder of this.#locks.holders(key)) if (holder !== transaction) this.#contendedUntil.set(key, until)
    }
  }
}
