import { NAME_FIELD, getField } from '../field-path.ts'
import { compareValues, rankOf } from '../values/order.ts'
import { Reference, isArray, type MapValue, type Value } from '../values/value.ts'
import type { CompareOp, Filter, QueryField, UnaryOp } from './query.ts'

/** Something with a name and fields; the name is only asked for when it is needed. */
export interface Named {
  readonly name: string
}

export type Predicate = (document: Named, fields: MapValue) => boolean
type Getter = (document: Named, fields: MapValue) => Value | undefined

/** How to get a field of a document, or its name as a reference. */
export const getterOf = (field: QueryField): Getter => {
  if (field === NAME_FIELD) return ({ name }) => new Reference(name)
  if (field.length === 1) {
    const [only] = field
    return (_, fields) => fields.get(only as string)
  }
  return (_, fields) => getField(fields, field)
}

const isNan = (value: Value): boolean => Number.isNaN(value)

// In comparisons null and NaN equal nothing, not even themselves; IS_NULL and IS_NAN are for them.
const equal = (a: Value, b: Value): boolean => a !== null && !isNan(a) && !isNan(b) && compareValues(a, b) === 0

const inRange = (operand: Value, accept: (order: number) => boolean): ((value: Value) => boolean) => {
  if (operand === null || isNan(operand)) return () => false
  const rank = rankOf(operand)
  return (value) => rankOf(value) === rank && !isNan(value) && accept(compareValues(value, operand))
}

const elements = (value: Value): readonly Value[] => (isArray(value) ? value : [])

const compareTest = (op: CompareOp, operand: Value): ((value: Value) => boolean) => {
  const list = elements(operand)
  switch (op) {
    case 'LESS_THAN':
      return inRange(operand, (order) => order < 0)
    case 'LESS_THAN_OR_EQUAL':
      return inRange(operand, (order) => order <= 0)
    case 'GREATER_THAN':
      return inRange(operand, (order) => order > 0)
    case 'GREATER_THAN_OR_EQUAL':
      return inRange(operand, (order) => order >= 0)
    case 'EQUAL':
      return (value) => equal(value, operand)
    case 'NOT_EQUAL':
      return (value) => operand !== null && value !== null && !equal(value, operand)
    case 'IN':
      return (value) => list.some((one) => equal(value, one))
    case 'NOT_IN':
      return (value) => value !== null && !list.includes(null) && !list.some((one) => equal(value, one))
    case 'ARRAY_CONTAINS':
      return (value) => elements(value).some((element) => equal(element, operand))
    case 'ARRAY_CONTAINS_ANY':
      return (value) => elements(value).some((element) => list.some((one) => equal(element, one)))
  }
}

const unaryTests: Record<UnaryOp, (value: Value) => boolean> = {
  IS_NULL: (value) => value === null,
  IS_NOT_NULL: (value) => value !== null,
  IS_NAN: isNan,
  IS_NOT_NAN: (value) => value !== null && !isNan(value),
}

/** A filter as a function. A document that lacks a field passes no filter on it. */
export const compileFilter = (filter: Filter | null): Predicate => {
  if (!filter) return () => true
  if (filter.kind === 'and' || filter.kind === 'or') {
    const predicates = filter.filters.map(compileFilter)
    if (filter.kind === 'and') return (document, fields) => predicates.every((test) => test(document, fields))
    return (document, fields) => predicates.some((test) => test(document, fields))
  }
  const get = getterOf(filter.field)
  const test = filter.kind === 'unary' ? unaryTests[filter.op] : compareTest(filter.op, filter.value)
  return (document, fields) => {
    const value = get(document, fields)
    return value !== undefined && test(value)
  }
}
