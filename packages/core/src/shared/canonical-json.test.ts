import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalJson } from './canonical-json.ts'

const vectors = join(import.meta.dirname, '../../../../../shared/data/vectors-jcs/testdata')

describe.skipIf(!existsSync(vectors))('the vectors of RFC 8785 (skipped without ../shared/data)', () => {
  it.each(existsSync(vectors) ? readdirSync(join(vectors, 'input')) : [])('%s', (name) => {
    const read = (folder: string) => readFileSync(join(vectors, folder, name), 'utf8')
    expect(canonicalJson(JSON.parse(read('input')))).toBe(read('output').trimEnd())
  })
})

it('says the same, and is the same for every order of members', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      const text = canonicalJson(value)
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)))
      expect(canonicalJson(JSON.parse(text))).toBe(text)
    }),
  )
})

it('sorts by code units, leaves undefined out, and refuses what is no JSON', () => {
  expect(canonicalJson({ '\u{1F600}': 1, '\uFB33': 2, a: undefined, '1': [null] })).toBe(
    '{"1":[null],"\u{1F600}":1,"\uFB33":2}',
  )
  for (const bad of [Number.NaN, Infinity, '\ud800', { '\ud800': 1 }, [undefined], () => 1, 1n])
    expect(() => canonicalJson(bad)).toThrow(TypeError)
})
