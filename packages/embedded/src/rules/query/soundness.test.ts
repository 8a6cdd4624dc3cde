import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileFilter } from '../../firestore/query/match.ts'
import type { CompareOp, Filter } from '../../firestore/query/query.ts'
import { MapValue, Timestamp as EngineTimestamp, type Value } from '../../firestore/values/value.ts'
import { compileRules } from '../compile.ts'
import { resourceOf } from './symbolic-document.ts'
import type { Constraint, ConstraintOperator, RulesRequest } from '../request.ts'
import { Timestamp, type RulesMap, type RulesValue } from '../values/value.ts'

// The engine's own filters say which documents a query returns; the language without any query says which are allowed.

const toRules = (value: Value): RulesValue => {
  if (value instanceof MapValue) return mapToRules(value)
  if (value instanceof EngineTimestamp) return Timestamp.fromMillis(value.seconds * 1000)
  return Array.isArray(value) ? value.map((item: Value) => toRules(item)) : (value as RulesValue)
}
const mapToRules = (map: MapValue): RulesMap =>
  new Map(map.keys.map((key, i) => [key, toRules(map.values[i] as Value)]))

/** Values that meet each other often, and how the language writes them; null where it cannot. */
const values: readonly (readonly [Value, string | null])[] = [
  [null, 'null'],
  [true, 'true'],
  [false, 'false'],
  [1n, '1'],
  [1, '1.0'],
  [2n, '2'],
  [1.5, '1.5'],
  [-0, null],
  [NaN, null],
  ['x', "'x'"],
  ['y', "'y'"],
  ['', "''"],
  [['x'], "['x']"],
  [['x', 'y'], "['x', 'y']"],
  [[1n, 'x'], "[1, 'x']"],
  [[1], '[1.0]'],
  [[], '[]'],
  [MapValue.from([['x', 1n]]), "{'x': 1}"],
  [MapValue.from([['x', 'y']]), "{'x': 'y'}"],
  [MapValue.from([['y', true]]), "{'y': true}"],
  [MapValue.EMPTY, '{}'],
  [new EngineTimestamp(1, 0), 'timestamp.value(1000)'],
]
const value = fc.constantFrom(...values.map(([one]) => one))
const literal = fc.constantFrom(...values.flatMap(([, text]) => text ?? []))

const fieldNames = ['a', 'b', 'm'] as const
const document = fc
  .record({ a: value, b: value, m: value }, { requiredKeys: [] })
  .map((record) => MapValue.from(Object.entries(record)))

const fieldPath = fc.constantFrom<readonly string[]>(['a'], ['b'], ['m'], ['m', 'x'])

const operators: readonly (readonly [CompareOp, ConstraintOperator])[] = [
  ['EQUAL', '=='],
  ['NOT_EQUAL', '!='],
  ['LESS_THAN', '<'],
  ['LESS_THAN_OR_EQUAL', '<='],
  ['GREATER_THAN', '>'],
  ['GREATER_THAN_OR_EQUAL', '>='],
  ['ARRAY_CONTAINS', 'array-contains'],
]
const listOperators: readonly (readonly [CompareOp, ConstraintOperator])[] = [
  ['IN', 'in'],
  ['NOT_IN', 'not-in'],
  ['ARRAY_CONTAINS_ANY', 'array-contains-any'],
]

interface Both {
  readonly filter: Filter
  readonly constraint: Constraint
}

const comparison = (field: readonly string[], [op, operator]: (typeof operators)[number], operand: Value): Both => ({
  filter: { kind: 'compare', field, op, value: operand },
  constraint: { kind: 'field', field, operator, value: toRules(operand) },
})
const unary = (field: readonly string[], isNull: boolean, negated: boolean): Both => ({
  filter: {
    kind: 'unary',
    field,
    op: isNull ? (negated ? 'IS_NOT_NULL' : 'IS_NULL') : negated ? 'IS_NOT_NAN' : 'IS_NAN',
  },
  constraint: { kind: 'field', field, operator: negated ? '!=' : '==', value: isNull ? null : NaN },
})
const fieldQuery: fc.Arbitrary<Both> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fieldPath, fc.constantFrom(...operators), value).map((of) => comparison(...of)) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fieldPath, fc.constantFrom(...listOperators), fc.array(value, { minLength: 1, maxLength: 3 }))
      .map((of) => comparison(...of)),
  },
  { weight: 1, arbitrary: fc.tuple(fieldPath, fc.boolean(), fc.boolean()).map((of) => unary(...of)) },
)
const combined = (kind: 'and' | 'or', parts: readonly Both[]): Both => ({
  filter: { kind, filters: parts.map(({ filter }) => filter) },
  constraint: { kind, constraints: parts.map(({ constraint }) => constraint) },
})
const { query } = fc.letrec<{ query: Both }>((tie) => ({
  query: fc.oneof(
    { depthSize: 'small', maxDepth: 2 },
    fieldQuery,
    fc
      .tuple(fc.constantFrom('and' as const, 'or' as const), fc.array(tie('query'), { minLength: 1, maxLength: 3 }))
      .map(([kind, parts]) => combined(kind, parts)),
  ),
}))

