import { Failure, type Outcome } from '../values/failure.ts'
import { RulesSet, isList, isMap, type RulesValue } from '../values/value.ts'

/** What a value may come to that an expression makes: a few documents of the largest size. */
export const sizeMax = 4 * 1024 * 1024

export const tooLarge = new Failure('Maximum size of a value has been reached.')

const sizes = new WeakMap<object, number>()

const sumOf = (values: Iterable<RulesValue>): number => {
  let sum = 1
  for (const value of values) sum += sizeOf(value)
  return sum
}

const keysOf = (map: ReadonlyMap<string, RulesValue>): number => {
  let sum = 0
  for (const key of map.keys()) sum += key.length
  return sum
}

/** Units of UTF-16, bytes and items: what it takes to look at all of it, however often a part occurs. */
const sizeOf = (value: RulesValue): number => {
  if (typeof value === 'string') return value.length + 1
  if (value === null || typeof value !== 'object') return 1
  if (value instanceof Uint8Array) return value.length + 1
  const known = sizes.get(value)
  if (known !== undefined) return known
  let size = 1
  if (isList(value)) size = sumOf(value)
  else if (isMap(value)) size = keysOf(value) + sumOf(value.values())
  else if (value instanceof RulesSet) size = sumOf(value.items)
  sizes.set(value, size)
  return size
}

/** The outcome, or a failure when it has grown too large: a few steps that double it would fill the memory. */
export const bounded = (outcome: Outcome): Outcome =>
  outcome instanceof Failure || sizeOf(outcome) <= sizeMax ? outcome : tooLarge
