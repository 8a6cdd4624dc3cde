import { Code, StatusError } from '../../wire/status-error.ts'
import type { TransactionOptions } from '../rpc/messages.ts'
import type { Store } from '../store/store.ts'
import { Transaction } from './transaction.ts'

// google.firestore.v1.TransactionOptions.ConcurrencyMode
const OPTIMISTIC = 1
const IDLE_MS = 60_000
const LIFETIME_MS = 270_000
const ID_BYTES = 9
const ID_MARK = 0x11
const REMEMBERED_ATTEMPTS = 10_000
// A transaction is tried so often in Google's clients by default; more seniority than that nobody needs.
const MAX_ATTEMPT = 100

// As recorded of Google's emulator; production is known to say INVALID_ARGUMENT. Google's clients try again on either.
const expired = () => new StatusError(Code.ABORTED, 'The referenced transaction has expired or is no longer valid.')
const unknown = () => new StatusError(Code.INVALID_ARGUMENT, 'Transaction is invalid or expired.')
const malformed = () => new StatusError(Code.INVALID_ARGUMENT, 'Invalid transaction.')

const encodeId = (number: number): Uint8Array => {
  const id = Buffer.alloc(ID_BYTES)
  id[0] = ID_MARK
  id.writeBigUInt64LE(BigInt(number), 1)
  return id
}

const decodeId = (id: Uint8Array): number => {
  if (id.length !== ID_BYTES || id[0] !== ID_MARK) throw malformed()
  return Number(Buffer.from(id.buffer, id.byteOffset, id.length).readBigUInt64LE(1))
}

/** The open transactions of one database. A transaction that is not used for 60 s, or lasts 270 s, is over. */
export class TransactionRegistry {
  readonly #store: Store
  readonly #ended: (transaction: Transaction) => void
  readonly #open = new Map<number, Transaction>()
  readonly #attempts = new Map<number, number>()
  // Starts from the time, so that ids from before a restart are told from those of today.
  readonly #first = Date.now() * 1000
  #last = this.#first
  #sweep: NodeJS.Timeout | null = null

  /** `ended` is called once for each transaction that ends, in whatever way. */
  constructor(store: Store, ended: (transaction: Transaction) => void) {
    this.#store = store
    this.#ended = ended
  }

  /** Starts a transaction. Throws INVALID_ARGUMENT or, for a read time, FAILED_PRECONDITION. */
  begin(options: TransactionOptions | null | undefined): Transaction {
    const attempt = this.#attemptAfter(options?.readWrite?.retryTransaction)
    const readTime = options?.readOnly?.readTime
    const at = readTime ? this.#store.readTime(readTime) : this.#store.timeline.read()
    const snapshot = options?.readOnly ? this.#store.history.pin(at) : null
    const number = ++this.#last
    const optimistic = options?.readWrite?.concurrencyMode === OPTIMISTIC
    const transaction = new Transaction(encodeId(number), snapshot, attempt, this.#now(), optimistic)
    this.#open.set(number, transaction)
    this.#sweep ??= setInterval(() => this.expire(), 1000).unref()
    return transaction
  }

  /** The open transaction with this id, which is thereby used. Throws INVALID_ARGUMENT. */
  use(id: Uint8Array): Transaction {
    const number = decodeId(id)
    if (number > this.#last) throw unknown()
    const transaction = this.#open.get(number)
    if (transaction && this.#isOver(transaction)) this.end(transaction)
    if (!transaction?.open) throw expired()
    transaction.usedAt = this.#now()
    return transaction
  }

  /** Ends the transaction with this id if it is open. Throws INVALID_ARGUMENT for an id that never was. */
  rollback(id: Uint8Array): void {
    const number = decodeId(id)
    if (number > this.#last || number <= this.#first) throw unknown()
    const transaction = this.#open.get(number)
    if (transaction) this.end(transaction)
  }

  end(transaction: Transaction): void {
    if (!transaction.open) return
    transaction.open = false
    const number = decodeId(transaction.id)
    this.#open.delete(number)
    if (transaction.snapshot) this.#store.history.unpin(transaction.snapshot)
    else this.#attempts.set(number, transaction.attempt)
    if (this.#attempts.size > REMEMBERED_ATTEMPTS) {
      this.#attempts.delete(this.#attempts.keys().next().value as number)
    }
    if (this.#open.size === 0 && this.#sweep) {
      clearInterval(this.#sweep)
      this.#sweep = null
    }
    this.#ended(transaction)
  }

  /** Ends the transactions whose time is over. */
  expire(): void {
    for (const transaction of [...this.#open.values()]) if (this.#isOver(transaction)) this.end(transaction)
  }

  endAll(): void {
    for (const transaction of [...this.#open.values()]) this.end(transaction)
  }

  #now(): number {
    return this.#store.timeline.millis()
  }

  #isOver({ usedAt, startedAt }: Transaction): boolean {
    const now = this.#now()
    return now - usedAt >= IDLE_MS || now - startedAt >= LIFETIME_MS
  }

  #attemptAfter(retried: Uint8Array | undefined): number {
    if (!retried || retried.length === 0) return 0
    const number = decodeId(retried)
    const open = this.#open.get(number)
    if (open) this.end(open)
    return Math.min(MAX_ATTEMPT, (this.#attempts.get(number) ?? 0) + 1)
  }
}
