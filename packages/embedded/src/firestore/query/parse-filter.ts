import { Code, StatusError } from '../../wire/status-error.ts'
import { NAME_FIELD, formatFieldPath, parseFieldPath } from '../field-path.ts'
import { parseParentName } from '../names.ts'
import type * as messages from '../rpc/messages.ts'
import { Reference, isArray, type Value } from '../values/value.ts'
import {
  fieldFilters,
  sameField,
  type CompareOp,
  type FieldFilter,
  type Filter,
  type QueryField,
  type UnaryOp,
} from './query.ts'

const COMPARE_OPS: Record<number, CompareOp> = {
  1: 'LESS_THAN',
  2: 'LESS_THAN_OR_EQUAL',
  3: 'GREATER_THAN',
  4: 'GREATER_THAN_OR_EQUAL',
  5: 'EQUAL',
  6: 'NOT_EQUAL',
  7: 'ARRAY_CONTAINS',
  8: 'IN',
  9: 'ARRAY_CONTAINS_ANY',
  10: 'NOT_IN',
}
const UNARY_OPS: Record<number, UnaryOp> = { 2: 'IS_NAN', 3: 'IS_NULL', 4: 'IS_NOT_NAN', 5: 'IS_NOT_NULL' }
const COMPOSITE_OPS: Record<number, 'and' | 'or'> = { 1: 'and', 2: 'or' }

const MAX_VALUES: Partial<Record<CompareOp, number>> = { IN: 30, ARRAY_CONTAINS_ANY: 30, NOT_IN: 10 }
const MAX_DISJUNCTIONS = 30
const MAX_INEQUALITY_FIELDS = 10

const invalid = (message: string) => new StatusError(Code.INVALID_ARGUMENT, message)

export const parseField = (reference: messages.FieldReference | null | undefined): QueryField => {
  const path = reference?.fieldPath ?? ''
  return path === NAME_FIELD ? NAME_FIELD : parseFieldPath(path)
}

/** How a field is called in messages. */
export const fieldText = (field: QueryField): string => (field === NAME_FIELD ? '__key__' : formatFieldPath(field))

const keyRequired = () => invalid('__key__ filter value must be a Key')

const requireKey = (value: Value): void => {
  if (!(value instanceof Reference)) throw keyRequired()
  parseParentName(value.name)
}

const parseCompare = (message: NonNullable<messages.Filter['fieldFilter']>): Filter => {
  const op = COMPARE_OPS[message.op]
  if (!op) throw invalid('Unknown FieldFilter operator.')
  const field = parseField(message.field)
  const { value } = message
  const most = MAX_VALUES[op]
  if (most !== undefined) {
    if (!isArray(value)) throw invalid(`'${op}' requires an ArrayValue.`)
    if (value.length === 0) throw invalid(`'${op}' requires an non-empty ArrayValue.`)
    if (value.length > most) throw invalid(`'${op}' supports up to ${most} comparison values.`)
  }
  if (field === NAME_FIELD) {
    if (op === 'ARRAY_CONTAINS' || op === 'ARRAY_CONTAINS_ANY') throw invalid('the name __key__ is reserved')
    for (const key of isArray(value) ? value : [value]) requireKey(key)
  }
  return { kind: 'compare', field, op, value }
}

const parse = (message: messages.Filter): Filter | null => {
  if (message.fieldFilter) return parseCompare(message.fieldFilter)
  if (message.unaryFilter) {
    const op = UNARY_OPS[message.unaryFilter.op]
    if (!op) throw invalid('Unknown UnaryFilter operator.')
    const field = parseField(message.unaryFilter.field)
    if (field === NAME_FIELD) throw keyRequired()
    return { kind: 'unary', field, op }
  }
  if (!message.compositeFilter) return null
  const kind = COMPOSITE_OPS[message.compositeFilter.op]
  if (!kind) throw invalid('Unsupported CompositeFilter operator.')
  const filters = message.compositeFilter.filters.map(parse).filter((filter) => filter !== null)
  return filters.length === 0 ? null : filters.length === 1 ? (filters[0] as Filter) : { kind, filters }
}

const hasOr = (filter: Filter): boolean => filter.kind === 'or' || (filter.kind === 'and' && filter.filters.some(hasOr))

