import { Code, StatusError } from '../../wire/status-error.ts'
import { NAME_FIELD, parseFieldPath, type FieldPath } from '../field-path.ts'
import { parseParentName, requireCollectionId } from '../names.ts'
import type * as messages from '../rpc/messages.ts'
import { requireVector } from '../values/limits.ts'
import { MapValue, Reference, compareUtf8, vectorElements } from '../values/value.ts'
import { fieldText, isInequality, parseField, parseFilter } from './parse-filter.ts'
import {
  fieldFilters,
  sameField,
  type Cursor,
  type Filter,
  type NearestNeighbours,
  type Order,
  type Query,
  type Source,
} from './query.ts'

const DESCENDING = 2
const MAX_NEAREST = 1000
const MAX_COMPONENTS = 100

const invalid = (message: string) => new StatusError(Code.INVALID_ARGUMENT, message)

const parseSource = (parent: readonly string[], from: messages.StructuredQuery['from']): Source => {
  if (from.length > 1) throw invalid('StructuredQuery.from cannot have more than one collection selector.')
  const { collectionId = '', allDescendants = false } = from[0] ?? {}
  if (collectionId === '') return { parent, kind: allDescendants ? 'descendants' : 'children', collectionId }
  requireCollectionId(collectionId)
  return { parent, kind: allDescendants ? 'group' : 'collection', collectionId }
}

const comparePaths = (a: FieldPath, b: FieldPath): number => {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = compareUtf8(a[i] as string, b[i] as string)
    if (order !== 0) return order
  }
  return a.length - b.length
}

/** The order asked for, then the fields of inequalities that are not in it, then the name. */
const completeOrders = (explicit: readonly Order[], filter: Filter | null): Order[] => {
  const orders = [...explicit]
  const descending = explicit.at(-1)?.descending ?? false
  const implied = [...fieldFilters(filter)]
    .filter((single) => isInequality(single) && single.field !== NAME_FIELD)
    .map(({ field }) => field as FieldPath)
    .toSorted(comparePaths)
  for (const field of [...implied, NAME_FIELD] as const) {
    if (!orders.some((order) => sameField(order.field, field))) orders.push({ field, descending })
  }
  const name = orders.findIndex(({ field }) => field === NAME_FIELD)
  if (name < orders.length - 1) throw invalid('order by clause cannot contain more fields after the key')
  return orders
}

const parseOrders = (message: messages.StructuredQuery['orderBy'], kindless: boolean): Order[] => {
  const orders = message.map(({ field, direction }) => ({
    field: parseField(field),
    descending: direction === DESCENDING,
  }))
  const seen = new Set<string>()
  orders.forEach(({ field }) => {
    const text = fieldText(field)
    if (seen.has(text)) throw invalid(`order by clause cannot contain duplicate fields ${text}`)
    seen.add(text)
    if (kindless && field !== NAME_FIELD) {
      throw invalid('kind is required for all orders except __key__ ascending')
    }
  })
  return orders
}

const parseCursor = (message: messages.Cursor | null, explicit: readonly Order[]): Cursor | null => {
  if (!message) return null
  if (message.values.length > explicit.length) throw invalid('Cursor has too many values.')
  message.values.forEach((value, i) => {
    if (explicit[i]?.field !== NAME_FIELD) return
    if (!(value instanceof Reference)) throw invalid('Cursor __key__ value is not a document reference.')
    parseParentName(value.name)
  })
  return { values: message.values, before: message.before }
}

const MEASURES: Record<number, NearestNeighbours['measure']> = { 1: 'EUCLIDEAN', 2: 'COSINE', 3: 'DOT_PRODUCT' }

const parseNearest = (message: messages.FindNearest | null): NearestNeighbours | null => {
  if (!message) return null
  const measure = MEASURES[message.distanceMeasure]
  if (!measure) throw invalid('FindNearest.distance_measure is not valid.')
  const limit = message.limit?.value ?? 0
  if (limit <= 0 || limit > MAX_NEAREST) {
    throw invalid(`FindNearest.limit must be a positive integer of no more than ${MAX_NEAREST}.`)
  }
  if (!(message.queryVector instanceof MapValue) || !vectorElements(message.queryVector)) {
    throw invalid('FindNearest.query_vector must be a vector.')
  }
  return {
    field: parseFieldPath(message.vectorField?.fieldPath ?? ''),
    vector: requireVector(message.queryVector),
    measure,
    limit,
    resultField: message.distanceResultField,
    threshold: message.distanceThreshold?.value ?? null,
  }
}

const parseLimit = (limit: { value: number } | null): number => {
  if (limit && limit.value < 0) throw invalid('limit is negative')
  return limit?.value ?? Infinity
}

// Names are indexed in one direction. Production says that it lacks an index (firebase/flutterfire#4398), the emulator this.
const requireNameOrder = ([first, second]: readonly Order[], filter: Filter | null): void => {
  if (first?.field !== NAME_FIELD || !first.descending || second) return
  for (const { field } of fieldFilters(filter)) if (field !== NAME_FIELD) return
  throw new StatusError(Code.FAILED_PRECONDITION, 'Firestore does not support descending key scans')
}

const requireFewComponents = (filter: Filter | null, orders: readonly Order[], parent: readonly string[]): void => {
  const filters = [...fieldFilters(filter)].length
  const ancestors = parent.length > 0 ? 1 : 0
  if (filters + orders.length + ancestors <= MAX_COMPONENTS) return
  throw invalid(
    `The query may not have more than ${MAX_COMPONENTS} filters + sort orders + ancestor total. Currently there are ` +
      `${filters} filters, ${orders.length} sort orders, and ${ancestors > 0 ? 'one' : 'no'} ancestor filter.`,
  )
}

/**
 * Checks a query below `parentName` and completes it.
 * Throws INVALID_ARGUMENT, or FAILED_PRECONDITION for what no index could serve.
 */
export const parseQuery = (parentName: string, message: messages.StructuredQuery | null): Query => {
  const parent = parseParentName(parentName)
  if (!message) throw invalid('A structured query is required.')
  const source = parseSource(parent.segments, message.from)
  const kindless = source.collectionId === ''
  const limit = parseLimit(message.limit)
  if (message.offset < 0) throw invalid('offset is negative')
  const filter = parseFilter(message.where, kindless)
  const explicit = parseOrders(message.orderBy, kindless)
  requireNameOrder(explicit, filter)
  requireFewComponents(filter, explicit, parent.segments)
  return {
    database: parent.database,
    source,
    filter,
    orders: completeOrders(explicit, filter),
    start: parseCursor(message.startAt, explicit),
    end: parseCursor(message.endAt, explicit),
    offset: message.offset,
    limit,
    projection: message.select ? message.select.fields.map(parseField).filter((field) => field !== NAME_FIELD) : null,
    required: [],
    nearest: parseNearest(message.findNearest),
  }
}
