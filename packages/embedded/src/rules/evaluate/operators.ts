import type { BinaryOperator } from '../syntax/ast.ts'
import { equals, includes } from '../values/equality.ts'
import { compare } from '../values/order.ts'
import {
  Failure,
  divideByZero,
  describe,
  functionNotFound,
  nullValue,
  unknown,
  unsupported,
  type Outcome,
} from '../values/failure.ts'
import { Duration, RulesSet, Symbolic, Timestamp, isList, isMap, type Facts, type RulesValue } from '../values/value.ts'

/** What a binary operator gives for two values. */
export const binary = (operator: BinaryOperator, left: RulesValue, right: RulesValue): Outcome => {
  switch (operator) {
    case '==':
      return equals(left, right) ?? unknown(left, right)
    case '!=': {
      const equal = equals(left, right)
      return equal === null ? unknown(left, right) : !equal
    }
    case 'in':
      return membership(left, right)
    case '<':
    case '<=':
    case '>':
    case '>=':
      return relation(operator, left, right)
    default:
      return arithmetic(operator, left, right)
  }
}

/** `item in container` */
const membership = (item: RulesValue, container: RulesValue): Outcome => {
  if (container === null) return nullValue
  if (isList(container)) return includes(container, item) ?? unknown(item, ...container)
  if (container instanceof RulesSet) return includes(container.items, item) ?? unknown(item, ...container.items)
  if (isMap(container)) {
    if (typeof item === 'string') return container.has(item)
    return item instanceof Symbolic ? unknown(item) : unsupported(`map.in(${describe(item)})`, 'map.in(string)')
  }
  if (!(container instanceof Symbolic)) return functionNotFound('in')
  const { contains, entries } = container.facts
  if (contains && includes(contains, item) === true) return true
  return typeof item === 'string' && entries?.has(item) ? true : unknown(container)
}

type Relation = '<' | '<=' | '>' | '>='

const holds = (operator: Relation, order: number): boolean => {
  switch (operator) {
    case '<':
      return order < 0
    case '<=':
      return order <= 0
    case '>':
      return order > 0
    case '>=':
      return order >= 0
  }
}

const relation = (operator: Relation, left: RulesValue, right: RulesValue): Outcome => {
  const order = compare(left, right)
  if (order !== null) return holds(operator, order)
  if (left instanceof Symbolic) return symbolicRelation(operator, left.facts, right) ?? unknown(left)
  if (right instanceof Symbolic) return symbolicRelation(mirrored[operator], right.facts, left) ?? unknown(right)
  // NaN is comparable, but stands in no order.
  if (isNumber(left) && isNumber(right)) return false
  if (left === null || right === null) return nullValue
  return unsupported(`${describe(left)} ${operator} ${describe(right)}`)
}

const mirrored = { '<': '>', '<=': '>=', '>': '<', '>=': '<=' } as const

/** `x operator value`, where of x its bounds are known. */
const symbolicRelation = (operator: Relation, { lower, upper }: Facts, value: RulesValue): boolean | null => {
  const low = lower ? compare(lower.value, value) : null
  const high = upper ? compare(upper.value, value) : null
  const above = low !== null && (low > 0 || (low === 0 && !lower?.inclusive))
  const below = high !== null && (high < 0 || (high === 0 && !upper?.inclusive))
  const notBelow = low !== null && low >= 0
  const notAbove = high !== null && high <= 0
  switch (operator) {
    case '<':
      return below ? true : notBelow ? false : null
    case '<=':
      return notAbove ? true : above ? false : null
    case '>':
      return above ? true : notAbove ? false : null
    case '>=':
      return notBelow ? true : below ? false : null
  }
}

const isNumber = (value: RulesValue): value is bigint | number => typeof value === 'bigint' || typeof value === 'number'

type Arithmetic = '+' | '-' | '*' | '/' | '%'

const arithmetic = (operator: Arithmetic, left: RulesValue, right: RulesValue): Outcome => {
  if (typeof left === 'bigint' && typeof right === 'bigint') return integers(operator, left, right)
  if (isNumber(left) && isNumber(right)) return floats(operator, Number(left), Number(right))
  if (left instanceof Symbolic || right instanceof Symbolic) return unknown(left, right)
  if (left === null || right === null) return nullValue
  if (operator === '+') {
    if (typeof left === 'string' && typeof right === 'string') return left + right
    if (left instanceof Timestamp && right instanceof Duration) return new Timestamp(left.nanos + right.nanos)
    if (left instanceof Duration && right instanceof Timestamp) return new Timestamp(left.nanos + right.nanos)
    if (left instanceof Duration && right instanceof Duration) return new Duration(left.nanos + right.nanos)
  } else if (operator === '-') {
    if (left instanceof Timestamp && right instanceof Duration) return new Timestamp(left.nanos - right.nanos)
    if (left instanceof Timestamp && right instanceof Timestamp) return new Duration(left.nanos - right.nanos)
    if (left instanceof Duration && right instanceof Duration) return new Duration(left.nanos - right.nanos)
  }
  return unsupported(`${describe(left)} ${operator} ${describe(right)}`)
}

/** Of 64 bits. */
const integers = (operator: Arithmetic, left: bigint, right: bigint): Outcome => {
  switch (operator) {
    case '+':
      return within64Bits(left + right)
    case '-':
      return within64Bits(left - right)
    case '*':
      return within64Bits(left * right)
    case '/':
      return right === 0n ? divideByZero : BigInt.asIntN(64, left / right)
    case '%':
      return right === 0n ? divideByZero : left % right
  }
}

/** A failure where Java's exact arithmetic throws. `math.abs` and `-x` of the smallest int are the int itself. */
const within64Bits = (value: bigint): Outcome =>
  BigInt.asIntN(64, value) === value ? value : new Failure('Integer overflow error.')

const floats = (operator: Arithmetic, left: number, right: number): Outcome => {
  switch (operator) {
    case '+':
      return left + right
    case '-':
      return left - right
    case '*':
      return left * right
    case '/':
      return left / right
    case '%':
      return left % right
  }
}

/** `-x` */
export const negate = (value: RulesValue): Outcome => {
  if (typeof value === 'bigint') return BigInt.asIntN(64, -value)
  if (typeof value === 'number') return -value
  if (value instanceof Duration) return new Duration(-value.nanos)
  if (value instanceof Symbolic) return unknown(value)
  return value === null ? nullValue : unsupported(`-${describe(value)}`, '-int, -float')
}
