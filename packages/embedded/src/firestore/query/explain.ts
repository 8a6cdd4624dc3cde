import { NAME_FIELD, formatFieldPath } from '../field-path.ts'
import { inequalityFields } from './parse-filter.ts'
import { fieldFilters, sameField, type Order, type Query, type QueryField } from './query.ts'

// google.firestore.v1.ExplainMetrics, as production reports them; what is in `debug_stats` is no contract there.

type StructValue = { stringValue: string } | { structValue: Struct }
type Struct = { fields: Record<string, StructValue> }

const struct = (entries: Record<string, string | Struct>): Struct => ({
  fields: Object.fromEntries(
    Object.entries(entries).map(([name, value]) => [
      name,
      typeof value === 'string' ? { stringValue: value } : { structValue: value },
    ]),
  ),
})

const indexOf = (query: Query, orders: readonly Order[]): Struct => {
  const named = orders.map(({ field, descending }) => {
    const name = field === NAME_FIELD ? NAME_FIELD : formatFieldPath(field)
    return `${name} ${descending ? 'DESC' : 'ASC'}`
  })
  const { nearest } = query
  if (nearest) named.push(`${formatFieldPath(nearest.field)} VECTOR<${nearest.vector.length}>`)
  const scope = query.source.kind === 'group' ? 'Collection group' : 'Collection'
  return struct({ query_scope: scope, properties: `(${named.join(', ')})` })
}

/** The fields that a filter holds to one value, or to one of some, and by which the result is not ordered. */
const fixedFields = ({ filter, orders }: Query): QueryField[] => {
  const fixed: QueryField[] = []
  for (const { field } of fieldFilters(filter)) {
    if (![...fixed, ...orders.map((order) => order.field)].some((one) => sameField(one, field))) fixed.push(field)
  }
  return fixed
}

/**
 * The indexes that production takes: one for each field that is compared for equality, merged, or, when the result has
 * an order besides that of names, or is what lies near, one that has all of them before it.
 */
const indexesOf = (query: Query): Struct[] => {
  const fixed = fixedFields(query).map((field): Order => ({ field, descending: false }))
  const isByName = query.orders.length === 1
  if (!isByName || query.nearest || fixed.length === 0) return [indexOf(query, [...fixed, ...query.orders])]
  return fixed.map((order) => indexOf(query, [order, ...query.orders]))
}

/** What came of running a query. */
export interface Execution {
  readonly kind: 'documents' | 'aggregation'
  readonly resultsReturned: number
  /** How many documents passed the filters, those that an offset skipped among them. */
  readonly matched: number
  readonly seconds: number
}

const NANOS = 1e9

// How many entries of an index are billed one read, https://cloud.google.com/firestore/pricing.
const ENTRIES_PER_READ = 1000
const VECTORS_PER_READ = 100

const statsOf = (query: Query, execution: Execution): object => {
  const { kind, resultsReturned, matched, seconds } = execution
  const documents = kind === 'aggregation' ? 0 : query.nearest ? resultsReturned : matched
  const entries = kind === 'aggregation' || inequalityFields(query.filter).length > 1 ? matched : 0
  const vectors = query.nearest ? matched : 0
  const reads = documents + Math.ceil(entries / ENTRIES_PER_READ) + Math.ceil(vectors / VECTORS_PER_READ)
  const leastReads = reads === 0 ? 1 : 0
  const nanos = Math.max(1000, Math.round(seconds * NANOS))
  return {
    resultsReturned,
    readOperations: reads + leastReads,
    executionDuration: { seconds: Math.floor(nanos / NANOS), nanos: nanos % NANOS },
    debugStats: struct({
      index_entries_scanned: String(matched),
      documents_scanned: String(documents),
      billing_details: struct({
        documents_billable: String(documents),
        index_entries_billable: String(entries),
        ...(query.nearest && { knn_vector_index_entries_billable: String(vectors) }),
        min_query_cost: String(leastReads),
      }),
    }),
  }
}

/** How a query is run, and, if it was, what came of it. */
export const explain = (query: Query, execution: Execution | null): object => ({
  planSummary: { indexesUsed: indexesOf(query) },
  ...(execution && { executionStats: statsOf(query, execution) }),
})
