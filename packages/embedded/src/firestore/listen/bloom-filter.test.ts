import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bitsOf, bloomFilterOf } from './bloom-filter.ts'
import { mayHave } from './testing.ts'

test('a name has the places that the clients look at', () => {
  // From the tests of the web client: the filter of this one name, of 11 bits with 8 hashes, is the bytes 237 and 5.
  const bytes = [0, 0]
  for (const bit of bitsOf('ÀÒ∑', 11, 8)) bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (1 << (bit & 7))
  expect(bytes).toEqual([237, 5])
})

test('a filter has all its names, and hardly any other', () => {
  let others = 0
  let passed = 0
  fc.assert(
    fc.property(fc.uniqueArray(fc.string({ unit: 'grapheme' }), { minLength: 2, maxLength: 40 }), (names) => {
      const half = names.slice(names.length / 2)
      const filter = bloomFilterOf(half)
      const { bitmap, padding } = filter.bits
      expect(padding >= 0 && padding < 8 && bitmap.length > 0).toBe(true)
      for (const name of half) expect(mayHave(filter, name)).toBe(true)
      for (const name of names.slice(0, names.length / 2)) {
        others++
        if (mayHave(filter, name)) passed++
      }
    }),
    { numRuns: 300, seed: 5 },
  )
  expect(others).toBeGreaterThan(1000)
  // Filters of few bits let more pass than large ones.
  expect(passed).toBeLessThan(others / 100)
})

test('a filter of nothing has nothing', () => {
  expect(bloomFilterOf([])).toEqual({ bits: { bitmap: new Uint8Array(), padding: 0 }, hashCount: 0 })
  expect(mayHave(bloomFilterOf([]), 'x')).toBe(false)
})
