import { Code, StatusError } from '../../wire/status-error.ts'
import { authoriseOwner, authoriseQuery } from '../access/authorise.ts'
import type { Principal } from '../access/principal.ts'
import type { Engine } from '../engine.ts'
import { NAME_FIELD } from '../field-path.ts'
import { parseDatabaseName, parseDocumentName } from '../names.ts'
import { aggregate, aggregatedFields, parseAggregations } from '../query/aggregate.ts'
import { explain } from '../query/explain.ts'
import { compileCoverage } from '../query/membership.ts'
import { nearestRows } from '../query/nearest.ts'
import { parseQuery } from '../query/parse.ts'
import type { Query } from '../query/query.ts'
import { runQuery, type Row } from '../query/run.ts'
import type { DocumentMessage } from '../values/codec.ts'
import { Reference } from '../values/value.ts'
import { masked } from './documents.ts'
import { readContext, readTimeOf, type ReadContext } from './consistency.ts'
import type { PartitionQueryRequest, RunAggregationQueryRequest, RunQueryRequest } from './messages.ts'

const invalid = (message: string) => new StatusError(Code.INVALID_ARGUMENT, message)

/** Puts what a query returns under the locks of the transaction it is part of. */
export const lockQuery = async ({ locker, coordinator }: ReadContext, query: Query): Promise<void> => {
  if (!locker) return
  await coordinator.lockQuery(locker, { collectionId: query.source.collectionId, covers: compileCoverage(query) })
}

function* documentsOf(query: Query, rows: readonly Row[]): Generator<DocumentMessage> {
  const { nearest, projection } = query
  if (!nearest) {
    for (const { node, version } of rows) yield masked(node, version, projection)
    return
  }
  for (const { row, distance } of nearestRows(rows, nearest)) {
    const document = masked(row.node, row.version, projection)
    const { resultField } = nearest
    yield resultField ? { ...document, fields: document.fields.with(resultField, distance) } : document
  }
}

/** The answer to who asks how a query would be run. */
const planOf = (query: Query, { started }: ReadContext): object => ({
  ...(started && { transaction: started }),
  explainMetrics: explain(query, null),
  done: true,
})

export async function* streamQuery(
  engine: Engine,
  request: RunQueryRequest,
  principal: Principal,
): AsyncGenerator<object, void, void> {
  const query = parseQuery(request.parent, request.structuredQuery)
  authoriseQuery(engine, principal, query)
  const context = readContext(engine, query.database, request)
  const { explainOptions } = request
  if (explainOptions && !explainOptions.analyze) return yield planOf(query, context)
  await lockQuery(context, query)
  const started = performance.now()
  const readTime = readTimeOf(engine, context)
  const { rows, skipped } = runQuery(query, context.database, context.at)
  if (context.started) yield { transaction: context.started }
  let held: object | null = null
  let returned = 0
  for (const document of documentsOf(query, rows)) {
    if (held) yield held
    held = skipped > 0 ? { document, readTime, skippedResults: skipped } : { document, readTime }
    returned++
  }
  const explainMetrics =
    explainOptions &&
    explain(query, {
      kind: 'documents',
      resultsReturned: returned,
      matched: rows.length + skipped,
      seconds: (performance.now() - started) / 1000,
    })
  // The last answer says that it is, and as Google's emulator has it leaves out how many were skipped.
  yield { readTime, ...held, skippedResults: 0, ...(explainMetrics && { explainMetrics }), done: true }
}

export async function* streamAggregation(
  engine: Engine,
  request: RunAggregationQueryRequest,
  principal: Principal,
): AsyncGenerator<object, void, void> {
  const message = request.structuredAggregationQuery
  if (!message) throw invalid('A structured aggregation query is required.')
  const plain = parseQuery(request.parent, message.structuredQuery)
  const aggregations = parseAggregations(message.aggregations)
  const query = { ...plain, required: aggregatedFields(aggregations) }
  authoriseQuery(engine, principal, query)
  const context = readContext(engine, query.database, request)
  const { explainOptions } = request
  if (explainOptions && !explainOptions.analyze) return yield planOf(query, context)
  await lockQuery(context, query)
  const started = performance.now()
  const readTime = readTimeOf(engine, context)
  const { rows } = runQuery(query, context.database, context.at)
  if (context.started) yield { transaction: context.started }
  const answer = { result: { aggregateFields: aggregate(aggregations, rows) }, readTime, done: true }
  if (!explainOptions) return yield answer
  const explainMetrics = explain(query, {
    kind: 'aggregation',
    resultsReturned: 1,
    matched: rows.length,
    seconds: (performance.now() - started) / 1000,
  })
  return yield { ...answer, explainMetrics }
}

/** Names that cut the result of a query into parts of about the same size, in order. */
export const partitionQuery = (engine: Engine, request: PartitionQueryRequest, principal: Principal): object => {
  authoriseOwner(principal, 'Metadata operations')
  const query = parseQuery(request.parent, request.structuredQuery)
  const count = Number(request.partitionCount)
  if (!(count > 0)) throw invalid('partition_count must be greater than zero.')
  if (request.pageSize < 0) throw invalid('Page size must be nonnegative.')
  const byName = query.orders.length === 1 && query.orders[0]?.field === NAME_FIELD && !query.orders[0].descending
  const { source, filter, start, end, offset, limit } = query
  if (source.kind !== 'group' || filter || !byName || start || end || offset > 0 || limit !== Infinity) {
    throw invalid('Only collection group queries ordered by __name__ ascending can be partitioned.')
  }
  const context = readContext(engine, query.database, request)
  const { rows } = runQuery(query, context.database, context.at)
  // More cuts than rows there cannot be, though 2^63 may be asked for.
  const most = Math.min(count, rows.length)
  const size = rows.length / (most + 1)
  const cuts = new Set<string>()
  for (let i = 1; i <= most; i++) {
    const row = rows[Math.floor(i * size)]
    if (row && Math.floor(i * size) > 0) cuts.add(row.node.name)
  }
  const after = request.pageToken
  if (after !== '') parseDocumentName(after)
  const rest = [...cuts].slice(after === '' ? 0 : [...cuts].indexOf(after) + 1)
  const page = request.pageSize > 0 ? rest.slice(0, request.pageSize) : rest
  const partitions = page.map((name) => ({ values: [new Reference(name)], before: true }))
  const last = page.at(-1)
  return page.length < rest.length && last ? { partitions, nextPageToken: last } : { partitions }
}

/** Pipelines are for databases of the enterprise edition, which these are not. */
export async function* executePipeline(_: Engine, request: { database: string }): AsyncGenerator<object, void, void> {
  parseDatabaseName(request.database)
  yield* []
  throw invalid('ExecutePipeline requires the Database Edition to be `enterprise`.')
}
