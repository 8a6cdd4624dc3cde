import type { FieldPath } from '../field-path.ts'
import type { Value } from '../values/value.ts'

/** A field of a document, or its name. */
export type QueryField = FieldPath | '__name__'

export type CompareOp =
  | 'LESS_THAN'
  | 'LESS_THAN_OR_EQUAL'
  | 'GREATER_THAN'
  | 'GREATER_THAN_OR_EQUAL'
  | 'EQUAL'
  | 'NOT_EQUAL'
  | 'ARRAY_CONTAINS'
  | 'IN'
  | 'ARRAY_CONTAINS_ANY'
  | 'NOT_IN'

export type UnaryOp = 'IS_NAN' | 'IS_NULL' | 'IS_NOT_NAN' | 'IS_NOT_NULL'

export type Filter =
  | { readonly kind: 'and'; readonly filters: readonly Filter[] }
  | { readonly kind: 'or'; readonly filters: readonly Filter[] }
  | { readonly kind: 'compare'; readonly field: QueryField; readonly op: CompareOp; readonly value: Value }
  | { readonly kind: 'unary'; readonly field: QueryField; readonly op: UnaryOp }

/** A filter on one field. */
export type FieldFilter = Exclude<Filter, { kind: 'and' | 'or' }>

export interface Order {
  readonly field: QueryField
  readonly descending: boolean
}

/** A position in the order: values of its first fields, and whether it lies before or after what equals them. */
export interface Cursor {
  readonly values: readonly Value[]
  readonly before: boolean
}

/** Where a query looks: below `parent`, in one collection, in all of one id, in all directly below, or everywhere. */
export interface Source {
  readonly parent: readonly string[]
  readonly kind: 'collection' | 'group' | 'children' | 'descendants'
  /** '' for `children` and `descendants`. */
  readonly collectionId: string
}

export interface NearestNeighbours {
  readonly field: FieldPath
  readonly vector: readonly number[]
  readonly measure: 'EUCLIDEAN' | 'COSINE' | 'DOT_PRODUCT'
  readonly limit: number
  /** The name of the field that gets the distance; '' for none. */
  readonly resultField: string
  readonly threshold: number | null
}

/** A query that is valid and complete: its order ends with the name. */
export interface Query {
  /** `projects/{p}/databases/{d}` */
  readonly database: string
  readonly source: Source
  readonly filter: Filter | null
  readonly orders: readonly Order[]
  readonly start: Cursor | null
  readonly end: Cursor | null
  readonly offset: number
  readonly limit: number
  /** The fields to return; null for all. */
  readonly projection: readonly FieldPath[] | null
  /** Fields without which a document does not count, besides those of `filter` and `orders`. */
  readonly required: readonly FieldPath[]
  readonly nearest: NearestNeighbours | null
}

export const sameField = (a: QueryField, b: QueryField): boolean =>
  a === b || (a.length === b.length && typeof a !== 'string' && a.every((name, i) => name === b[i]))

/** All filters on single fields in a filter. */
export function* fieldFilters(filter: Filter | null): Generator<FieldFilter> {
  if (!filter) return
  if (filter.kind === 'compare' || filter.kind === 'unary') yield filter
  else for (const inner of filter.filters) yield* fieldFilters(inner)
}
