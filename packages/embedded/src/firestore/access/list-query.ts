import type { Constraint, ConstraintOperator, ListQuery, RulesValue } from '../../rules/index.ts'
import type { Query, FieldFilter, Filter, CompareOp, UnaryOp } from '../query/query.ts'
import { rulesPath, rulesValue } from './rules-values.ts'

const COMPARE: Record<CompareOp, ConstraintOperator> = {
  LESS_THAN: '<',
  LESS_THAN_OR_EQUAL: '<=',
  GREATER_THAN: '>',
  GREATER_THAN_OR_EQUAL: '>=',
  EQUAL: '==',
  NOT_EQUAL: '!=',
  ARRAY_CONTAINS: 'array-contains',
  IN: 'in',
  ARRAY_CONTAINS_ANY: 'array-contains-any',
  NOT_IN: 'not-in',
}

const UNARY: Record<UnaryOp, { operator: ConstraintOperator; value: RulesValue }> = {
  IS_NAN: { operator: '==', value: NaN },
  IS_NULL: { operator: '==', value: null },
  IS_NOT_NAN: { operator: '!=', value: NaN },
  IS_NOT_NULL: { operator: '!=', value: null },
}

const fieldConstraint = (filter: FieldFilter): Constraint => {
  const { field } = filter
  if (filter.kind === 'unary') return { kind: 'field', field, ...UNARY[filter.op] }
  return { kind: 'field', field, operator: COMPARE[filter.op], value: rulesValue(filter.value) }
}

const constraintOf = (filter: Filter): Constraint =>
  filter.kind === 'and' || filter.kind === 'or'
    ? { kind: filter.kind, constraints: filter.filters.map(constraintOf) }
    : fieldConstraint(filter)

/** What rules are told of a query. */
export const listQueryOf = ({ filter, orders, limit, offset, source, nearest }: Query): ListQuery => {
  const most = Math.min(limit, nearest?.limit ?? Infinity)
  return {
    constraint: filter && constraintOf(filter),
    orderBy: orders.map(({ field, descending }) => ({ field, direction: descending ? 'DESC' : 'ASC' })),
    limit: most === Infinity ? null : most,
    offset: offset > 0 ? offset : null,
    // Of collections of any id only a rule for every path is sure to allow all.
    allDescendants: source.kind !== 'collection',
  }
}

/** The path at which rules are asked about a query. */
export const listPathOf = ({ database, source }: Query): readonly string[] =>
  rulesPath(database, [...source.parent, source.collectionId])
