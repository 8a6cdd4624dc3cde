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
  `attributes:${'a'.repeat(256)}`,
])('%s is refused with INVALID_ARGUMENT', (filter) => {
  expect(() => parseFilter(filter)).toThrow(expect.objectContaining({ code: 3 }))
})
