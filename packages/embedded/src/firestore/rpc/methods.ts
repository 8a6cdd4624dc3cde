import type { Principal } from '../access/principal.ts'
import type { Engine } from '../engine.ts'
import { batchGetDocuments, createDocument, deleteDocument, getDocument, updateDocument } from './documents.ts'
import { listCollectionIds, listDocuments } from './listing.ts'
import { openListenStream } from '../listen/index.ts'
import { openWriteStream } from '../write-stream/index.ts'
import type { OpenDuplex } from './duplex.ts'
import { duplexDurably, durably, streamedDurably } from './durable.ts'
import { executePipeline, partitionQuery, streamAggregation, streamQuery } from './queries.ts'
import { batchWrite, beginTransaction, commit, rollback } from './writes.ts'

/** A method with one answer. The request is a message as `messages.ts` describes it, and so is the answer. */
export interface UnaryMethod {
  readonly kind: 'unary'
  readonly handle: (engine: Engine, request: never, principal: Principal) => object | Promise<object>
}

/** A method whose answers come one after the other. */
export interface StreamingMethod {
  readonly kind: 'streaming'
  readonly handle: (engine: Engine, request: never, principal: Principal) => AsyncIterable<object>
}

const unary = (handle: UnaryMethod['handle']): UnaryMethod => ({ kind: 'unary', handle: durably(handle) })
const streaming = (handle: StreamingMethod['handle']): StreamingMethod => ({
  kind: 'streaming',
  handle: streamedDurably(handle),
})

/** The methods of google.firestore.v1.Firestore that answer one request, whatever transport it came by. */
export const methods = {
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
} as const satisfies Record<string, UnaryMethod | StreamingMethod>

/** The methods in which both sides send messages. */
export const duplexMethods = {
  Listen: duplexDurably(openListenStream),
  Write: duplexDurably(openWriteStream),
} as const satisfies Record<string, OpenDuplex>
