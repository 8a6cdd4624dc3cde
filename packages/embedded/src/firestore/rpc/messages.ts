import type { DocumentMessage } from '../values/codec.ts'
import type { Timestamp, Value } from '../values/value.ts'

// The requests of google.firestore.v1 as they are decoded: a scalar that is absent is its default, an absent message
// null, and the name of a oneof tells which of its fields is set. Bytes are views of the request.

export interface DocumentMask {
  fieldPaths: string[]
}

export interface Precondition {
  conditionType?: 'exists' | 'updateTime'
  exists: boolean
  updateTime: Timestamp | null
}

export type TransformType =
  | 'setToServerValue'
  | 'increment'
  | 'maximum'
  | 'minimum'
  | 'appendMissingElements'
  | 'removeAllFromArray'

export interface FieldTransform {
  fieldPath: string
  transformType?: TransformType
  setToServerValue: number
  increment: Value
  maximum: Value
  minimum: Value
  appendMissingElements: readonly Value[]
  removeAllFromArray: readonly Value[]
}

export interface Write {
  operation?: 'update' | 'delete' | 'verify' | 'transform'
  update: DocumentMessage | null
  delete: string
  verify: string
  transform: { document: string; fieldTransforms: FieldTransform[] } | null
  updateMask: DocumentMask | null
  updateTransforms: FieldTransform[]
  currentDocument: Precondition | null
}

/** A write as it is decoded when nothing of it was sent. */
export const EMPTY_WRITE: Write = {
  update: null,
  delete: '',
  verify: '',
  transform: null,
  updateMask: null,
  updateTransforms: [],
  currentDocument: null,
}

export interface WriteResult {
  updateTime?: Timestamp
  transformResults?: Value[]
}

export interface TransactionOptions {
  mode?: 'readOnly' | 'readWrite'
  readOnly: { readTime: Timestamp | null } | null
  readWrite: { retryTransaction: Uint8Array; concurrencyMode?: number } | null
}

/** At which state a request reads; a request has those of these fields that its method knows. */
export interface Consistency {
  consistencySelector?: 'transaction' | 'newTransaction' | 'readTime'
  transaction?: Uint8Array
  newTransaction?: TransactionOptions | null
  readTime?: Timestamp | null
}

export interface GetDocumentRequest extends Consistency {
  name: string
  mask: DocumentMask | null
}

export interface ListDocumentsRequest extends Consistency {
  parent: string
  collectionId: string
  pageSize: number
  pageToken: string
  orderBy: string
  mask: DocumentMask | null
  showMissing: boolean
}

export interface CreateDocumentRequest {
  parent: string
  collectionId: string
  documentId: string
  document: DocumentMessage | null
  mask: DocumentMask | null
}

export interface UpdateDocumentRequest {
  document: DocumentMessage | null
  updateMask: DocumentMask | null
  mask: DocumentMask | null
  currentDocument: Precondition | null
}

export interface DeleteDocumentRequest {
  name: string
  currentDocument: Precondition | null
}

export interface BatchGetDocumentsRequest extends Consistency {
  database: string
  documents: string[]
  mask: DocumentMask | null
}

export interface BeginTransactionRequest {
  database: string
  options: TransactionOptions | null
}

export interface CommitRequest {
  database: string
  writes: Write[]
  transaction: Uint8Array
}

export interface BatchWriteRequest {
  database: string
  writes: Write[]
}

export interface RollbackRequest {
  database: string
  transaction: Uint8Array
}

export interface ListCollectionIdsRequest extends Consistency {
  parent: string
  pageSize: number
  pageToken: string
}

export interface FieldReference {
  fieldPath: string
}

export interface Filter {
  filterType?: 'compositeFilter' | 'fieldFilter' | 'unaryFilter'
  compositeFilter: { op: number; filters: Filter[] } | null
  fieldFilter: { field: FieldReference | null; op: number; value: Value } | null
  unaryFilter: { field: FieldReference | null; op: number } | null
}

export interface Cursor {
  values: Value[]
  before: boolean
}

export interface FindNearest {
  vectorField: FieldReference | null
  queryVector: Value
  distanceMeasure: number
  limit: { value: number } | null
  distanceResultField: string
  distanceThreshold: { value: number } | null
}

export interface StructuredQuery {
  select: { fields: FieldReference[] } | null
  from: { collectionId: string; allDescendants: boolean }[]
  where: Filter | null
  orderBy: { field: FieldReference | null; direction: number }[]
  startAt: Cursor | null
  endAt: Cursor | null
  offset: number
  limit: { value: number } | null
  findNearest: FindNearest | null
}

/** Asks for how a query is run; without `analyze` it is not. */
export interface ExplainOptions {
  analyze: boolean
}

export interface RunQueryRequest extends Consistency {
  parent: string
  structuredQuery: StructuredQuery | null
  explainOptions: ExplainOptions | null
}

/** A wrapped or plain int64, as protobufjs decodes it. */
export type Int64 = number | { toNumber(): number }

export interface Aggregation {
  alias: string
  operator?: 'count' | 'sum' | 'avg'
  count: { upTo: { value: Int64 } | null } | null
  sum: { field: FieldReference | null } | null
  avg: { field: FieldReference | null } | null
}

export interface RunAggregationQueryRequest extends Consistency {
  parent: string
  structuredAggregationQuery: { structuredQuery: StructuredQuery | null; aggregations: Aggregation[] } | null
  explainOptions: ExplainOptions | null
}

export interface PartitionQueryRequest extends Consistency {
  parent: string
  structuredQuery: StructuredQuery | null
  partitionCount: Int64
  pageToken: string
  pageSize: number
}

export interface TargetMessage {
  targetType?: 'query' | 'documents'
  query: { parent: string; structuredQuery: StructuredQuery | null } | null
  documents: { documents: string[] } | null
  resumeType?: 'resumeToken' | 'readTime'
  resumeToken: Uint8Array
  readTime: Timestamp | null
  targetId: number
  once: boolean
  expectedCount: { value: number } | null
}

export interface ListenRequest {
  database: string
  targetChange?: 'addTarget' | 'removeTarget'
  addTarget: TargetMessage | null
  removeTarget: number
}

export interface WriteRequest {
  database: string
  streamId: string
  writes: Write[]
  streamToken: Uint8Array
}
