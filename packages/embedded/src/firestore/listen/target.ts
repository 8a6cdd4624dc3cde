import { authoriseGet, authoriseQuery } from '../access/authorise.ts'
import type { Principal } from '../access/principal.ts'
import { Code, StatusError } from '../../wire/status-error.ts'
import type { Engine } from '../engine.ts'
import type { FieldPath } from '../field-path.ts'
import { parseDocumentName } from '../names.ts'
import { parseQuery } from '../query/parse.ts'
import type { TargetMessage } from '../rpc/messages.ts'
import type { Database } from '../store/database.ts'
import type { DocumentNode } from '../store/tree.ts'
import { DocumentsView, UnlimitedView, type View } from './view.ts'
import { placeOf } from './watch-index.ts'
import { WindowView } from './window-view.ts'

/** What a client asks to be told of. */
export interface Target {
  readonly view: View
  /** Where its documents lie, as the `WatchIndex` knows places. */
  readonly places: readonly string[]
  /** The names of its documents, if it was given by names. */
  readonly names: readonly string[]
  /** The fields to tell of; null for all. */
  readonly projection: readonly FieldPath[] | null
  /** Whether the client may see it, or now that some documents of it have changed. Throws PERMISSION_DENIED. */
  authorise(changed?: Iterable<DocumentNode>): void
}

const invalid = (message: string) => new StatusError(Code.INVALID_ARGUMENT, message)

/** What a target is made for: who asks for it, and where. */
export interface TargetContext {
  readonly engine: Engine
  readonly principal: Principal
  readonly database: Database
}

const documentsTarget = ({ engine, principal, database }: TargetContext, documents: readonly string[]): Target => {
  const names = [...new Set(documents)]
  const paths = names.map((name) => {
    const parsed = parseDocumentName(name)
    if (parsed.database === database.name) return parsed.segments
    throw invalid(`Document "${name}" is not in database "${database.name}".`)
  })
  const authorise = (changed?: Iterable<DocumentNode>): void => {
    const concerned = changed ? Array.from(changed, ({ segments }) => segments) : paths
    for (const path of concerned) authoriseGet(engine, principal, database, path, database.find(path)?.at() ?? null)
  }
  return { view: new DocumentsView(database, paths), places: names, names, projection: null, authorise }
}

const queryTarget = (
  context: TargetContext,
  { parent, structuredQuery }: NonNullable<TargetMessage['query']>,
): Target => {
  const { engine, principal, database } = context
  const query = parseQuery(parent, structuredQuery)
  if (query.database !== database.name) throw invalid(`"${parent}" is not in database "${database.name}".`)
  if (query.nearest) throw invalid('Listening to a query with find_nearest is not supported.')
  const limited = query.limit !== Infinity || query.offset > 0
  return {
    view: limited ? new WindowView(query, database) : new UnlimitedView(query, database),
    places: [placeOf(database.root.name, query.source)],
    names: [],
    projection: query.projection,
    authorise: () => authoriseQuery(engine, principal, query),
  }
}

/** Reads a target and checks that the client may see it. Throws INVALID_ARGUMENT or PERMISSION_DENIED. */
export const parseTarget = (context: TargetContext, message: TargetMessage): Target => {
  const { targetType, query, documents } = message
  if (targetType === 'documents' && documents) return documentsTarget(context, documents.documents)
  if (targetType === 'query' && query) return queryTarget(context, query)
  throw invalid('A target must have documents or a query.')
}
