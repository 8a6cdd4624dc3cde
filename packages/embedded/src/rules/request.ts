import type { Method } from './syntax/ast.ts'
import type { RulesMap, RulesValue, Timestamp } from './values/value.ts'

export type Service = 'cloud.firestore' | 'firebase.storage'

/** A field by its names from the outside in, or the document's name. */
export type ConstraintField = readonly string[] | '__name__'

export type ConstraintOperator =
  | '=='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | 'in'
  | 'not-in'
  | 'array-contains'
  | 'array-contains-any'

/**
 * What every document that a query can return fulfils. `value` of `in`, `not-in` and `array-contains-any` is a list; of
 * `__name__` a Path (databases/{d}/documents/..). IS_NULL is `== null`, IS_NAN is `== NaN`, and so with their negations.
 */
export type Constraint =
  | { readonly kind: 'and' | 'or'; readonly constraints: readonly Constraint[] }
  | {
      readonly kind: 'field'
      readonly field: ConstraintField
      readonly operator: ConstraintOperator
      readonly value: RulesValue
    }

/** A Firestore query, as far as rules can tell its results. Cursors and projections do not count. */
export interface ListQuery {
  readonly constraint: Constraint | null
  /** Fields in order: a document without one of them is not returned. `__name__` may stand among them. */
  readonly orderBy: readonly { readonly field: ConstraintField; readonly direction: 'ASC' | 'DESC' }[]
  readonly limit: number | null
  readonly offset: number | null
  /** Whether collections of this id at any depth below are meant, not only the one at the path. */
  readonly allDescendants: boolean
}

/**
 * Gives a document as rules see it (`resourceOf`), or null where there is none. `path` is that of `request.path`. May
 * throw whatever the caller likes to stop the decision, for instance to fetch the document and to decide again:
 * it comes out of `decide` as it was thrown.
 */
export type Lookup = (path: readonly string[], when: 'before' | 'after') => RulesMap | null

export interface RulesRequest {
  readonly service: Service
  readonly method: Method
  /**
   * Segments of the whole path: databases/{database}/documents/.. of the document; of the collection for `list` in
   * Firestore (with `query.allDescendants`, the parent's path and then the collection's id); b/{bucket}/o/.. in Storage.
   */
  readonly path: readonly string[]
  /** In Storage's `list`: `path` is that of a folder, and what the rules must allow is what lies in it, or all below. */
  readonly folder?: 'children' | 'descendants'
  /** `request.auth`: null, or a map of uid and token. */
  readonly auth: RulesMap | null
  readonly time: Timestamp
  /** `resource`: what is stored, `resourceOf` in Firestore; null where nothing is. Not read where `query` is given. */
  readonly resource: RulesMap | null
  /** `request.resource`: what will be stored. Absent where the request has none (reads), null for a delete. */
  readonly requestResource?: RulesMap | null
  /** For `list` in Firestore. */
  readonly query?: ListQuery
  readonly lookup?: Lookup
  /** Documents that this request has read for rules so far. One per request (commit, batch), shared by its decisions. */
  readonly accesses?: DocumentAccesses
}

/**
 * The documents that rules have read for one request, of which repeats are free. Besides, a decision reads 10 at most in
 * Firestore, and that of a query 20.
 */
export class DocumentAccesses {
  /** 10 for a single document, 20 for a request of several documents. A query has 20 in any case. */
  readonly limit: number
  /** What was found, by `before` or `after` and the path. */
  readonly seen = new Map<string, RulesMap | null>()
  constructor(limit: number) {
    this.limit = limit
  }
}
