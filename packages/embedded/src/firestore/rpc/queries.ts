import type { Engine } from '../engine.ts'
import { parseQuery } from '../query/parse.ts'
import type { Query } from '../query/query.ts'
import { compileCoverage } from '../query/membership.ts'
import { runQuery } from '../query/run.ts'
import { masked } from './documents.ts'
import { readContext, readTimeOf, type ReadContext } from './consistency.ts'
import type { RunQueryRequest } from './messages.ts'

/** Puts what a query returns under the locks of the transaction it is part of. */
export const lockQuery = async ({ locker, coordinator }: ReadContext, query: Query): Promise<void> => {
  if (!locker) return
  await coordinator.lockQuery(locker, { collectionId: query.source.collectionId, covers: compileCoverage(query) })
}

export async function* streamQuery(engine: Engine, request: RunQueryRequest): AsyncGenerator<object> {
  const query = parseQuery(request.parent, request.structuredQuery)
  const context = readContext(engine, query.database, request)
  await lockQuery(context, query)
  const readTime = readTimeOf(engine, context)
  if (context.started) yield { transaction: context.started }
  const { rows, skipped } = runQuery(query, context.database, context.at)
  for (let i = 0; i < rows.length - 1; i++) {
    const { node, version } = rows[i] as (typeof rows)[number]
    const document = masked(node, version, query.projection)
    yield skipped > 0 ? { document, readTime, skippedResults: skipped } : { document, readTime }
  }
  const last = rows.at(-1)
  // Google's client takes the first read time for the result's, so an empty result carries one too.
  if (last) yield { document: masked(last.node, last.version, query.projection), readTime, done: true }
  else yield { readTime, done: true }
}
