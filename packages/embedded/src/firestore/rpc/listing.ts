import { Code, StatusError } from '../../wire/status-error.ts'
import { authoriseOwner, authoriseQuery } from '../access/authorise.ts'
import type { Principal } from '../access/principal.ts'
import type { Engine } from '../engine.ts'
import { NAME_FIELD, getField } from '../field-path.ts'
import { compareIds, parseDocumentName, parseParentName, requireCollectionId } from '../names.ts'
import { parseQuery } from '../query/parse.ts'
import { runQuery, type Result } from '../query/run.ts'
import { childCollections, hasDescendants, holdsDocuments } from '../store/tree.ts'
import { MapValue, Reference } from '../values/value.ts'
import { masked, parseMask } from './documents.ts'
import { readContext, type ReadContext } from './consistency.ts'
import type { ListCollectionIdsRequest, ListDocumentsRequest, StructuredQuery } from './messages.ts'
import { lockQuery } from './queries.ts'

const DEFAULT_PAGE_SIZE = 100
const MAX_PAGE_SIZE = 300
const DESCENDING = 2
const ASCENDING = 1

const invalid = (message: string) => new StatusError(Code.INVALID_ARGUMENT, message)

// A page token is the last name of the page before and the state that page was read at.
interface PageToken {
  after: string
  at: number
}

const encodeToken = (token: PageToken): string => Buffer.from(JSON.stringify(token)).toString('base64')

const decodeToken = (text: string): PageToken | null => {
  if (text === '') return null
  try {
    const { after, at } = JSON.parse(Buffer.from(text, 'base64').toString()) as Partial<PageToken>
    if (typeof after === 'string' && typeof at === 'number') return { after, at }
  } catch {
    // Not ours: refused below.
  }
  throw invalid('Invalid page token.')
}

/** `a desc, b`, the order of ListDocuments, as a query has it. */
const parseOrderBy = (text: string): StructuredQuery['orderBy'] =>
  text.trim() === ''
    ? []
    : text.split(',').map((part) => {
        const [fieldPath = '', direction = 'asc', ...more] = part.trim().split(/\s+/)
        if (more.length > 0 || !/^(asc|desc)$/i.test(direction)) throw invalid(`Invalid order_by: "${text}".`)
        return { field: { fieldPath }, direction: direction.toLowerCase() === 'desc' ? DESCENDING : ASCENDING }
      })

const queryOf = (request: ListDocumentsRequest, limit: number): StructuredQuery => ({
  select: null,
  from: [{ collectionId: request.collectionId, allDescendants: false }],
  where: null,
  orderBy: parseOrderBy(request.orderBy),
  startAt: null,
  endAt: null,
  offset: 0,
  limit: { value: limit },
  findNearest: null,
})

const requireListable = (request: ListDocumentsRequest): void => {
  if (request.pageSize < 0) throw invalid('Page size must be nonnegative.')
  if (!request.showMissing) return
  if (request.collectionId === '') throw invalid('collection id must be set when show_missing is true')
  if (request.orderBy !== '') throw invalid('order by must not be set when show_missing is true')
}

/** The ids in a collection of documents that are, or that only have documents below them. */
const listWithMissing = (
  { database, at }: ReadContext,
  request: ListDocumentsRequest,
  after: string,
  limit: number,
) => {
  const { segments } = parseParentName(request.parent)
  const collection = database.findCollection([...segments, request.collectionId])
  const nodes = [...(collection?.nodes.values() ?? [])]
  // As in Google's emulator, whole documents whatever the mask.
  return nodes
    .filter((node) => after === '' || compareIds(node.id, after.slice(after.lastIndexOf('/') + 1)) > 0)
    .filter((node) => node.at(at) || hasDescendants(node, at))
    .slice(0, limit)
    .map((node) => {
      const version = node.at(at)
      return version ? node.toMessage(version) : { name: node.name, fields: MapValue.EMPTY }
    })
}

/** The rows of a page after the document `after`. */
const listExisting = async (
  engine: Engine,
  principal: Principal,
  context: ReadContext,
  request: ListDocumentsRequest,
  after: string,
  limit: number,
) => {
  const query = parseQuery(request.parent, queryOf(request, limit))
  authoriseQuery(engine, principal, query)
  await lockQuery(context, query)
  let result: Result
  if (after === '') result = runQuery(query, context.database, context.at)
  else {
    // The place of the last document is that of its values, which are those of the state the pages are read at.
    const { segments } = parseDocumentName(after)
    const version = context.database.find(segments)?.at(context.at)
    const values = query.orders.map(({ field }) =>
      field === NAME_FIELD ? new Reference(after) : ((version && getField(version.fields, field)) ?? null),
    )
    result = runQuery({ ...query, start: { values, before: false } }, context.database, context.at)
  }
  const mask = parseMask(request.mask)
  return result.rows.map(({ node, version }) => masked(node, version, mask))
}

export const listDocuments = async (
  engine: Engine,
  request: ListDocumentsRequest,
  principal: Principal,
): Promise<object> => {
  const { database } = parseParentName(request.parent)
  requireListable(request)
  if (request.collectionId !== '') requireCollectionId(request.collectionId)
  if (request.showMissing) authoriseOwner(principal, 'Metadata operations')
  const token = decodeToken(request.pageToken)
  const own = readContext(engine, database, request)
  // Later pages read the state of the first, unless a transaction says which.
  const context = token && own.at === undefined && !own.locker ? { ...own, at: token.at } : own
  const limit = Math.min(request.pageSize || DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)
  const at = context.at ?? engine.store.timeline.read()
  const after = token?.after ?? ''
  const documents = request.showMissing
    ? listWithMissing(context, request, after, limit)
    : await listExisting(engine, principal, context, request, after, limit)
  const last = documents.at(-1)
  return documents.length === limit && last
    ? { documents, nextPageToken: encodeToken({ after: last.name, at }) }
    : { documents }
}

export const listCollectionIds = (engine: Engine, request: ListCollectionIdsRequest, principal: Principal): object => {
  const { database, segments } = parseParentName(request.parent)
  if (request.pageSize < 0) throw invalid('page_size must be greater than or equal to zero.')
  authoriseOwner(principal, 'Metadata operations')
  const token = decodeToken(request.pageToken)
  const { at = token?.at, ...context } = readContext(engine, database, request)
  const node = context.database.find(segments)
  const ids = (node ? childCollections(node) : [])
    .filter((collection) => !token || compareIds(collection.id, token.after) > 0)
    .filter((collection) => holdsDocuments(collection, at))
    .map(({ id }) => id)
  const limit = request.pageSize || MAX_PAGE_SIZE
  const page = ids.slice(0, limit)
  if (ids.length <= limit) return { collectionIds: page }
  const after = page.at(-1) as string
  return { collectionIds: page, nextPageToken: encodeToken({ after, at: at ?? engine.store.timeline.read() }) }
}