const field = fc.constantFrom('a', 'b', 'm', 'm.x')
const operand = fc.oneof(
  { weight: 4, arbitrary: field.map((name) => `resource.data.${name}`) },
  { weight: 3, arbitrary: literal },
  {
    weight: 1,
    arbitrary: fc.constantFrom("resource.data['a']", "resource.data.m['x']", 'resource.data.m', 'keep(a())'),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom("'a'", "'b'", "['m', 'x']"), literal)
      .map(([k, d]) => `resource.data.get(${k}, ${d})`),
  },
  { weight: 1, arbitrary: fc.constantFrom('id', 'resource.id', "{'x': resource.data.a}", '[resource.data.a, 2]') },
)
const lists = fc.array(literal, { maxLength: 3 }).map((items) => `[${items.join(', ')}]`)
const atom = fc.oneof(
  fc
    .tuple(operand, fc.constantFrom('==', '!=', '<', '<=', '>', '>=', 'in', '+', '-'), operand)
    .map(([left, operator, right]) => `${left} ${operator} ${right}`),
  fc
    .tuple(operand, fc.constantFrom('int', 'float', 'number', 'string', 'bool', 'list', 'map', 'null', 'timestamp'))
    .map(([left, type]) => `${left} is ${type}`),
  fc.tuple(operand, lists).map(([left, list]) => `${left} in ${list}`),
  fc
    .tuple(operand, fc.constantFrom('hasAny', 'hasAll', 'hasOnly'), lists, fc.boolean(), fc.boolean())
    .map(
      ([left, method, list, set, other]) =>
        `${left}${set ? '.toSet()' : ''}.${method}(${list}${other ? '.toSet()' : ''})`,
    ),
  fc
    .tuple(fc.constantFrom('hasAny', 'hasAll', 'hasOnly'), fc.subarray(["'a'", "'b'", "'m'", "'z'"]))
    .map(([method, keys]) => `resource.data.keys().${method}([${keys.join(', ')}])`),
  fc
    .tuple(fc.constantFrom("'a'", "'b'", "'x'"), fc.constantFrom('resource.data', 'resource.data.m'))
    .map((of) => of.join(' in ')),
  fc.tuple(operand, fc.constantFrom(0, 1, 2)).map(([left, size]) => `${left}.size() == ${size}`),
  operand,
)
const { rule } = fc.letrec<{ rule: string }>((tie) => ({
  rule: fc.oneof(
    { depthSize: 'small', maxDepth: 3 },
    atom,
    fc.tuple(tie('rule'), fc.constantFrom('&&', '||', '=='), tie('rule')).map(([l, op, r]) => `(${l}) ${op} (${r})`),
    tie('rule').map((inner) => `!(${inner})`),
    fc.tuple(tie('rule'), tie('rule'), tie('rule')).map(([c, t, f]) => `(${c}) ? (${t}) : (${f})`),
    tie('rule').map((inner) => `keep(${inner})`),
  ),
}))

const source = (condition: string): string => `rules_version = '2';
service cloud.firestore {
  function keep(x) { let kept = x; return kept; }
  match /databases/{database}/documents {
    match /c/{id} {
      function a() { return resource.data.a; }
      allow list: if ${condition};
    }
  }
}`

const collection = ['databases', '(default)', 'documents', 'c']
const base: Omit<RulesRequest, 'path' | 'resource'> = {
  service: 'cloud.firestore',
  method: 'list',
  auth: null,
  time: Timestamp.fromMillis(0),
}

test('what a query is allowed is allowed for every document that it returns', () => {
  let allowedWithResults = 0
  fc.assert(
    fc.property(
      rule,
      query,
      fc.array(document, { minLength: 1, maxLength: 12 }),
      fc.subarray([...fieldNames]),
      (condition, { filter, constraint }, documents, ordered) => {
        const { ruleset } = compileRules(source(condition))
        if (!ruleset) return
        const orderBy = ordered.map((name) => ({ field: [name], direction: 'ASC' }) as const)
        const asked = { constraint, orderBy, limit: null, offset: null, allDescendants: false }
        const listed = ruleset.decide({ ...base, path: collection, resource: null, query: asked })
        if (!listed.allowed) return
        const matches = compileFilter(filter)
        const returned = documents.filter(
          (fields) => matches({ name: 'd' }, fields) && ordered.every((name) => fields.keys.includes(name)),
        )
        if (returned.length > 0) allowedWithResults++
        for (const fields of returned) {
          const path = [...collection, 'd']
          const single = ruleset.decide({ ...base, path, resource: resourceOf(path, mapToRules(fields)) })
          expect(single.reasons).toEqual([])
        }
      },
    ),
    { numRuns: 15_000 },
  )
  // That it says anything: of what is made at random, this much is allowed and returns documents.
  expect(allowedWithResults).toBeGreaterThan(100)
})
