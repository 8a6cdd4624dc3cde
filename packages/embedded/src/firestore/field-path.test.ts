import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatFieldPath, getField, parseFieldPath, project, withField } from './field-path.ts'
import { anyFields, anyValue, fieldName } from './values/arbitraries.ts'
import { identical } from './values/order.ts'
import { MapValue } from './values/value.ts'

const path = fc.array(fieldName, { minLength: 1, maxLength: 3 })

describe('field paths', () => {
  test('are read as they are written', () => {
    fc.assert(
      fc.property(path, (names) => {
        expect(parseFieldPath(formatFieldPath(names))).toEqual(names)
      }),
    )
  })

  test.each([
    ['a', ['a']],
    ['a.b_1', ['a', 'b_1']],
    ['`a b`.c', ['a b', 'c']],
    ['`a.b`', ['a.b']],
    ['`a\\`b\\\\`', ['a`b\\']],
  ])('%s', (text, names) => expect(parseFieldPath(text)).toEqual(names))

  test.each(['a..b', '.a', 'a.', '1a', 'a b', '`a', '``', 'a`b`', '`a`b'])('refuse %s', (text) => {
    expect(() => parseFieldPath(text)).toThrow(`Invalid property path "${text}".`)
  })

  test('refuse to be empty', () => {
    expect(() => parseFieldPath('')).toThrow('Invalid empty property path string.')
  })
})

describe('fields', () => {
  test('have at a path what was put there, and nothing else is touched', () => {
    fc.assert(
      fc.property(anyFields, path, anyValue, fieldName, (fields, at, value, other) => {
        const changed = withField(fields, at, value)
        expect(identical(getField(changed, at) ?? null, value)).toBe(true)
        if (other !== at[0]) expect(changed.get(other)).toBe(fields.get(other))
      }),
    )
  })

  test('lack what was taken away', () => {
    fc.assert(
      fc.property(anyFields, path, anyValue, (fields, at, value) => {
        const changed = withField(withField(fields, at, value), at, undefined)
        expect(getField(changed, at)).toBeUndefined()
      }),
    )
  })

  test('are made into maps on the way to a field that is set, not to one that is removed', () => {
    const fields = MapValue.from([['a', 1n]])
    expect(withField(fields, ['a', 'b'], 2n).get('a')).toEqual(MapValue.from([['b', 2n]]))
    expect(withField(fields, ['a', 'b'], undefined)).toBe(fields)
  })

  test('can be cut down to some', () => {
    const inner = MapValue.from([
      ['x', 1n],
      ['y', 2n],
    ] as const)
    const fields = MapValue.from([
      ['a', 1n],
      ['m', inner],
    ] as const)
    expect(project(fields, [['m', 'x'], ['nope']])).toEqual(MapValue.from([['m', MapValue.from([['x', 1n]])]]))
  })
})
