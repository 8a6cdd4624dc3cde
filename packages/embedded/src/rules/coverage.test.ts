import { expect, test } from 'vitest'
import { compileRules } from './compile.ts'
import { ask } from './testing.ts'
import { Failure } from './values/failure.ts'
import type { ExpressionReport } from './coverage.ts'

const source = `rules_version = '2';
service cloud.firestore {
  match /databases/{database}/documents {
    function known(uid) { return uid != null; }
    match /c/{id} { allow get: if known(request.auth.uid) && id == 'd'; }
  }
}`

const text = ({ position }: ExpressionReport): string => source.slice(position.offset, position.endOffset + 1)
const seen = ({ values }: ExpressionReport) =>
  values.map(({ value, count }) => [value instanceof Failure ? value.message : value, count])

test('a report has every expression, what it was worth, and how often', () => {
  const { ruleset } = compileRules(source, { coverage: true })
  if (!ruleset) throw new Error('does not compile')
  for (const uid of ['ann', 'ann', 'bob']) ask(ruleset, { path: 'c/d', uid })
  ask(ruleset, { path: 'c/x', uid: 'ann' })
  ask(ruleset, { path: 'c/d' })
  const report = ruleset.coverage()
  expect(report.map(text)).toEqual(['uid != null', "known(request.auth.uid) && id == 'd'"])
  const [inFunction, condition] = report as [ExpressionReport, ExpressionReport]
  expect(seen(inFunction)).toEqual([
    [true, 4],
    ['Null value error.', 1],
  ])
  expect(seen(condition)).toEqual([
    [true, 3],
    [false, 1],
    ['Null value error.', 1],
  ])
  const uid = condition.children[0]?.children[0] as ExpressionReport
  expect(text(uid)).toBe('request.auth.uid')
  expect(seen(uid)).toEqual([
    ['ann', 3],
    ['bob', 1],
    ['Null value error.', 1],
  ])
})

test('nothing is kept unless asked for', () => {
  const { ruleset } = compileRules(source)
  if (!ruleset) throw new Error('does not compile')
  ask(ruleset, { path: 'c/d', uid: 'ann' })
  expect(ruleset.coverage().flatMap(({ values }) => values)).toEqual([])
})
