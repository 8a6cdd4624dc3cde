import { compileMembership } from '../query/membership.ts'
import type { Query } from '../query/query.ts'
import { compileRange, compileRow, runQuery } from '../query/run.ts'
import type { Database } from '../store/database.ts'
import type { DocumentNode, LiveVersion } from '../store/tree.ts'

/** A document as it was at one moment. */
export interface Seen {
  readonly node: DocumentNode
  readonly version: LiveVersion
}

/** What a target shows. */
export interface View {
  /** Begins to follow, from the latest state: what is shown, in order. */
  open(): readonly Seen[]
  /** What was shown at `time` in microseconds. */
  at(time: number): readonly Seen[]
  /**
   * Takes over changes, each a document and what it was when the view last looked; what it is now is the latest state.
   * Gives the documents that are shown now and were not, or not so (true), and those that are shown no more (false).
   */
  apply(changes: ReadonlyMap<DocumentNode, LiveVersion | null>): ReadonlyMap<DocumentNode, boolean>
}

/** Documents by their paths. */
export class DocumentsView implements View {
  readonly #database: Database
  readonly #paths: readonly (readonly string[])[]

  constructor(database: Database, paths: readonly (readonly string[])[]) {
    this.#database = database
    this.#paths = paths
  }

  open(): readonly Seen[] {
    return this.at()
  }

  at(time?: number): readonly Seen[] {
    return this.#paths.flatMap((path) => {
      const node = this.#database.find(path)
      const version = node?.at(time)
      return node && version ? [{ node, version }] : []
    })
  }

  apply(changes: ReadonlyMap<DocumentNode, LiveVersion | null>): ReadonlyMap<DocumentNode, boolean> {
    const shown = new Map<DocumentNode, boolean>()
    for (const [node, before] of changes) {
      const isThere = node.at() !== null
      if (isThere || before) shown.set(node, isThere)
    }
    return shown
  }
}

/** A query without limit and offset: whether a document belongs can be told from it alone, so nothing is remembered. */
export class UnlimitedView implements View {
  readonly #query: Query
  readonly #database: Database
  readonly #shows: (node: DocumentNode, version: LiveVersion | null) => boolean

  constructor(query: Query, database: Database) {
    this.#query = query
    this.#database = database
    const belongs = compileMembership(query)
    const inRange = compileRange(query)
    const rowOf = compileRow(query)
    this.#shows = (node, version) => version !== null && belongs(node, version.fields) && inRange(rowOf(node, version))
  }

  open(): readonly Seen[] {
    return runQuery(this.#query, this.#database).rows
  }

  at(time: number): readonly Seen[] {
    return runQuery(this.#query, this.#database, time).rows
  }

  apply(changes: ReadonlyMap<DocumentNode, LiveVersion | null>): ReadonlyMap<DocumentNode, boolean> {
    const shown = new Map<DocumentNode, boolean>()
    for (const [node, before] of changes) {
      if (this.#shows(node, node.at())) shown.set(node, true)
      else if (this.#shows(node, before)) shown.set(node, false)
    }
    return shown
  }
}
