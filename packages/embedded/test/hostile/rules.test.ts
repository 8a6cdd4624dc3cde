import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { Attack } from './attack.ts'

const ALLOWED = 200
const DENIED = 403
const MANY = 100_000

let attack: Attack

beforeAll(async () => {
  attack = await Attack.begin()
}, 30_000)
afterEach(() => attack.expectWell())
afterAll(() => attack.end())

const at = (path: string) => `http://127.0.0.1:${attack.engines.ports.firestore}${path}`

/** Rules that let users list documents of `c` where a condition holds. */
const rulesOf = (condition: string, functions = '') =>
  `rules_version = '2'; service cloud.firestore { ${functions}
    match /databases/{d}/documents { match /c/{x} { allow list: if ${condition}; } } }`

const load = async (content: string): Promise<number> => {
  const body = JSON.stringify({ rules: { files: [{ content }] } })
  return (await fetch(at('/emulator/v1/projects/p:securityRules'), { method: 'PUT', body })).status
}

const ask = async (): Promise<number> =>
  (await fetch(at('/v1/projects/p/databases/(default)/documents/c'), { method: 'GET' })).status

const steps = (step: (before: string) => string) =>
  Array.from({ length: 9 }, (_, i) => `let v${i + 1} = ${step(`v${i}`)};`).join(' ')

// Each function does nine steps, and each hands what it has to the next.
const grown = (start: string, step: (before: string) => string) =>
  Array.from(
    { length: 12 },
    (_, i) => `function f${i}(v0) { ${steps(step)} return ${i === 0 ? 'v9' : `f${i - 1}(v9)`}; }`,
  )
    .join('\n')
    .concat(`\nfunction all() { return f11(${start}); }`)

test.each([
  ['strings that double', grown("'xx'", (v) => `${v} + ${v}`), 'all().size() > 0'],
  ['a replacement that squares', grown("'xx'", (v) => `${v}.replace('x', ${v})`), 'all().size() > 0'],
  ['lists that double', grown('[1, 2]', (v) => `${v}.concat(${v})`), 'all().size() > 0'],
  ['lists within lists that double', grown('[1]', (v) => `[${v}, ${v}]`), 'all() == all()'],
  ['maps within maps that double', grown("{'a': 1}", (v) => `{'a': ${v}, 'b': ${v}}`), 'all() == all()'],
  ['lists joined by what they join', grown("'xx'", (v) => `[${v}, ${v}, ${v}].join(${v})`), 'all().size() > 0'],
])('%s end in a failure', async (_, functions, condition) => {
  expect([await load(rulesOf(condition, functions)), await ask()]).toEqual([200, DENIED])
})

test.each([
  [
    'an expression that other engines go back over',
    "!'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'.matches('(a+)+b')",
    ALLOWED,
  ],
  ['all of a long text', `!'${'a'.repeat(MANY)}'.matches('(.*)(.*)(.*)x')`, ALLOWED],
  ['a text in pieces', `'${'a'.repeat(MANY)}'.split('').size() > 1`, ALLOWED],
])('regular expressions: %s', async (_, condition, status) => {
  expect([await load(rulesOf(condition)), await ask()]).toEqual([200, status])
})

test.each([
  ['parentheses', `${'('.repeat(MANY)}true${')'.repeat(MANY)}`],
  ['negations', `${'!'.repeat(MANY)}true`],
  ['lists', `${'['.repeat(MANY)}${']'.repeat(MANY)}`],
  ['conditions', `${'true && '.repeat(MANY / 10)}true`],
  ['members', `a${'.b'.repeat(MANY)}`],
  ['counted repetitions', "'a'.matches('((a{1,100}){1,100}){1,100}')"],
  ['groups', `'a'.matches('${'('.repeat(MANY / 10)}a${')'.repeat(MANY / 10)}')`],
])('depth is refused: %s', async (_, condition) => {
  expect(await load(rulesOf(condition))).toBe(400)
})
