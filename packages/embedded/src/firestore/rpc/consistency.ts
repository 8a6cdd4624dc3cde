import { Code, StatusError } from '../../wire/status-error.ts'
import type { Engine } from '../engine.ts'
import type { Database } from '../store/database.ts'
import type { Coordinator } from '../transactions/coordinator.ts'
import type { Transaction } from '../transactions/transaction.ts'
import { Timestamp } from '../values/value.ts'
import type { Consistency } from './messages.ts'

/** How one request reads. */
export interface ReadContext {
  readonly database: Database
  readonly coordinator: Coordinator
  /** The state that is read, in microseconds; undefined for the latest. */
  readonly at: number | undefined
  /** The transaction whose locks what is read is put under. */
  readonly locker: Transaction | null
  /** The id of the transaction that the request has started. */
  readonly started: Uint8Array | null
}

/** Works out at which state a request reads, and starts the transaction it asks for. */
export const readContext = (engine: Engine, databaseName: string, request: Consistency): ReadContext => {
  const database = engine.database(databaseName)
  const coordinator = engine.coordinator(database)
  const context = { database, coordinator, at: undefined, locker: null, started: null }
  const inTransaction = (transaction: Transaction, started: Uint8Array | null): ReadContext =>
    transaction.snapshot
      ? { ...context, at: transaction.snapshot.time, started }
      : { ...context, locker: transaction, started }
  switch (request.consistencySelector) {
    case 'transaction':
      if (!request.transaction?.length) return context
      return inTransaction(coordinator.transactions.use(request.transaction), null)
    case 'newTransaction': {
      const transaction = coordinator.transactions.begin(request.newTransaction)
      return inTransaction(transaction, transaction.id)
    }
    case 'readTime':
      if (!request.readTime) throw new StatusError(Code.INVALID_ARGUMENT, 'read_time is missing.')
      return { ...context, at: engine.store.readTime(request.readTime) }
    default:
      return context
  }
}

/** The time that a response says it was read at. */
export const readTimeOf = (engine: Engine, { at }: ReadContext): Timestamp =>
  Timestamp.fromMicros(at ?? engine.store.timeline.read())
