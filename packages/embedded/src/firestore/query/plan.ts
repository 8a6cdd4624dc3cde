import { NAME_FIELD } from '../field-path.ts'
import { compareKeys, type FieldIndex, type IndexKey, type Selection } from '../store/field-index.ts'
import { compareIds } from '../names.ts'
import type { Collection, DocumentNode } from '../store/tree.ts'
import { Rank, rankOf } from '../values/order.ts'
import { GeoPoint, MapValue, Reference, Timestamp, isArray, type Value } from '../values/value.ts'
import { sameField, type FieldFilter, type Query, type QueryField } from './query.ts'

/** Documents that may match, and how far their order is that of the query: not at all, by its first field, or wholly. */
export interface Scan {
  readonly nodes: Iterable<DocumentNode>
  readonly order: 'none' | 'first' | 'full'
}

// Below this a collection is looked through faster than an index pays.
const MIN_INDEXED = 256
// An equality that more documents than this satisfy is not worth following when the order leads there sooner.
const MAX_SELECTED = 5000

const LOWEST: Record<number, Value> = {
  [Rank.NULL]: null,
  [Rank.BOOLEAN]: false,
  [Rank.NUMBER]: Number.NaN,
  [Rank.TIMESTAMP]: new Timestamp(-Infinity, 0),
  [Rank.STRING]: '',
  [Rank.BYTES]: new Uint8Array(),
  [Rank.REFERENCE]: new Reference(''),
  [Rank.GEO_POINT]: new GeoPoint(-Infinity, -Infinity),
  [Rank.ARRAY]: [],
  [Rank.VECTOR]: new MapValue(['__type__', 'value'], ['__vector__', []]),
  [Rank.MAP]: MapValue.EMPTY,
}

const before = (value: Value): IndexKey => ({ value, edge: 'before' })
const after = (value: Value): IndexKey => ({ value, edge: 'after' })

const FIRST = before(null)
// No value sorts after this: a map whose only key is the last of all strings.
const LAST = after(new MapValue(['\u{10ffff}'.repeat(400)], [null]))

const maxKey = (a: IndexKey, b: IndexKey): IndexKey => (compareKeys(a, b) >= 0 ? a : b)
const minKey = (a: IndexKey, b: IndexKey): IndexKey => (compareKeys(a, b) <= 0 ? a : b)

/** The filters that every document of the result passes. */
export const conjuncts = ({ filter }: Query): readonly FieldFilter[] => {
  if (!filter || filter.kind === 'or') return []
  if (filter.kind !== 'and') return [filter]
  return filter.filters.filter((one) => one.kind === 'compare' || one.kind === 'unary')
}

/** The part of an index on `field` in which all that pass the filters and lie between the cursors are. */
const boundsOf = (query: Query, field: QueryField): [IndexKey, IndexKey] => {
  let low = FIRST
  let high = LAST
  for (const one of conjuncts(query)) {
    if (one.kind !== 'compare' || !sameField(one.field, field)) continue
    const { op, value } = one
    const rank = rankOf(value)
    if (op.startsWith('LESS_THAN')) {
      low = maxKey(low, before(LOWEST[rank] as Value))
      high = minKey(high, after(value))
    } else if (op.startsWith('GREATER_THAN')) {
      low = maxKey(low, before(value))
      if (rank < Rank.MAP) high = minKey(high, before(LOWEST[rank + 1] as Value))
    } else if (op === 'EQUAL') {
      low = maxKey(low, before(value))
      high = minKey(high, after(value))
    }
  }
  const { orders, start, end } = query
  const [first] = orders
  if (!first || !sameField(first.field, field)) return [low, high]
  const [from, to] = first.descending ? [end, start] : [start, end]
  if (from && from.values.length > 0) low = maxKey(low, before(from.values[0] as Value))
  if (to && to.values.length > 0) high = minKey(high, after(to.values[0] as Value))
  return [low, high]
}

/** The documents with one of some values in an index, or null when there are too many. */
const selected = (index: FieldIndex, values: readonly Value[], descending: boolean, atMost: number) => {
  const nodes = new Set<DocumentNode>()
  for (const value of values) {
    for (const node of index.between(before(value), after(value), descending)) {
      nodes.add(node)
      if (nodes.size > atMost) return null
    }
  }
  return nodes
}

/** The documents that equalities on one field select, or null when there is no such filter, or all select too many. */
const bySelection = (query: Query, collection: Collection, atMost: number): Scan | null => {
  for (const one of conjuncts(query)) {
    if (one.kind !== 'compare' || one.field === NAME_FIELD) continue
    const values = one.op === 'EQUAL' ? [one.value] : one.op === 'IN' && isArray(one.value) ? one.value : null
    const index = values && collection.index(one.field)
    if (!index) continue
    const inOrder = query.orders.length === 1 && values.length === 1
    const nodes = selected(index, values, inOrder && query.orders[0]?.descending === true, atMost)
    if (nodes) return { nodes, order: inOrder ? 'full' : 'none' }
  }
  return null
}

