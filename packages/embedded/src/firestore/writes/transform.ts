import { Code, StatusError } from '../../wire/status-error.ts'
import { parseFieldPath, getField, withField, NAME_FIELD, type FieldPath } from '../field-path.ts'
import type { FieldTransform, TransformType } from '../rpc/messages.ts'
import { orderedMap, type OrderedMap } from '../../structures/ordered-map.ts'
import { compareValues } from '../values/order.ts'
import { Timestamp, isArray, type MapValue, type Value } from '../values/value.ts'

export interface Transform {
  readonly path: FieldPath
  readonly type: TransformType
  /** The operand; for an array transform the array of elements. */
  readonly operand: Value
}

const REQUEST_TIME = 1
const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n

const invalid = (message: string) => new StatusError(Code.INVALID_ARGUMENT, message)

const isNumber = (value: Value | undefined): value is number | bigint =>
  typeof value === 'number' || typeof value === 'bigint'

/** Checks a transform and gives it in the engine's form. Throws INVALID_ARGUMENT. */
export const parseTransform = (message: FieldTransform): Transform => {
  const path = parseFieldPath(message.fieldPath)
  if (path[0] === NAME_FIELD) throw invalid(`field name ${NAME_FIELD} is reserved`)
  const type = message.transformType
  if (!type) throw invalid('Field transform has no operation.')
  if (type === 'setToServerValue') {
    if (message.setToServerValue !== REQUEST_TIME) throw invalid('Unknown server value.')
    return { path, type, operand: null }
  }
  const operand = message[type]
  const numeric = type === 'increment' || type === 'maximum' || type === 'minimum'
  if (numeric && !isNumber(operand)) throw invalid('Input must be int64 or double.')
  return { path, type, operand }
}

const increment = (stored: Value | undefined, by: number | bigint): Value => {
  if (!isNumber(stored)) return by
  if (typeof stored === 'number' || typeof by === 'number') return Number(stored) + Number(by)
  const sum = stored + by
  return sum > INT64_MAX ? INT64_MAX : sum < INT64_MIN ? INT64_MIN : sum
}

// Equal numbers leave the stored one, whatever its type, but 0.0 is taken for more than -0.0.
const larger = (a: number | bigint, b: number | bigint): number =>
  compareValues(a, b) || Number(Object.is(b, -0)) - Number(Object.is(a, -0))

const extreme = (stored: Value | undefined, operand: number | bigint, direction: 1 | -1): Value => {
  if (!isNumber(stored)) return operand
  // NaN sorts below all numbers, yet wins both ways.
  if (Number.isNaN(stored) || Number.isNaN(operand)) return Number.NaN
  return larger(operand, stored) * direction > 0 ? operand : stored
}

// Not each with each: both arrays may have tens of thousands of elements. In arrays of one, since NaN can be no key.
const setOf = (elements: readonly Value[]): OrderedMap<Value, true> => {
  const set = orderedMap<Value, true>(compareValues)
  for (const element of elements) set.set([element], true)
  return set
}

const append = (stored: Value | undefined, elements: readonly Value[]): Value => {
  const result = isArray(stored) ? [...stored] : []
  const missing = setOf(elements)
  for (const value of result) missing.delete([value])
  for (const element of elements) if (missing.delete([element])) result.push(element)
  return result
}

const remove = (stored: Value | undefined, elements: readonly Value[]): Value => {
  if (!isArray(stored)) return []
  const removed = setOf(elements)
  return stored.filter((value) => !removed.has([value]))
}

const MICROS_PER_MILLI = 1000

const transformed = ({ type, operand }: Transform, stored: Value | undefined, commitTime: number): Value => {
  switch (type) {
    case 'setToServerValue':
      return Timestamp.fromMicros(commitTime - (commitTime % MICROS_PER_MILLI))
    case 'increment':
      return increment(stored, operand as number | bigint)
    case 'maximum':
      return extreme(stored, operand as number | bigint, 1)
    case 'minimum':
      return extreme(stored, operand as number | bigint, -1)
    case 'appendMissingElements':
      return append(stored, operand as readonly Value[])
    case 'removeAllFromArray':
      return remove(stored, operand as readonly Value[])
  }
}

/**
 * Applies transforms one after the other. `results` has for each what the client is told: the new value, or null for
 * those of arrays. `commitTime` in microseconds.
 */
export const applyTransforms = (
  fields: MapValue,
  transforms: readonly Transform[],
  commitTime: number,
): { fields: MapValue; results: Value[] } => {
  const results: Value[] = []
  let changed = fields
  for (const transform of transforms) {
    const value = transformed(transform, getField(changed, transform.path), commitTime)
    changed = withField(changed, transform.path, value)
    results.push(isArray(value) ? null : value)
  }
  return { fields: changed, results }
}
