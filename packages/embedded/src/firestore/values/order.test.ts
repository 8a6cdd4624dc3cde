import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyValue } from './arbitraries.ts'
import { compareValues, identical, rankOf } from './order.ts'
import { compareUtf8 } from './value.ts'

describe('the order of values', () => {
  test('is total: of any two exactly one is before the other, or they are equal both ways', () => {
    fc.assert(
      fc.property(anyValue, anyValue, (a, b) => {
        expect(Math.sign(compareValues(a, b))).toBe(-Math.sign(compareValues(b, a)) + 0)
      }),
    )
  })

  test('is transitive', () => {
    fc.assert(
      fc.property(fc.tuple(anyValue, anyValue, anyValue), (values) => {
        const [a, b, c] = values.toSorted(compareValues) as [never, never, never]
        expect(compareValues(a, b)).toBeLessThanOrEqual(0)
        expect(compareValues(b, c)).toBeLessThanOrEqual(0)
        expect(compareValues(a, c)).toBeLessThanOrEqual(0)
      }),
      { numRuns: 1000 },
    )
  })

  test('puts types one after the other', () => {
    fc.assert(
      fc.property(anyValue, anyValue, (a, b) => {
        const [x, y] = [rankOf(a), rankOf(b)]
        if (x !== y) expect(Math.sign(compareValues(a, b))).toBe(Math.sign(x - y))
      }),
    )
  })

  test('holds what is identical equal', () => {
    fc.assert(
      fc.property(anyValue, anyValue, (a, b) => {
        expect(identical(a, a)).toBe(true)
        expect(compareValues(a, a)).toBe(0)
        if (identical(a, b)) expect(compareValues(a, b)).toBe(0)
      }),
    )
  })

  test('tells the representation of equal numbers apart only for identity', () => {
    for (const [a, b] of [
      [1n, 1],
      [0, -0],
      [[1n], [1]],
    ] as const) {
      expect(compareValues(a, b)).toBe(0)
      expect(identical(a, b)).toBe(false)
    }
  })

  test('of strings is that of their UTF-8 bytes', () => {
    const unit = fc.constantFrom('a', 'b', '\u{7f}', '\u{d7ff}', '\u{e000}', '\u{ffff}', '\u{10000}', '\u{10ffff}')
    const text = fc.string({ unit, maxLength: 4 })
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareUtf8(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)))
      }),
    )
  })
})