/** How many conjunctions a filter is in disjunctive normal form; each value of a list counts for one. */
const disjunctions = (filter: Filter): number => {
  if (filter.kind === 'or') return filter.filters.reduce((sum, inner) => sum + disjunctions(inner), 0)
  if (filter.kind === 'and') return filter.filters.reduce((product, inner) => product * disjunctions(inner), 1)
  if (filter.kind === 'unary' || (filter.op !== 'IN' && filter.op !== 'ARRAY_CONTAINS_ANY')) return 1
  return isArray(filter.value) ? filter.value.length : 1
}

/** The most array filters that one conjunction of the disjunctive normal form has. */
const arrayFilters = (filter: Filter): number => {
  if (filter.kind === 'or') return Math.max(...filter.filters.map(arrayFilters))
  if (filter.kind === 'and') return filter.filters.reduce((sum, inner) => sum + arrayFilters(inner), 0)
  return filter.op === 'ARRAY_CONTAINS' || filter.op === 'ARRAY_CONTAINS_ANY' ? 1 : 0
}

const isNegation = ({ op }: FieldFilter): boolean =>
  op === 'NOT_EQUAL' || op === 'NOT_IN' || op === 'IS_NOT_NAN' || op === 'IS_NOT_NULL'

/** Whether a filter asks for its field to be in the order. */
export const isInequality = (filter: FieldFilter): boolean =>
  isNegation(filter) || filter.op.startsWith('LESS_THAN') || filter.op.startsWith('GREATER_THAN')

/** The fields that have inequalities, each once. */
export const inequalityFields = (filter: Filter | null): QueryField[] =>
  [...fieldFilters(filter)]
    .filter(isInequality)
    .map(({ field }) => field)
    .filter((field, i, all) => all.findIndex((one) => sameField(one, field)) === i)

const requireCombinable = (filter: Filter): void => {
  const single = [...fieldFilters(filter)]
  const has = (...ops: FieldFilter['op'][]) => single.filter(({ op }) => ops.includes(op)).length
  if (single.filter(isNegation).length > 1) {
    throw invalid("Only a single 'NOT_EQUAL', 'NOT_IN', 'IS_NOT_NAN', or 'IS_NOT_NULL' filter allowed per query.")
  }
  if (has('NOT_IN') && (has('IN', 'ARRAY_CONTAINS_ANY') || hasOr(filter))) {
    throw invalid("'NOT_IN' cannot be used in the same query with 'IN', 'ARRAY_CONTAINS_ANY' or 'OR'.")
  }
  if (arrayFilters(filter) > 1) {
    throw new StatusError(Code.FAILED_PRECONDITION, 'Only a single array-contains clause is allowed in a query')
  }
  const unequal = inequalityFields(filter)
  const isKeyFixed = single.some(({ field, op }) => field === NAME_FIELD && op === 'EQUAL')
  if (isKeyFixed && unequal.length > 0 && !unequal.includes(NAME_FIELD)) {
    throw invalid(
      'Equality on key is not allowed if there are other inequality fields and key does not appear in inequalities.',
    )
  }
  const count = disjunctions(filter)
  if (count > MAX_DISJUNCTIONS) {
    throw invalid(
      `Too many disjunctions after normalization. Result had ${count} disjunctions which is more than the maximum of ` +
        `${MAX_DISJUNCTIONS}`,
    )
  }
  if (unequal.length > MAX_INEQUALITY_FIELDS) {
    throw invalid(
      `The query contains ${unequal.length} distinct inequality fields: [${unequal.map(fieldText).join(', ')}]. ` +
        `A query may not have more than ${MAX_INEQUALITY_FIELDS} distinct inequality fields.`,
    )
  }
}

/** Checks a filter; `kindless` when the query is not about collections of one id. Throws INVALID_ARGUMENT. */
export const parseFilter = (message: messages.Filter | null, kindless: boolean): Filter | null => {
  const filter = message && parse(message)
  if (!filter) return null
  if (kindless) {
    for (const { field } of fieldFilters(filter)) {
      if (field !== NAME_FIELD) throw invalid(`kind is required for filter: ${fieldText(field)}`)
    }
  }
  requireCombinable(filter)
  return filter
}
