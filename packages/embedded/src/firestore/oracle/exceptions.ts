const DESCENDING_KEYS =
  "Production serves queries in descending order of names; Google's emulator says it cannot scan keys backwards."

const REST_READ_TIME = "Google's emulator refuses every `readTime` parameter over REST; production serves them."

const DEADLOCK =
  'Two transactions that wait for each other are told at once, in the words of production, and not by a timeout.'

const OPTIMISTIC =
  "An optimistic transaction keeps nobody from writing, and is aborted if it was misled, as in production; Google's emulator locks."

const PRECISE_QUERY_LOCK =
  "A query locks what it could return, as in production; Google's emulator locks every collection with that id."

const EXPLAIN = "Production says how it runs a query when it is asked to; Google's emulator passes over the question."

const REQUEST_SIZE = "Production's limit on the size of requests; Google's emulator takes what its transport takes."

const MALFORMED_TOKEN = 'A malformed token is refused whatever it comes with.'

const MASKED_MISSING = "Production applies the mask with `showMissing`, too; Google's emulator then forgets it."

/**
 * Recorded cases that the engine answers otherwise, by file and case (and step, for transactions), each with the reason. A case that is listed and
 * agrees after all fails the test.
 */
export const exceptions: Record<string, string> = {
  'queries: order by __name__ desc': DESCENDING_KEYS,
  'queries: collection group p order by __name__ desc': DESCENDING_KEYS,
  'queries: __name__ > p2 order by __name__ desc': DESCENDING_KEYS,
  'queries: __name__ in + __name__ desc': DESCENDING_KEYS,
  'queries: __name__ != p2 + __name__ desc': DESCENDING_KEYS,
  'queries: every descendant order by __name__ desc': DESCENDING_KEYS,
  'list_documents: order by name descending': DESCENDING_KEYS,
  'list_documents: collection, descending': DESCENDING_KEYS,
  'transactions: two transactions that read and then write the same document: T1 writes c/d': DEADLOCK,
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
  'unsupported: ExecutePipeline, garbage token': MALFORMED_TOKEN,
  'grpc_settings: gRPC, 20 MB': REQUEST_SIZE,
  'grpc_settings: gRPC, 64 MB': REQUEST_SIZE,
  'rest: list with mask _none_ and showMissing (Emulator UI)': MASKED_MISSING,
  'document_writes: get with read_time before creation': REST_READ_TIME,
  'document_writes: read_time around a commit': REST_READ_TIME,
}

/** A recorded error as production words it where Google's emulator does not; a null message is not compared. */
export const asInProduction = (status: string, message: string): { status: string; message: string | null } => {
  // Production has the method, and misses the query in a request without one.
  if (/^Method .*PartitionQuery is unimplemented$/.test(message)) return { status: 'INVALID_ARGUMENT', message: null }
  // In the words of the transport.
  if (message.startsWith('gRPC message exceeds maximum size')) return { status, message: null }
  // The emulator prints a key of Datastore.
  if (/^(entity already exists|no entity to update): /.test(message)) return { status, message: null }
  // Production answers INVALID_ARGUMENT; Google's clients take that and this message for a reason to try again.
  if (message === 'The referenced transaction has expired or is no longer valid.') {
    return { status: 'INVALID_ARGUMENT', message }
  }
  return { status, message }
}
