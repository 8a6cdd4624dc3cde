import {
  Duration,
  LatLng,
  MapDiff,
  Path,
  RulesSet,
  Symbolic,
  Timestamp,
  isList,
  isMap,
  typeOf,
  type Facts,
  type RulesMap,
  type RulesValue,
} from './value.ts'
import { compare } from './order.ts'

/**
 * Whether two values are equal: numbers by what they are worth, containers deeply, sets whatever their order, values of
 * different types never. null if that is not known, which only symbolic values can bring about.
 */
export const equals = (a: RulesValue, b: RulesValue): boolean | null => {
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') {
    if (a instanceof Symbolic) return equalsFacts(a.facts, b)
    if (b instanceof Symbolic) return equalsFacts(b.facts, a)
    const numbers = (typeof a === 'bigint' && typeof b === 'number') || (typeof a === 'number' && typeof b === 'bigint')
    return numbers ? compare(a, b) === 0 : a === b
  }
  if (a instanceof Symbolic) return equalsFacts(a.facts, b)
  if (b instanceof Symbolic) return equalsFacts(b.facts, a)
  if (isMap(a)) return isMap(b) && equalMaps(a, b)
  if (isList(a)) return isList(b) && equalLists(a, b)
  if (a instanceof RulesSet) return b instanceof RulesSet && equalSets(a, b)
  if (a instanceof Timestamp) return b instanceof Timestamp && a.nanos === b.nanos
  if (a instanceof Duration) return b instanceof Duration && a.nanos === b.nanos
  if (a instanceof Path) return b instanceof Path && equalLists(a.segments, b.segments)
  if (a instanceof LatLng) return b instanceof LatLng && a.latitude === b.latitude && a.longitude === b.longitude
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0
  return a instanceof MapDiff && b instanceof MapDiff && both(equals(a.after, b.after), equals(a.before, b.before))
}

const both = (a: boolean | null, b: boolean | null): boolean | null =>
  a === false || b === false ? false : a === null || b === null ? null : true

const equalLists = (a: readonly RulesValue[], b: readonly RulesValue[]): boolean | null => {
  if (a.length !== b.length) return false
  let result: boolean | null = true
  for (let i = 0; i < a.length && result !== false; i++) {
    result = both(result, equals(a[i] as RulesValue, b[i] as RulesValue))
  }
  return result
}

const equalMaps = (a: RulesMap, b: RulesMap): boolean | null => {
  if (a.size !== b.size) return false
  let result: boolean | null = true
  for (const [key, value] of a) {
    const other = b.get(key)
    if (other === undefined) return false
    result = both(result, equals(value, other))
    if (result === false) return false
  }
  return result
}

const equalSets = (a: RulesSet, b: RulesSet): boolean | null => {
  // Items of which it is not known whether they are the same make the size unknown as well.
  if (a.items.length !== b.items.length) return [...a.items, ...b.items].some(isOpen) ? null : false
  let result: boolean | null = true
  for (const item of a.items) result = both(result, includes(b.items, item))
  return result
}

/** Whether a value is symbolic or holds something that is. */
export const isOpen = (value: RulesValue): boolean => {
  if (value === null || typeof value !== 'object') return false
  if (value instanceof Symbolic) return true
  if (isMap(value)) return [...value.values()].some(isOpen)
  if (isList(value)) return value.some(isOpen)
  if (value instanceof RulesSet) return value.items.some(isOpen)
  return value instanceof MapDiff && (isOpen(value.after) || isOpen(value.before))
}

/** Whether one of the values is equal to `item`; null if that is not known. */
export const includes = (values: readonly RulesValue[], item: RulesValue): boolean | null => {
  let result: boolean | null = false
  for (const value of values) {
    const equal = equals(value, item)
    if (equal === true) return true
    if (equal === null) result = null
  }
  return result
}

/** The values without repeats. Those that are only perhaps equal all stay. */
export const setOf = (values: readonly RulesValue[]): RulesSet => {
  const isEvery = (type: string): boolean => values.every((value) => typeof value === type)
  if (isEvery('string') || isEvery('bigint')) return new RulesSet([...new Set(values)])
  const items: RulesValue[] = []
  for (const value of values) if (includes(items, value) !== true) items.push(value)
  return new RulesSet(items)
}

const equalsFacts = (facts: Facts, other: RulesValue): boolean | null => {
  if (other instanceof Symbolic) return equalsOtherFacts(facts, other.facts)
  if (facts.types && !facts.types.includes(typeOf(other) ?? 'null')) return false
  if (facts.excluded && includes(facts.excluded, other) === true) return false
  const { lower, upper } = facts
  if (lower && upper && lower.inclusive && upper.inclusive && compare(lower.value, upper.value) === 0) {
    return equals(lower.value, other)
  }
  const aboveLower = lower ? compare(other, lower.value) : null
  if (lower && aboveLower !== null && (aboveLower < 0 || (aboveLower === 0 && !lower.inclusive))) return false
  const belowUpper = upper ? compare(other, upper.value) : null
  if (upper && belowUpper !== null && (belowUpper > 0 || (belowUpper === 0 && !upper.inclusive))) return false
  return null
}

const equalsOtherFacts = (a: Facts, b: Facts): boolean | null => {
  if (a.types && b.types && !a.types.some((type) => b.types?.includes(type))) return false
  const known = knownNumber(a)
  const other = knownNumber(b)
  return known !== null && other !== null ? compare(known, other) === 0 : null
}

/** The number that a symbolic one is worth, if that is known, whether int or float. */
export const knownNumber = ({ lower, upper }: Facts): bigint | number | null => {
  if (!lower || !upper || !lower.inclusive || !upper.inclusive || compare(lower.value, upper.value) !== 0) return null
  return typeof lower.value === 'bigint' || typeof lower.value === 'number' ? lower.value : null
}
