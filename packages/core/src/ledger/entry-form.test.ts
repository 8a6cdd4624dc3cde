import { actorKinds, ledgerKinds, type LedgerEntry } from '@infinity-matrix/contracts'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { canonicalJson } from '../shared/canonical-json.ts'
import { entryForm, entryFormRead, plainEntryId } from './entry-form.ts'

const text = (max: number) => fc.oneof(fc.string({ maxLength: max }), fc.string({ unit: 'grapheme', maxLength: 20 }))
const name = text(20).filter((one) => one !== '__proto__')
const digest = fc.stringMatching(/^[A-Za-z0-9_-]{43}$/)
const entry: fc.Arbitrary<LedgerEntry> = fc.record({
  version: fc.constant(1 as const),
  id: fc.uuid({ version: 7 }),
  time: fc
    .date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true })
    .map((date) => date.toISOString()),
  kind: fc.constantFrom(...ledgerKinds),
  action: fc.constantFrom('key-rotated', 'read'),
  actor: fc.record({ kind: fc.constantFrom(...actorKinds), id: text(100) }),
  tenant: text(20),
  subject: text(100),
  outcome: fc.constantFrom('done', 'allowed', 'denied', 'failed'),
  reason: fc.option(text(50)),
  trace: fc.option(fc.stringMatching(/^[0-9a-f]{32}$/)),
  details: fc.dictionary(
    name,
    fc.oneof(
      text(30),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
    ),
  ),
  commitments: fc.dictionary(name, digest),
})

it('finds the id of every entry in its one form', () => {
  fc.assert(
    fc.property(entry, (value) => {
      expect(entryForm(canonicalJson(value))).toEqual({ id: value.id })
    }),
    { numRuns: 300 },
  )
})

const plainText =
  '{"action":"read","actor":{"id":"a","kind":"person"},"commitments":{},"details":{},"id":"019ac7a0-0000-7000-8000-000000000001","kind":"change","outcome":"done","reason":null,"subject":"s","tenant":"t","time":"2026-11-27T00:00:00.000Z","trace":null,"version":1}'

/** A change of one place of a text, such as a slip or an attack would make. */
const change = fc.record({
  at: fc.nat(),
  count: fc.nat({ max: 3 }),
  text: fc.oneof(
    fc.string({ maxLength: 3 }),
    fc.constantFrom(' ', '"', ',', '0', '-0', '1.0', '1e3', '"a":1,', '{', '}', '\\u0041', 'A'),
  ),
})

it('says of a changed text by one look what reading it says', () => {
  fc.assert(
    fc.property(entry, change, (value, { at, count, text: put }) => {
      const whole = canonicalJson(value)
      const place = at % whole.length
      const changed = whole.slice(0, place) + put + whole.slice(place + count)
      expect(entryForm(changed)).toEqual(entryFormRead(changed))
    }),
    { numRuns: 3000 },
  )
})

it.each([
  ['a long actor', '"id":"a"', `"id":"${'a'.repeat(128)}"`],
  ['a long tenant', '"tenant":"t"', `"tenant":"${'t'.repeat(63)}"`],
  ['a long subject', '"subject":"s"', `"subject":"${'s'.repeat(300)}"`],
  ['a long reason', '"reason":null', `"reason":"${'r'.repeat(200)}"`],
  ['a long detail', '"details":{}', `"details":{"a":"${'d'.repeat(300)}"}`],
])('takes %s, as long as may be, at one look', (_, from, to) => {
  expect(plainEntryId(plainText.replace(from, to))).toBe('019ac7a0-0000-7000-8000-000000000001')
})

it.each([
  ['names out of order', '"details":{}', '"details":{"b":1,"a":2}', 'is not in canonical form'],
  ['a name twice', '"details":{}', '"details":{"a":1,"a":2}', 'is not in canonical form'],
  ['a number in another form', '"details":{}', '"details":{"a":1.0}', 'is not in canonical form'],
  ['an escape that is not needed', '"details":{}', '"details":{"a":"\\u0041"}', 'is not in canonical form'],
  ['a name that no record keeps', '"details":{}', '"details":{"__proto__":1}', 'is not in canonical form'],
  ['such a name among others', '"details":{}', '"details":{"A":1,"__proto__":1}', 'is not in canonical form'],
  ['a member more', '"details":{}', '"details":{},"extra":1', 'is no entry'],
  ['another version', '"version":1', '"version":2', 'is no entry: version'],
  ['white space', '"version":1', '"version": 1', 'is not in canonical form'],
  ['a long actor', '"id":"a"', `"id":"${'a'.repeat(129)}"`, 'is no entry: actor.id'],
  ['a long tenant', '"tenant":"t"', `"tenant":"${'t'.repeat(64)}"`, 'is no entry: tenant'],
  ['a long subject', '"subject":"s"', `"subject":"${'s'.repeat(301)}"`, 'is no entry: subject'],
  ['a long reason', '"reason":null', `"reason":"${'r'.repeat(201)}"`, 'is no entry: reason'],
  ['a long detail', '"details":{}', `"details":{"a":"${'d'.repeat(301)}"}`, 'is no entry: details.a'],
  [
    'too many bytes',
    '"details":{}',
    `"details":{${Array.from({ length: 12 }, (_, at) => `"${at + 10}":"${'é'.repeat(290)}"`).join(',')}}`,
    'has more than 3072 bytes',
  ],
])('refuses %s', (_, from, to, fault) => {
  expect(entryForm(plainText)).toEqual({ id: '019ac7a0-0000-7000-8000-000000000001' })
  const changed = plainText.replace(from, to)
  expect(changed).not.toBe(plainText)
  expect(entryForm(changed).fault).toMatch(fault)
  expect(entryFormRead(changed).fault).toMatch(fault)
})
