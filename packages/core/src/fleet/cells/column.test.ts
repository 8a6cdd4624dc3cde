import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeColumn, encodeColumn } from './column.ts'

describe('a column', () => {
  it('gives back any numbers', () => {
    const numbers = fc.array(fc.oneof(fc.nat(3), fc.integer({ min: 0, max: 2 ** 32 - 1 })), { maxLength: 300 })
    fc.assert(
      fc.property(numbers, (values) => {
        expect([...decodeColumn(encodeColumn(values), values.length)]).toEqual(values)
      }),
    )
  })

  it('takes a byte for each of times that are near each other, and next to nothing for zeros', () => {
    const now = 1_790_000_000
    expect(encodeColumn(Array.from({ length: 2000 }, (_, i) => now + 1 + (i % 30)))).toHaveLength(2000 + 5 + 67)
    expect(encodeColumn(Array.from({ length: 2000 }, () => 0))).toHaveLength(4)
  })

  it.each([
    ['too short', [5]],
    ['too long', [0, 1, 1, 1]],
    ['of more zeros than numbers', [0, 0, 9]],
    ['of a number beyond 32 bits', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 1]],
  ])('that is %s is refused', (_, bytes) => {
    expect(() => decodeColumn(Uint8Array.from(bytes), 2)).toThrow(RangeError)
  })
})
