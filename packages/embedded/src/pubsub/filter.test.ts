import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseFilter } from './filter.ts'

const cases: [filter: string, attributes: Record<string, string>, passes: boolean][] = [
  ['attributes:tier', { tier: '1' }, true],
  ['attributes:tier', {}, false],
  ['attributes:constructor', {}, false],
  ['attributes.tier = "1"', { tier: '1' }, true],
  ['attributes.tier = "1"', { tier: '2' }, false],
  ['attributes.tier != "1"', { tier: '2' }, true],
  ['attributes.tier != "1"', { tier: '1' }, false],
  ['hasPrefix(attributes.region, "europe-")', { region: 'europe-west6' }, true],
  ['hasPrefix(attributes.region, "europe-")', { region: 'us-east1' }, false],
  ['hasPrefix(attributes.constructor, "x")', {}, false],
  ['NOT attributes:tier', {}, true],
  ['-attributes:tier', { tier: '1' }, false],
  ['attributes.a = "1" AND attributes.b = "2"', { a: '1', b: '2' }, true],
  ['attributes.a = "1" AND attributes.b = "2"', { a: '1' }, false],
  ['attributes.a = "1" OR attributes.b = "2"', { b: '2' }, true],
  ['attributes.a = "1" AND (attributes:b OR NOT attributes:c)', { a: '1', c: '' }, false],
  ['NOT attributes:a AND attributes:b', { b: '' }, true],
  ['NOT (attributes:a AND attributes:b)', { b: '' }, true],
  ['NOT -attributes:a', { a: '' }, true],
  ['attributes.tier != "1"', {}, true],
  ['hasPrefix(attributes."a b", "")', { 'a b': '' }, true],
  ['attributes:2nd-key AND attributes:_x', { '2nd-key': '', _x: '' }, true],
  ['attributes.NOT = "AND"', { NOT: 'AND' }, true],
  ['attributes.a="\\u00e9\\x41\\101\\n\\\\"', { a: 'éAA\n\\' }, true],
  ['  (  attributes:a  )\n', { a: '' }, true],
  ['attributes."iana.org/language_tag" = "a \\"b\\""', { 'iana.org/language_tag': 'a "b"' }, true],
]

test.each(cases)('%s of %j is %s', (filter, attributes, passes) => {
  expect(parseFilter(filter)?.(attributes)).toBe(passes)
})

test('no filter passes everything', () => {
  expect(parseFilter('')).toBeUndefined()
})

test.each([
  'attributes',
  'attributes.a',
  'attributes.a = 1',
  'attributes.a = "1',
  'attributes:a AND attributes:b OR attributes:c',
  '(attributes:a',
  'data = "x"',
  'attributes:a attributes:b',
  'attributes:a ;',
  'hasPrefix(attributes.a)',
  'hasprefix(attributes.a, "x")',
  'hasPrefix(attributes:a, "x")',
  'attributes:a and attributes:b',
  'attributes:a AND',
  'NOT',
  'NOTattributes:a',
  'attributes:a OR (attributes:b AND attributes:c OR attributes:d)',
  'attributes.a = b',
  'attributes.a = "\\u12"',
  'attributes.a = "\\UFFFFFFFF"',
  'attributes:a/b',
  'attributes.a < "b"',
  ' ',
  `attributes:${'a'.repeat(256)}`,
])('%s is refused with INVALID_ARGUMENT', (filter) => {
  expect(() => parseFilter(filter)).toThrow(expect.objectContaining({ code: 3 }))
})

test('a filter is as long as 256 bytes', () => {
  const filter = (length: number) => `attributes.a = "${'é'.repeat((length - 17) / 2)}b"`
  expect(Buffer.byteLength(filter(257))).toBe(258)
  expect(parseFilter(filter(255))).toBeDefined()
  expect(() => parseFilter(filter(257))).toThrow(expect.objectContaining({ code: 3 }))
})

type Attributes = Record<string, string>
interface Node {
  text: string
  passes: (attributes: Attributes) => boolean
}

const keys = ['a', 'b-c', 'd e', '"']
const values = ['', 'x', 'xy', '"\\']
const quoted = (text: string) => JSON.stringify(text)
const { filter: filters } = fc.letrec<{ filter: Node }>((tie) => {
  const key = fc.constantFrom(...keys)
  const value = fc.constantFrom(...values)
  const keyText = (name: string) => (/^[\w-]+$/.test(name) ? name : quoted(name))
  const comparison = fc
    .tuple(fc.constantFrom(':', '=', '!=', 'hasPrefix'), key, value)
    .map(([operator, name, text]): Node => {
      const path = `attributes.${keyText(name)}`
      switch (operator) {
        case ':':
          return { text: `attributes:${keyText(name)}`, passes: (attributes) => name in attributes }
        case '=':
          return { text: `${path}=${quoted(text)}`, passes: (attributes) => attributes[name] === text }
        case '!=':
          return { text: `${path} != ${quoted(text)}`, passes: (attributes) => attributes[name] !== text }
        default:
          return {
            text: `hasPrefix(${path},${quoted(text)})`,
            passes: (attributes) => attributes[name]?.startsWith(text) === true,
          }
      }
    })
  const not = fc.tuple(fc.constantFrom('NOT ', '-'), tie('filter')).map(([sign, { text, passes }]): Node => {
    return { text: `${sign}(${text})`, passes: (attributes) => !passes(attributes) }
  })
  const both = fc
    .tuple(fc.constantFrom('AND', 'OR'), tie('filter'), tie('filter'))
    .map(([operator, left, right]): Node => ({
      text: `(${left.text}) ${operator} (${right.text})`,
      passes: (attributes) =>
        operator === 'AND'
          ? left.passes(attributes) && right.passes(attributes)
          : left.passes(attributes) || right.passes(attributes),
    }))
  return { filter: fc.oneof({ maxDepth: 3, withCrossShrink: true }, comparison, not, both) }
})

test('random filters pass what they say', () => {
  const attributes = fc.dictionary(fc.constantFrom(...keys), fc.constantFrom(...values))
  fc.assert(
    fc.property(filters, attributes, ({ text, passes }, of) => {
      fc.pre(Buffer.byteLength(text) <= 256)
      expect(parseFilter(text)?.(of)).toBe(passes(of))
    }),
    { numRuns: 2000 },
  )
})

test('whatever the text, it is a filter or refused', () => {
  const pieces = fc.constantFrom(
    'attributes',
    ':',
    '.',
    '=',
    '!=',
    'hasPrefix',
    '(',
    ')',
    ',',
    '"',
    '\\',
    'a',
    'AND',
    'OR',
    'NOT',
    '-',
    ' ',
    '\n',
    'é',
  )
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(pieces, { maxLength: 40 }).map((parts) => parts.join('')),
  )
  fc.assert(
    fc.property(texts, (text) => {
      try {
        parseFilter(text)?.({ a: 'b' })
      } catch (error) {
        expect(error).toMatchObject({ code: 3 })
      }
    }),
    { numRuns: 5000 },
  )
})
