import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileRules } from './compile.ts'
import { formatDenial } from './decision.ts'
import { projects } from './projects.ts'
import { DocumentAccesses, type RulesRequest } from './request.ts'
import { rulesMapOf } from './testing.ts'
import { Timestamp } from './values/value.ts'

const path = (below: string): string[] => ['databases', '(default)', 'documents', ...below.split('/')]
const data = rulesMapOf({ name: 'x', owner: 'ann', members: ['ann'], n: 1, nested: { a: { b: null } }, f: 1.5 })
const base = {
  service: 'cloud.firestore',
  auth: rulesMapOf({ uid: 'ann', token: { admin: true, email: 'a@b.c' } }),
  time: Timestamp.fromMillis(1e12),
  resource: new Map([['data', data]]),
  requestResource: new Map([['data', data]]),
  lookup: () => new Map([['data', data]]),
} as const
const query = { constraint: null, orderBy: [], limit: 10, offset: null, allDescendants: false }
const requests: readonly RulesRequest[] = [
  { ...base, method: 'get', path: path('users/ann') },
  { ...base, method: 'create', path: path('tenants/t1/orders/o1') },
  { ...base, method: 'update', path: path('rooms/r1/messages/m1/deep/er') },
  { ...base, method: 'list', path: path('rooms'), query },
  { ...base, method: 'list', path: path('messages'), query: { ...query, allDescendants: true } },
  { ...base, service: 'firebase.storage', method: 'get', path: ['b', 'bucket', 'o', 'users', 'ann', 'x.png'] },
  { ...base, service: 'firebase.storage', method: 'list', path: ['b', 'bucket', 'o', 'users'], folder: 'descendants' },
]

/** Compiles and, if that works, decides a few requests: nothing may throw, whatever the source. */
const survives = (source: string): void => {
  const { ruleset, issues } = compileRules(source, { coverage: true })
  expect(ruleset === null).toBe(issues.some(({ severity }) => severity === 'ERROR'))
  for (const { position } of issues) {
    if (position) expect(position.offset <= source.length && position.line >= 1 && position.column >= 1).toBe(true)
  }
  if (!ruleset) return
  for (const request of requests) {
    const decision = ruleset.decide({ ...request, accesses: new DocumentAccesses(10) })
    expect(formatDenial([decision])).toMatch(/^\n/)
    expect(decision.expressions).toBeLessThanOrEqual(1001)
  }
  ruleset.coverage()
}

const sources = Object.values(projects)
const words = [
  'match',
  'allow',
  'if',
  'let',
  '{',
  '}',
  '(',
  ')',
  '[',
  ']',
  '/',
  '/{x=**}',
  '$(',
  "'",
  '"',
  ';',
  ',',
  ':',
]
const more = [
  '&&',
  '||',
  '!',
  '-',
  '?',
  'in',
  'is',
  '==',
  '.data',
  '.get(',
  '9'.repeat(25),
  '\\',
  '/*',
  '//',
  '\u0000',
  '\n',
  'é👍',
]
const piece = fc.oneof(fc.constantFrom(...words, ...more), fc.string({ maxLength: 6 }))

test('any text', () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => survives(pieces.join(' '))),
    { numRuns: 1000 },
  )
})

test('expressions of anything', () => {
  const wrap = (text: string): string =>
    `rules_version = '2'; service cloud.firestore { match /databases/{d}/documents/{all=**} { allow read, write: if ${text}; } }`
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => survives(wrap(pieces.join(' ')))),
    { numRuns: 1000 },
  )
})

test('real rules, damaged', () => {
  const damage = fc.record({ at: fc.nat(), length: fc.nat({ max: 30 }), text: piece })
  fc.assert(
    fc.property(fc.constantFrom(...sources), fc.array(damage, { minLength: 1, maxLength: 4 }), (source, damages) => {
      let text = source
      for (const { at, length, text: put } of damages) {
        const start = at % (text.length + 1)
        text = text.slice(0, start) + put + text.slice(start + length)
      }
      survives(text)
    }),
    { numRuns: 1500 },
  )
})

test('real rules, with tokens swapped', () => {
  fc.assert(
    fc.property(fc.constantFrom(...sources), fc.nat(), fc.nat(), (source, first, second) => {
      const tokens = source.split(/(\s+|[(){}[\];,.])/)
      const [a, b] = [first % tokens.length, second % tokens.length]
      const swapped = tokens.with(a, tokens[b] as string).with(b, tokens[a] as string)
      survives(swapped.join(''))
    }),
    { numRuns: 1000 },
  )
})

/** Texts that are easily taken wrongly: kept, so that each is tried every time. */
test.each([
  'service',
  'service cloud.',
  'service cloud.firestore { match /',
  'service cloud.firestore { match /{',
  'service cloud.firestore { match /{x=',
  'service cloud.firestore { match /a/$(b) {} }',
  'service cloud.firestore { match /a { allow read: if /a/$( ; } }',
  'service cloud.firestore { match /a { allow read: if /a/$(/b/$(/c/$(x))); } }',
  "service cloud.firestore { match /a { allow read: if '\\",
  'service cloud.firestore { match /a { allow read: if b"\\x',
  'service cloud.firestore { function constructor() { return __proto__.toString(); } match /{x} { allow read: if constructor(); } }',
  'service cloud.firestore { match /{all=**} { allow constructor, __proto__: if {"__proto__": 1}.__proto__ == 1; } }',
  "rules_version = '2'; service cloud.firestore { match /databases/{d}/documents/{x=**} { allow read: if 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'.matches('(a+)+$'); } }",
  "rules_version = '2'; service cloud.firestore { match /{a=**} { match /{b=**} { match /{c=**} { allow read: if a == b; } } } }",
  "rules_version = '2'; service cloud.firestore { match /{a=**} { allow read: if 'x'.split('')[0:1].join('').replace('', '$0$0').matches(''); } }",
  '\ufeffrules_version = "2";',
  'rules_version = "2"; rules_version = "1";',
])('%s', (source) => {
  expect(() => survives(source)).not.toThrow()
})
