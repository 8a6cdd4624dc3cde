import { NAME_FIELD } from '../field-path.ts'
import type { Database } from '../store/database.ts'
import {
  childCollections,
  compareNodes,
  descendants,
  type Collection,
  type DocumentNode,
  type LiveVersion,
} from '../store/tree.ts'
import { compareValues } from '../values/order.ts'
import type { Value } from '../values/value.ts'
import { getterOf } from './match.ts'
import { compileMembership } from './membership.ts'
import { planScan, type Scan } from './plan.ts'
import type { Cursor, Query } from './query.ts'

/** A document in a result, with its values in the order of the query. */
export interface Row {
  readonly node: DocumentNode
  readonly version: LiveVersion
  readonly values: readonly Value[]
}

export interface Result {
  readonly rows: readonly Row[]
  /** How many documents the offset passed over. */
  readonly skipped: number
}

function* collectionsOf(query: Query, database: Database): Generator<Collection> {
  const { parent, kind, collectionId } = query.source
  if (kind === 'group') {
    for (const collection of database.group(collectionId)) {
      if (parent.every((segment, i) => segment === collection.segments[i])) yield collection
    }
    return
  }
  const under = database.find(parent)
  if (!under) return
  if (kind === 'children') yield* childCollections(under)
  else {
    const collection = under.collections?.get(collectionId)
    if (collection) yield collection
  }
}

const planFor = (query: Query, database: Database, time: number | undefined): Scan => {
  if (query.source.kind === 'descendants') {
    const under = database.find(query.source.parent)
    return { nodes: under ? descendants(under) : [], order: query.orders[0]?.descending ? 'none' : 'full' }
  }
  const scans = [...collectionsOf(query, database)].map((one) => planScan(query, one, time === undefined))
  if (scans.length === 1) return scans[0] as Scan
  return { nodes: scans.flatMap(({ nodes }) => [...nodes]), order: 'none' }
}

/** Orders rows as the query asks. */
export const compareRows = ({ orders }: Query) => {
  const signs = orders.map(({ descending }) => (descending ? -1 : 1))
  const last = orders.length - 1
  return (a: Row, b: Row): number => {
    for (let i = 0; i < last; i++) {
      const order = compareValues(a.values[i] as Value, b.values[i] as Value)
      if (order !== 0) return order * (signs[i] as number)
    }
    return compareNodes(a.node, b.node) * (signs[last] as number)
  }
}

/** Where a row lies: negative before the cursor's values, 0 at them, positive after. */
const positionOf =
  ({ orders }: Query, getName: (row: Row) => Value | undefined) =>
  (row: Row, cursor: Cursor) => {
    for (let i = 0; i < cursor.values.length; i++) {
      const order = orders[i]
      const value = order?.field === NAME_FIELD ? getName(row) : row.values[i]
      const position = compareValues(value as Value, cursor.values[i] as Value)
      if (position !== 0) return order?.descending ? -position : position
    }
    return 0
  }

/** Whether a row lies between the cursors of the query. */
export const compileRange = (query: Query): ((row: Row) => boolean) => {
  const { start, end } = query
  const name = getterOf(NAME_FIELD)
  const position = positionOf(query, (row) => name(row.node, row.version.fields))
  return (row) => {
    if (start) {
      const at = position(row, start)
      if (at < 0 || (at === 0 && !start.before)) return false
    }
    if (end) {
      const at = position(row, end)
      if (at > 0 || (at === 0 && end.before)) return false
    }
    return true
  }
}

/** How to make a row of a document that belongs to the query. */
export const compileRow = ({ orders }: Query): ((node: DocumentNode, version: LiveVersion) => Row) => {
  const getters = orders.slice(0, -1).map(({ field }) => getterOf(field))
  return (node, version) => ({ node, version, values: getters.map((get) => get(node, version.fields) as Value) })
}

/** Runs a query on the latest state, or on that of `time` in microseconds. */
export const runQuery = (query: Query, database: Database, time?: number): Result => {
  const belongs = compileMembership(query)
  const inRange = compileRange(query)
  const compare = compareRows(query)
  const rowOf = compileRow(query)
  const { nodes, order } = planFor(query, database, time)
  const enough = query.offset + query.limit
  const rows: Row[] = []
  // Where the run of rows begins that have the same first value and are not yet in order.
  let run = 0
  for (const node of nodes) {
    if (order === 'full' && rows.length >= enough) break
    const version = node.at(time)
    if (!version || !belongs(node, version.fields)) continue
    const row = rowOf(node, version)
    if (!inRange(row)) continue
    const last = rows.at(-1)
    if (order === 'first' && last && compareValues(last.values[0] as Value, row.values[0] as Value) !== 0) {
      if (rows.length >= enough) break
      sortFrom(rows, run, compare)
      run = rows.length
    }
    rows.push(row)
  }
  if (order !== 'full') sortFrom(rows, run, compare)
  return { rows: rows.slice(query.offset, enough), skipped: Math.min(query.offset, rows.length) }
}

const sortFrom = (rows: Row[], start: number, compare: (a: Row, b: Row) => number): void => {
  if (start === 0) {
    rows.sort(compare)
    return
  }
  for (const row of rows.splice(start).sort(compare)) rows.push(row)
}
