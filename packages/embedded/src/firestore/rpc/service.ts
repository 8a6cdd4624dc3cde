import type { sendUnaryData, ServerUnaryCall, ServerWritableStream, UntypedServiceImplementation } from '@grpc/grpc-js'
import { Code, StatusError } from '../../wire/status-error.ts'
import { authorise, principalOfCall } from '../authorise.ts'
import type { Engine } from '../engine.ts'
import { UnreadableRequest } from './codec.ts'
import { batchGetDocuments, createDocument, deleteDocument, getDocument, updateDocument } from './documents.ts'
import { listCollectionIds, listDocuments } from './listing.ts'
import { executePipeline, partitionQuery, streamAggregation, streamQuery } from './queries.ts'
import { batchWrite, beginTransaction, commit, rollback } from './writes.ts'

export type Log = (message: string) => void

const statusOf = (error: unknown, log: Log): StatusError => {
  if (error instanceof StatusError) return error
  log(`firestore: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  return new StatusError(Code.INTERNAL, 'Internal error in the Firestore engine.')
}

type Unary<Request> = (engine: Engine, request: Request) => object | Promise<object>
type Streaming<Request> = (engine: Engine, request: Request) => AsyncIterable<object>

/** What every request passes before it is served. */
const admit = <Request>(call: {
  request: Request | UnreadableRequest
  metadata: Parameters<typeof principalOfCall>[0]
}) => {
  authorise(principalOfCall(call.metadata))
  if (call.request instanceof UnreadableRequest) throw call.request.error
  return call.request
}

const drained = (call: ServerWritableStream<unknown, object>): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      call.off('drain', done)
      call.off('close', done)
      call.off('cancelled', done)
      resolve()
    }
    call.on('drain', done)
    call.on('close', done)
    call.on('cancelled', done)
  })

/** The methods of google.firestore.v1.Firestore on one engine. Methods that are not here answer UNIMPLEMENTED. */
export const firestoreMethods = (engine: Engine, log: Log): UntypedServiceImplementation => {
  const unary =
    <Request>(handle: Unary<Request>) =>
    (call: ServerUnaryCall<Request | UnreadableRequest, object>, answer: sendUnaryData<object>): void => {
      const serve = async () => handle(engine, admit(call))
      serve().then(
        (response) => answer(null, response),
        (error: unknown) => answer(statusOf(error, log)),
      )
    }
  const streaming =
    <Request>(handle: Streaming<Request>) =>
    (call: ServerWritableStream<Request | UnreadableRequest, object>): void => {
      const serve = async () => {
        for await (const response of handle(engine, admit(call))) {
          if (call.cancelled) return
          if (!call.write(response)) await drained(call)
        }
        call.end()
      }
      serve().catch((error: unknown) => call.emit('error', statusOf(error, log)))
    }
  return {
    GetDocument: unary(getDocument),
    CreateDocument: unary(createDocument),
    UpdateDocument: unary(updateDocument),
    DeleteDocument: unary(deleteDocument),
    BatchGetDocuments: streaming(batchGetDocuments),
    BeginTransaction: unary(beginTransaction),
    Commit: unary(commit),
    Rollback: unary(rollback),
    BatchWrite: unary(batchWrite),
    RunQuery: streaming(streamQuery),
    RunAggregationQuery: streaming(streamAggregation),
    PartitionQuery: unary(partitionQuery),
    ExecutePipeline: streaming(executePipeline),
    ListDocuments: unary(listDocuments),
    ListCollectionIds: unary(listCollectionIds),
  }
}