const byOrder = (query: Query, collection: Collection): Scan | null => {
  const [first, second] = query.orders
  if (!first || !second || first.field === NAME_FIELD) return null
  const index = collection.index(first.field)
  if (!index) return null
  const nodes = index.between(...boundsOf(query, first.field), first.descending)
  const whole = second.field === NAME_FIELD && second.descending === first.descending
  return { nodes, order: whole ? 'full' : 'first' }
}

/** The id in `collection` at or above which a document with this name lies. */
const idIn = (collection: Collection, value: Value | undefined): string | null =>
  value instanceof Reference && value.name.startsWith(collection.prefix)
    ? (value.name.slice(collection.prefix.length).split('/')[0] as string)
    : null

/** Between which ids the documents of a query lie that is ordered by name. */
const idsOf = (query: Query, collection: Collection) => {
  const descending = query.orders[0]?.descending === true
  let low: string | undefined
  let high: string | undefined
  const raise = (id: string | null) => {
    if (id !== null && (low === undefined || compareIds(id, low) > 0)) low = id
  }
  const lower = (id: string | null) => {
    if (id !== null && (high === undefined || compareIds(id, high) < 0)) high = id
  }
  for (const one of conjuncts(query)) {
    if (one.kind !== 'compare' || one.field !== NAME_FIELD) continue
    const id = idIn(collection, one.value)
    if (one.op === 'EQUAL' || one.op.startsWith('GREATER_THAN')) raise(id)
    if (one.op === 'EQUAL' || one.op.startsWith('LESS_THAN')) lower(id)
  }
  const [from, to] = descending ? [query.end, query.start] : [query.start, query.end]
  raise(idIn(collection, from?.values[0]))
  lower(idIn(collection, to?.values[0]))
  return { low, high, descending }
}

const byName = (query: Query, collection: Collection): Scan => {
  const { low, high, descending } = idsOf(query, collection)
  return { nodes: namesBetween(collection, low, high, descending), order: 'full' }
}

/**
 * The documents that pass every equality, by merging the indexes of their fields, as production answers equalities that no
 * composite index is for.
 */
const byMerging = (query: Query, collection: Collection): Scan | null => {
  const { low, high, descending } = idsOf(query, collection)
  const selections: Selection[] = []
  for (const one of conjuncts(query)) {
    const index =
      one.kind === 'compare' && one.op === 'EQUAL' && one.field !== NAME_FIELD && collection.index(one.field)
    if (!index) continue
    const selection = index.select(one.value)
    if (!selection) return { nodes: [], order: 'full' }
    selections.push(selection)
  }
  if (selections.length === 0) return null
  // The rarest leads: the others are asked only for what it has.
  selections.sort((a, b) => a.size - b.size)
  const seeks = selections.map(
    ({ seek }): Seek =>
      (from, isPast) =>
        seek(from, { isPast, descending }),
  )
  const [from, to] = descending ? [high, low] : [low, high]
  const isBeyond = (id: string) => to !== undefined && (descending ? compareIds(id, to) < 0 : compareIds(id, to) > 0)
  return { nodes: merged(seeks, from, isBeyond), order: 'full' }
}

/** The next document of a selection, from an id on, or past it. */
type Seek = (from: string | undefined, isPast: boolean) => DocumentNode | undefined

// Each index in turn leaps to the document that the one before it has reached, until a round moves none of them.
function* merged(seeks: readonly Seek[], from: string | undefined, isBeyond: (id: string) => boolean) {
  let reached = seeks[0]?.(from, false)
  while (reached && !isBeyond(reached.id)) {
    let next: DocumentNode = reached
    for (const seek of seeks) {
      const found = seek(next.id, false)
      if (!found) return
      next = found
    }
    if (next === reached) {
      yield reached
      reached = seeks[0]?.(reached.id, true)
    } else reached = next
  }
}

function* namesBetween(
  { nodes }: Collection,
  low: string | undefined,
  high: string | undefined,
  descending: boolean,
): Generator<DocumentNode> {
  for (const [id, node] of descending ? nodes.entriesReversed(high) : nodes.entries(low)) {
    if (descending ? low !== undefined && compareIds(id, low) < 0 : high !== undefined && compareIds(id, high) > 0)
      return
    yield node
  }
}

/** How to look through one collection; `latest` when its indexes, which are of the latest state, may be used. */
export const planScan = (query: Query, collection: Collection, latest: boolean): Scan => {
  const ordersByName = query.orders[0]?.field === NAME_FIELD
  if (latest && collection.size >= MIN_INDEXED) {
    const merging = ordersByName ? byMerging(query, collection) : null
    if (merging) return merging
    const few = bySelection(query, collection, MAX_SELECTED)
    const scan = few ?? (query.limit === Infinity ? bySelection(query, collection, Infinity) : null)
    const ordered = scan ?? byOrder(query, collection)
    if (ordered) return ordered
  }
  return ordersByName ? byName(query, collection) : { nodes: collection.nodes.values(), order: 'none' }
}
