import { compileMembership } from '../query/membership.ts'
import type { Query } from '../query/query.ts'
import { compareRows, compileRange, compileRow, runQuery, type Row } from '../query/run.ts'
import type { Database } from '../store/database.ts'
import type { DocumentNode, LiveVersion } from '../store/tree.ts'
import { Reference } from '../values/value.ts'
import type { Seen, View } from './view.ts'

// Rows kept beyond the window, so that the store is asked again only when so many have left.
const SPARE = 50

/**
 * A query with a limit or an offset: the rows up to the end of the window, in order, and some to spare. When too few
 * are left, those that follow the last are looked up.
 */
export class WindowView implements View {
  readonly #query: Query
  readonly #database: Database
  readonly #first: number
  readonly #end: number
  readonly #capacity: number
  readonly #compare: (a: Row, b: Row) => number
  readonly #rowOf: (node: DocumentNode) => Row | null
  #rows: Row[] = []
  #byNode = new Map<DocumentNode, Row>()
  /** Whether nothing matches beyond the rows. */
  #complete = false
  #shown = new Set<DocumentNode>()

  constructor(query: Query, database: Database, spare = SPARE) {
    this.#query = query
    this.#database = database
    this.#first = query.offset
    this.#end = query.offset + query.limit
    this.#capacity = this.#end + spare
    this.#compare = compareRows(query)
    const belongs = compileMembership(query)
    const inRange = compileRange(query)
    const rowOf = compileRow(query)
    this.#rowOf = (node) => {
      const version = node.at()
      if (!version || !belongs(node, version.fields)) return null
      const row = rowOf(node, version)
      return inRange(row) ? row : null
    }
  }

  open(): readonly Seen[] {
    this.#rows = []
    this.#byNode.clear()
    this.#complete = false
    this.#refill()
    const shown = this.#rows.slice(this.#first, this.#end)
    this.#shown = new Set(shown.map(({ node }) => node))
    return shown
  }

  at(time: number): readonly Seen[] {
    return runQuery(this.#query, this.#database, time).rows
  }

  apply(changes: ReadonlyMap<DocumentNode, LiveVersion | null>): ReadonlyMap<DocumentNode, boolean> {
    // Beyond the last row there may be others that are not known of, so nothing can be put there.
    const edge = this.#complete ? null : this.#rows.at(-1)
    const concerned = new Set<DocumentNode>()
    for (const node of changes.keys()) if (this.#remove(node)) concerned.add(node)
    for (const node of changes.keys()) {
      const row = this.#rowOf(node)
      if (!row || (edge !== null && (!edge || this.#compare(row, edge) > 0))) continue
      this.#insert(row)
      concerned.add(node)
    }
    const moved = concerned.size
    if (moved === 0) return new Map()
    for (const { node } of this.#trim()) concerned.add(node)
    if (this.#rows.length < this.#end && !this.#complete) this.#refill()
    this.#addNear(this.#first, moved, concerned)
    this.#addNear(this.#end, moved, concerned)
    return this.#show(concerned, changes)
  }

  #position(row: Row): number {
    let low = 0
    let high = this.#rows.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#compare(this.#rows[middle] as Row, row) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  #remove(node: DocumentNode): boolean {
    const row = this.#byNode.get(node)
    if (!row) return false
    this.#rows.splice(this.#position(row), 1)
    this.#byNode.delete(node)
    return true
  }

  #insert(row: Row): void {
    this.#rows.splice(this.#position(row), 0, row)
    this.#byNode.set(row.node, row)
  }

  #trim(): Row[] {
    if (this.#rows.length <= this.#capacity) return []
    const cut = this.#rows.splice(this.#capacity)
    for (const { node } of cut) this.#byNode.delete(node)
    this.#complete = false
    return cut
  }

  #refill(): void {
    const last = this.#rows.at(-1)
    const start = last ? { values: [...last.values, new Reference(last.node.name)], before: false } : this.#query.start
    const limit = this.#capacity - this.#rows.length
    const { rows } = runQuery({ ...this.#query, start, offset: 0, limit }, this.#database)
    for (const row of rows) {
      this.#rows.push(row)
      this.#byNode.set(row.node, row)
    }
    this.#complete = rows.length < limit
  }

  /** Adds the documents that may have crossed an edge of the window when `moved` rows came or went. */
  #addNear(edge: number, moved: number, to: Set<DocumentNode>): void {
    if (edge === 0) return
    for (const { node } of this.#rows.slice(Math.max(0, edge - moved), edge + moved)) to.add(node)
  }

  #show(
    concerned: ReadonlySet<DocumentNode>,
    changes: ReadonlyMap<DocumentNode, unknown>,
  ): ReadonlyMap<DocumentNode, boolean> {
    const result = new Map<DocumentNode, boolean>()
    for (const node of concerned) {
      const row = this.#byNode.get(node)
      const position = row ? this.#position(row) : -1
      const was = this.#shown.has(node)
      if (position >= this.#first && position < this.#end) {
        this.#shown.add(node)
        if (!was || changes.has(node)) result.set(node, true)
      } else if (was) {
        this.#shown.delete(node)
        result.set(node, false)
      }
    }
    return result
  }
}
