import { NAME_FIELD, formatFieldPath } from '../field-path.ts'
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
 * an order besides that of names, one that has all of them before it.
 */
const indexesOf = (query: Query): Struct[] => {
  const fixed = fixedFields(query).map((field): Order => ({ field, descending: false }))
  const isByName = query.orders.length === 1
  if (!isByName || fixed.length === 0) return [indexOf(query, [...fixed, ...query.orders])]
  return fixed.map((order) => indexOf(query, [order, ...query.orders]))
}

/** What came of running a query. */
export interface Execution {
  readonly resultsReturned: number
  readonly documentsRead: number
  readonly indexEntriesRead: number
  /** Billed, of which there is always one. */
  readonly readOperations: number
  readonly seconds: number
}

const NANOS = 1e9

const statsOf = (execution: Execution): object => {
  const { resultsReturned, documentsRead, indexEntriesRead, readOperations, seconds } = execution
  const nanos = Math.max(1000, Math.round(seconds * NANOS))
  return {
    resultsReturned,
    readOperations: Math.max(1, readOperations),
    executionDuration: { seconds: Math.floor(nanos / NANOS), nanos: nanos % NANOS },
    debugStats: struct({
      indexes_entries_scanned: String(indexEntriesRead),
      documents_scanned: String(documentsRead),
      billing_details: struct({
        documents_billable: String(documentsRead),
        index_entries_billable: String(indexEntriesRead),
        min_query_cost: '0',
      }),
    }),
  }
}

/** How a query is run, and, if it was, what came of it. */
export const explain = (query: Query, execution: Execution | null): object => ({
  planSummary: { indexesUsed: indexesOf(query) },
  ...(execution && { executionStats: statsOf(execution) }),
})
