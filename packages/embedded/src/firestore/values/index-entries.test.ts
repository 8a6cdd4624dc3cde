import { expect, test } from 'vitest'
import { Code } from '../../wire/status-error.ts'
import { requireIndexable } from './index-entries.ts'
import { MapValue, type Value } from './value.ts'

const ENOUGH = 1_000_000

const fieldsOf = (count: number): MapValue =>
  MapValue.from(Array.from({ length: count }, (_, i): [string, Value] => [`f${i}`, true]))

test.each([
  ['fields, two entries each', fieldsOf(20_000), fieldsOf(20_001)],
  ['fields of a map', MapValue.from([['m', fieldsOf(20_000)]]), MapValue.from([['m', fieldsOf(20_001)]])],
  [
    'the values of an array, each once',
    MapValue.from([['a', Array.from({ length: 80_000 }, (_, i) => BigInt(i % 40_000))]]),
    MapValue.from([['a', Array.from({ length: 40_001 }, (_, i) => BigInt(i))]]),
  ],
])('a document has at most 40,000 index entries: %s', (_, most, tooMany) => {
  expect(() => requireIndexable('c/x', most, ENOUGH)).not.toThrow()
  const error = { code: Code.INVALID_ARGUMENT, details: 'too many index entries for entity /c/x' }
  expect(() => requireIndexable('c/x', tooMany, ENOUGH)).toThrow(expect.objectContaining(error))
})
