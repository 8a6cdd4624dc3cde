import { Code, StatusError } from '../../wire/status-error.ts'
import { compareValues } from './order.ts'
import { MapValue, isArray, vectorElements, type Value } from './value.ts'

/** Source: https://firebase.google.com/docs/firestore/quotas#indexes */
const MAX_INDEX_ENTRIES = 40_000

const distinct = (values: readonly Value[]): number => {
  const sorted = values.toSorted(compareValues)
  return sorted.filter((value, i) => i === 0 || compareValues(sorted[i - 1] as Value, value) !== 0).length
}

/** Entries of the automatic indexes: a field up and down, an array by each of its values, a map by its fields. */
const entriesOf = (value: Value, inArray: (values: readonly Value[]) => number): number => {
  if (isArray(value)) return inArray(value)
  if (!(value instanceof MapValue) || vectorElements(value)) return 2
  return value.values.reduce<number>((sum, inner) => sum + entriesOf(inner, inArray), 0)
}

const elements = (values: readonly Value[]): number => values.length

/**
 * Throws INVALID_ARGUMENT when the document at `path`, of `size` bytes, would need more entries in the automatic indexes
 * than production keeps. Composite indexes and exemptions are not known here, so they are not counted.
 */
export const requireIndexable = (path: string, fields: MapValue, size: number): void => {
  // No value takes less than a byte, nor makes more entries than it takes bytes with its name.
  if (size <= MAX_INDEX_ENTRIES || entriesOf(fields, elements) <= MAX_INDEX_ENTRIES) return
  if (entriesOf(fields, distinct) <= MAX_INDEX_ENTRIES) return
  throw new StatusError(Code.INVALID_ARGUMENT, `too many index entries for entity /${path}`)
}
