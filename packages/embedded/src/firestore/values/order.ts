import { compareIds, splitName } from '../names.ts'
import { GeoPoint, MapValue, Reference, Timestamp, compareUtf8, isArray, vectorElements, type Value } from './value.ts'

/** The place of a value's type in the order across types. */
export const Rank = {
  NULL: 0,
  BOOLEAN: 1,
  NUMBER: 2,
  TIMESTAMP: 3,
  STRING: 4,
  BYTES: 5,
  REFERENCE: 6,
  GEO_POINT: 7,
  ARRAY: 8,
  VECTOR: 9,
  MAP: 10,
} as const

export const rankOf = (value: Value): number => {
  switch (typeof value) {
    case 'boolean':
      return Rank.BOOLEAN
    case 'bigint':
    case 'number':
      return Rank.NUMBER
    case 'string':
      return Rank.STRING
    default:
  }
  if (value === null) return Rank.NULL
  if (value instanceof Timestamp) return Rank.TIMESTAMP
  if (value instanceof Reference) return Rank.REFERENCE
  if (value instanceof MapValue) return vectorElements(value) ? Rank.VECTOR : Rank.MAP
  if (isArray(value)) return Rank.ARRAY
  if (value instanceof GeoPoint) return Rank.GEO_POINT
  return Rank.BYTES
}

const sign = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0)

// JavaScript compares a bigint with a number exactly, which is what int64 beside double asks for.
const compareNumbers = (a: number | bigint, b: number | bigint): number => {
  if (a < b) return -1
  if (a > b) return 1
  // Equal, or NaN, which sorts before all other numbers.
  return Number(Number.isNaN(b)) - Number(Number.isNaN(a))
}

export const compareBytes = (a: Uint8Array, b: Uint8Array): number => Buffer.compare(a, b)

/** Orders full document names: database first, then the path segment by segment, numeric ids before others. */
export const compareNames = (a: string, b: string): number => {
  if (a === b) return 0
  const x = splitName(a)
  const y = splitName(b)
  const length = Math.min(x.length, y.length)
  for (let i = 0; i < length; i++) {
    const order = compareIds(x[i] as string, y[i] as string)
    if (order !== 0) return order
  }
  return x.length - y.length
}

const compareArrays = (a: readonly Value[], b: readonly Value[]): number => {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const order = compareValues(a[i] as Value, b[i] as Value)
    if (order !== 0) return order
  }
  return a.length - b.length
}

const compareMaps = (a: MapValue, b: MapValue): number => {
  const length = Math.min(a.keys.length, b.keys.length)
  for (let i = 0; i < length; i++) {
    const order =
      compareUtf8(a.keys[i] as string, b.keys[i] as string) || compareValues(a.values[i] as Value, b.values[i] as Value)
    if (order !== 0) return order
  }
  return a.keys.length - b.keys.length
}

/**
 * The order of all values, across types too: negative, zero or positive as `a` sorts before, with or after `b`.
 * Source: https://firebase.google.com/docs/firestore/manage-data/data-types#value_type_ordering
 */
export const compareValues = (a: Value, b: Value): number => {
  if (typeof a === 'string' && typeof b === 'string') return compareUtf8(a, b)
  const rank = rankOf(a)
  const other = rankOf(b)
  if (rank !== other) return rank - other
  if (rank === Rank.NUMBER) return compareNumbers(a as number | bigint, b as number | bigint)
  if (rank === Rank.BOOLEAN) return Number(a) - Number(b)
  if (a instanceof Timestamp && b instanceof Timestamp) return sign(a.seconds, b.seconds) || sign(a.nanos, b.nanos)
  if (a instanceof Reference && b instanceof Reference) return compareNames(a.name, b.name)
  if (a instanceof GeoPoint && b instanceof GeoPoint)
    return sign(a.latitude, b.latitude) || sign(a.longitude, b.longitude)
  if (isArray(a) && isArray(b)) return compareArrays(a, b)
  if (a instanceof MapValue && b instanceof MapValue) {
    if (rank === Rank.MAP) return compareMaps(a, b)
    const x = vectorElements(a) ?? []
    const y = vectorElements(b) ?? []
    return x.length - y.length || compareArrays(x, y)
  }
  if (a instanceof Uint8Array && b instanceof Uint8Array) return compareBytes(a, b)
  return 0
}

/** Whether two values are the same to the last bit: 1 and 1.0 are not, nor 0.0 and -0.0. */
export const identical = (a: Value, b: Value): boolean => {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (isArray(a)) return isArray(b) && a.length === b.length && a.every((value, i) => identical(value, b[i] as Value))
  if (a instanceof MapValue) {
    return (
      b instanceof MapValue &&
      a.keys.length === b.keys.length &&
      a.keys.every((key, i) => key === b.keys[i] && identical(a.values[i] as Value, b.values[i] as Value))
    )
  }
  if (a instanceof GeoPoint) {
    return b instanceof GeoPoint && Object.is(a.latitude, b.latitude) && Object.is(a.longitude, b.longitude)
  }
  if (a instanceof Reference) return b instanceof Reference && a.name === b.name
  return rankOf(a) === rankOf(b) && compareValues(a, b) === 0
}
