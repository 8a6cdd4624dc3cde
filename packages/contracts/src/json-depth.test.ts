import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isNestedDeeper } from './json-depth.ts'

const depthOf = (value: unknown): number =>
  typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0

describe('the depth of a JSON text', () => {
  it('is that of what it says, whatever stands in its strings', () => {
    const strings = fc.oneof(fc.string(), fc.constantFrom('[', '{"', '\\', '\\"', '"[', '\\\\"['))
    const json = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        strings,
        fc.integer(),
        fc.array(tie('value')),
        fc.dictionary(strings, tie('value')),
      ),
    })).value
    fc.assert(
      fc.property(json, fc.integer({ min: 0, max: 6 }), fc.boolean(), (value, max, isSpaced) => {
        expect(isNestedDeeper(JSON.stringify(value, null, isSpaced ? 2 : 0), max)).toBe(depthOf(value) > max)
      }),
    )
  })

  it('is told of a text without end, or of one that is no JSON, without failing', () => {
    expect(isNestedDeeper('['.repeat(10_000_000), 32)).toBe(true)
    expect(isNestedDeeper('{"a":'.repeat(100_000), 32)).toBe(true)
    expect(isNestedDeeper('"\\'.repeat(1000), 32)).toBe(false)
    expect(isNestedDeeper(']'.repeat(1000), 32)).toBe(false)
  })
})
