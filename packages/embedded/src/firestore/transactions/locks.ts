import type { PendingChange } from '../store/database.ts'
import type { MapValue } from '../values/value.ts'
import type { Transaction } from './transaction.ts'

/** The documents a transaction has queried: those that are in the result, and those that would come to be. */
export interface QueryLock {
  readonly transaction: Transaction
  readonly matches: (segments: readonly string[], fields: MapValue) => boolean
}

/** The key under which queries of collections with this id are locked; '' stands for queries of any collection. */
export const collectionKey = (collectionId: string): string => `?${collectionId}`

/**
 * What open transactions have read. All locks are shared: they keep others from committing a change, never from
 * reading. A commit takes effect at one instant and so holds nothing. What an optimistic transaction has read keeps nobody
 * from anything; it is noted in the same way, so that a change of it is found.
 */
export class LockTable {
  readonly #holders = new Map<string, Set<Transaction>>()
  readonly #queries = new Map<string, Set<QueryLock>>()

  hold(transaction: Transaction, key: string): void {
    if (transaction.keys.has(key)) return
    transaction.keys.add(key)
    const holders = this.#holders.get(key)
    if (holders) holders.add(transaction)
    else this.#holders.set(key, new Set([transaction]))
  }

  /** Who holds `key`, a document's path or a `collectionKey`, against the changes of others. */
  *holders(key: string): Generator<Transaction> {
    for (const transaction of this.#holders.get(key) ?? []) if (!transaction.optimistic) yield transaction
  }

  /** The other optimistic transactions that have read what a change makes otherwise. */
  *misled(change: PendingChange, self: Transaction | null): Generator<Transaction> {
    for (const transaction of this.#holders.get(change.segments.join('/')) ?? []) {
      if (transaction.optimistic && transaction !== self) yield transaction
    }
    for (const transaction of this.#queriesAltered(change, self)) if (transaction.optimistic) yield transaction
  }

  holdQuery(lock: QueryLock, collectionId: string): void {
    const key = collectionKey(collectionId)
    this.hold(lock.transaction, key)
    const locks = this.#queries.get(key)
    if (locks) locks.add(lock)
    else this.#queries.set(key, new Set([lock]))
  }

  release(transaction: Transaction): void {
    for (const key of transaction.keys) {
      const holders = this.#holders.get(key)
      holders?.delete(transaction)
      if (holders?.size === 0) this.#holders.delete(key)
      if (!key.startsWith('?')) continue
      const locks = this.#queries.get(key)
      for (const lock of locks ?? []) if (lock.transaction === transaction) locks?.delete(lock)
      if (locks?.size === 0) this.#queries.delete(key)
    }
    transaction.keys.clear()
  }

  /** The other transactions whose queries a change would alter, and which hold them against that. */
  *queriesAltered(change: PendingChange, self: Transaction | null): Generator<Transaction> {
    for (const transaction of this.#queriesAltered(change, self)) if (!transaction.optimistic) yield transaction
  }

  *#queriesAltered(change: PendingChange, self: Transaction | null): Generator<Transaction> {
    if (this.#queries.size === 0) return
    const { segments, before, fields } = change
    for (const key of [collectionKey(segments.at(-2) as string), collectionKey('')]) {
      for (const lock of this.#queries.get(key) ?? []) {
        if (lock.transaction === self) continue
        const altered = (before && lock.matches(segments, before.fields)) || (fields && lock.matches(segments, fields))
        if (altered) yield lock.transaction
      }
    }
  }
}
