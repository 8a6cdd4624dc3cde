import { Code, StatusError } from '../../wire/status-error.ts'
import { authoriseOwner } from '../access/authorise.ts'
import type { Principal } from '../access/principal.ts'
import { writeGate } from '../access/write-gate.ts'
import type { Engine } from '../engine.ts'
import { parseDatabaseName } from '../names.ts'
import { Timestamp } from '../values/value.ts'
import { prepareWrite, prepareWrites } from '../writes/write.ts'
import type {
  BatchWriteRequest,
  BeginTransactionRequest,
  CommitRequest,
  RollbackRequest,
  WriteResult,
} from './messages.ts'

const MAX_BATCH_WRITES = 500

const invalid = (message: string) => new StatusError(Code.INVALID_ARGUMENT, message)

export const commit = async (engine: Engine, request: CommitRequest, principal: Principal): Promise<object> => {
  const name = parseDatabaseName(request.database)
  const database = engine.database(name)
  const coordinator = engine.coordinator(database)
  const writes = prepareWrites(name, request.writes)
  const transaction = request.transaction.length > 0 ? coordinator.transactions.use(request.transaction) : null
  if (transaction?.snapshot && writes.length > 0) {
    throw invalid('Cannot modify entities in a read-only transaction.')
  }
  if (writes.length === 0) {
    if (transaction) coordinator.commitNothing(transaction)
    return transaction ? { commitTime: Timestamp.fromMicros(engine.store.timeline.commit()) } : {}
  }
  const { time, results } = await coordinator.commit(
    writes,
    transaction,
    writeGate(engine, principal, database),
    principal,
  )
  return { writeResults: results, commitTime: Timestamp.fromMicros(time) }
}

/** Writes each on its own: one that fails keeps none of the others back. */
export const batchWrite = async (engine: Engine, request: BatchWriteRequest, principal: Principal): Promise<object> => {
  const name = parseDatabaseName(request.database)
  if (request.writes.length > MAX_BATCH_WRITES) {
    throw invalid(`maximum ${MAX_BATCH_WRITES} writes allowed per request`)
  }
  const writes = request.writes.map((write) => prepareWrite(name, write))
  if (new Set(writes.map(({ path }) => path)).size < writes.length) {
    throw invalid('the same document cannot be written more than once in a single request')
  }
  authoriseOwner(principal, 'Batch writes')
  const coordinator = engine.coordinator(engine.database(name))
  const writeResults: WriteResult[] = []
  const status: object[] = []
  for (const write of writes) {
    try {
      const pending = coordinator.commit([write], null, undefined, principal)
      const committed = pending instanceof Promise ? await pending : pending
      writeResults.push(committed.results[0] as WriteResult)
      status.push({})
    } catch (error) {
      if (!(error instanceof StatusError)) throw error
      writeResults.push({})
      status.push({ code: error.code, message: error.details })
    }
  }
  return { writeResults, status }
}

export const beginTransaction = (engine: Engine, request: BeginTransactionRequest): object => {
  const database = engine.database(parseDatabaseName(request.database))
  return { transaction: engine.coordinator(database).transactions.begin(request.options).id }
}

export const rollback = (engine: Engine, request: RollbackRequest): object => {
  const database = engine.database(parseDatabaseName(request.database))
  engine.coordinator(database).transactions.rollback(request.transaction)
  return {}
}
