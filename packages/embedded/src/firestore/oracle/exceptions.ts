const REST_READ_TIME = "Google's emulator refuses every `readTime` parameter over REST; production serves them."

const OPTIMISTIC =
  "An optimistic transaction keeps nobody from writing, and is aborted if it was misled, as in production; Google's emulator locks."

const PRECISE_QUERY_LOCK =
  "A query locks what it could return, as in production; Google's emulator locks every collection with that id."

const EXPLAIN = "Production says how it runs a query when it is asked to; Google's emulator passes over the question."

const REQUEST_SIZE = "Production's limit on the size of requests; Google's emulator takes what its transport takes."

const PARTITIONS = "Production cuts a query into parts; Google's emulator does not have the method."

const MALFORMED_TOKEN = 'A malformed token is refused whatever it comes with.'

/**
 * Recorded cases that the engine answers otherwise, by file and case (and step, for transactions), each with the reason. A case that is listed and
 * agrees after all fails the test.
 */
export const exceptions: Record<string, string> = {
  'transactions: the optimistic concurrency mode still locks: outside write to c/d': OPTIMISTIC,
  'transactions: the optimistic concurrency mode still locks: T writes c/d': OPTIMISTIC,
  'transactions: ListDocuments in a transaction locks every collection with that ID: outside create of x/y/c/z':
    PRECISE_QUERY_LOCK,
  'transactions: RunQuery in a transaction locks every collection with that ID: outside create of x/y/c/z':
    PRECISE_QUERY_LOCK,
  'unsupported: RunQuery, explain': EXPLAIN,
  'unsupported: RunQuery, explain and analyze': EXPLAIN,
  'unsupported: RunQuery, explain, no results': EXPLAIN,
  'unsupported: RunAggregationQuery, explain and analyze': EXPLAIN,
  'unsupported: :runQuery, explain and analyze': EXPLAIN,
  'unsupported: :runAggregationQuery, explain': EXPLAIN,
  'unsupported: PartitionQuery': PARTITIONS,
  'unsupported: :partitionQuery': PARTITIONS,
  'grpc_settings: PartitionQuery through v1beta1': PARTITIONS,
  'grpc_settings: PartitionQuery through v1': PARTITIONS,
  'rest: partitionQuery': PARTITIONS,
  'unsupported: ExecutePipeline, garbage token': MALFORMED_TOKEN,
  'grpc_settings: gRPC, 20 MB': REQUEST_SIZE,
  'grpc_settings: gRPC, 64 MB': REQUEST_SIZE,
  'document_writes: get with read_time before creation': REST_READ_TIME,
  'document_writes: read_time around a commit': REST_READ_TIME,
}

/** A recorded error, with a message that production words otherwise as null, which is not compared. */
export const asInProduction = (status: string, message: string): { status: string; message: string | null } => {
  // In the words of the transport.
  const ofTransport = message.startsWith('gRPC message exceeds maximum size')
  // The emulator speaks of an entity of Datastore, by its key or by none.
  const ofDatastore = /^(entity already exists: |no entity to update: |maximum entity size is )/.test(message)
  return { status, message: ofTransport || ofDatastore ? null : message }
}
