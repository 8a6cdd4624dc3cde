import { describe, expect, test } from 'vitest'
import type { Constraint, ListQuery } from '../request.ts'
import { ask, firestoreRules, rulesValueOf, type Plain } from '../testing.ts'
import { Path } from '../values/value.ts'

type Operator = Extract<Constraint, { kind: 'field' }>['operator']

const where = (field: string, operator: Operator, value: Plain): Constraint => ({
  kind: 'field',
  field: field === '__name__' ? field : field.split('.'),
  operator,
  value: rulesValueOf(value),
})
const and = (...constraints: Constraint[]): Constraint => ({ kind: 'and', constraints })
const or = (...constraints: Constraint[]): Constraint => ({ kind: 'or', constraints })

const decide = (condition: string, constraint: Constraint | null, query: Partial<ListQuery> = {}) =>
  ask(firestoreRules(`match /c/{id} { allow list: if ${condition}; }`), {
    path: 'c',
    method: 'list',
    uid: 'ann',
    query: { constraint, ...query },
    documents: { 'users/ann': { admin: true, team: 't1' }, 'c/d': { owner: 'ann' } },
  })

const own = where('owner', '==', 'ann')
const owner = 'resource.data.owner == request.auth.uid'
const user = 'get(/databases/$(database)/documents/users/$(request.auth.uid)).data'

describe('a query is allowed if all that it can return is', () => {
  const cases: readonly (readonly [string, Constraint | null, boolean])[] = [
    // What does not depend on the documents.
    ['true', null, true],
    ['request.auth != null', null, true],
    ['resource != null', null, true],
    [`${user}.admin`, null, true],
    [`${user}.admin == false`, null, false],
    ["request.auth.uid == 'bob'", own, false],
    // Equality.
    [owner, own, true],
    [owner, null, false],
    [owner, where('owner', '==', 'bob'), false],
    [owner, where('other', '==', 'ann'), false],
    [`${owner} || false`, own, true],
    ["resource.data.owner != 'bob'", own, true],
    ["resource.data['owner'] == 'ann'", own, true],
    ["resource.data.get('owner', '') == 'ann'", own, true],
    ["resource.data.get('other', 'x') == 'x'", own, false],
    ['resource.data.owner is string', own, true],
    ['resource.data.owner.size() == 3', own, true],
    ["resource.data.owner in ['ann', 'bob']", own, true],
    ["resource.data.owner in ['bob']", own, false],
    [`resource.data.team == ${user}.team`, where('team', '==', 't1'), true],
    ['resource.data.public', where('public', '==', true), true],
    ['resource.data.public', where('public', '==', false), false],
    ['!resource.data.hidden', where('hidden', '==', false), true],
    ['resource.data.gone == null', where('gone', '==', null), true],
    ['resource.data.n == 1', where('n', '==', 1), true],
    ['resource.data.n == 1.0', where('n', '==', 1), true],
    ['resource.data.n > 0 && resource.data.n <= 1', where('n', '==', 1), true],
    ['resource.data.n is number', where('n', '==', 1), true],
    // Firestore finds 1.0 as well.
    ['resource.data.n is int', where('n', '==', 1), false],
    ['resource.data.n / 2 == 0', where('n', '==', 1), false],
    // Several at once, any of several.
    ['resource.data.a == 1 && resource.data.b == 2', and(where('a', '==', 1), where('b', '==', 2)), true],
    ['resource.data.a == 1 && resource.data.b == 2', where('a', '==', 1), false],
    ['resource.data.a == 1 || resource.data.b == 2', where('b', '==', 2), true],
    ['resource.data.a == 1 || resource.data.b == 2', or(where('a', '==', 1), where('b', '==', 2)), true],
    ['resource.data.a == 1 || resource.data.b == 2', or(where('a', '==', 1), where('b', '==', 3)), false],
    [owner, where('owner', 'in', ['ann']), true],
    [owner, where('owner', 'in', ['ann', 'bob']), false],
    ["resource.data.owner in ['ann', 'bob', 'eve']", where('owner', 'in', ['ann', 'bob']), true],
    ["resource.data.kind == 'x' ? true : resource.data.kind == 'y'", where('kind', 'in', ['x', 'y']), true],
    // Ranges.
    ['resource.data.n >= 18', where('n', '>=', 18), true],
    ['resource.data.n >= 18', where('n', '>', 18), true],
    ['resource.data.n > 18', where('n', '>=', 18), false],
    ['resource.data.n >= 18', where('n', '>=', 17), false],
    ['resource.data.n < 10', where('n', '<', 5), true],
    ['resource.data.n != 7', where('n', '<', 5), true],
    ['5 <= resource.data.n && resource.data.n < 10', and(where('n', '>=', 5), where('n', '<', 10)), true],
    ['!(resource.data.n < 5)', where('n', '>=', 5), true],
    ['resource.data.n is number', where('n', '>', 1), true],
    ['resource.data.n is string', where('n', '>', 1), false],
    ["resource.data.s >= 'a'", where('s', '>=', 'b'), true],
    ["resource.data.s != 'b'", where('s', '!=', 'b'), true],
    ['resource.data.s != null', where('s', '!=', 'b'), true],
    ["!(resource.data.s in ['a', 'b'])", where('s', 'not-in', ['a', 'b', 'c']), true],
    ["!(resource.data.s in ['a', 'd'])", where('s', 'not-in', ['a', 'b', 'c']), false],
    // Arrays.
    ['request.auth.uid in resource.data.members', where('members', 'array-contains', 'ann'), true],
    ['request.auth.uid in resource.data.members', where('members', 'array-contains', 'bob'), false],
    ["resource.data.members.hasAny(['ann', 'x'])", where('members', 'array-contains', 'ann'), true],
    ["resource.data.members.hasAny(['ann', 'bob'])", where('members', 'array-contains-any', ['ann', 'bob']), true],
    ["resource.data.members.hasAny(['ann'])", where('members', 'array-contains-any', ['ann', 'bob']), false],
    ["resource.data.members.hasAll(['ann'])", where('members', 'array-contains', 'ann'), true],
    ["resource.data.members.toSet().hasAny(['ann'].toSet())", where('members', 'array-contains', 'ann'), true],
    ['resource.data.members is list', where('members', 'array-contains', 'ann'), true],
    ['resource.data.members.size() == 1', where('members', 'array-contains', 'ann'), false],
    // Maps.
    ['resource.data.roles.owner == "ann"', where('roles.owner', '==', 'ann'), true],
    ['resource.data.roles["owner"] == "ann"', where('roles.owner', '==', 'ann'), true],
    ['resource.data.get(["roles", "owner"], "") == "ann"', where('roles.owner', '==', 'ann'), true],
    ['resource.data.roles is map', where('roles.owner', '==', 'ann'), true],
    ['resource.data.roles[request.auth.uid] == "w"', where('roles.ann', '==', 'w'), true],
    ['request.auth.uid in resource.data.roles', where('roles.ann', '==', 'w'), true],
    ["resource.data.m.keys().hasOnly(['n'])", where('m', '==', { n: 1 }), true],
    ["resource.data.m.keys().hasOnly(['n'])", where('m.n', '==', 1), false],
    ['resource.data.m == {"a": 1, "b": [2]}', where('m', '==', { b: [2], a: 1 }), true],
    // Fields that are there, and fields of which that is not known.
    ["'owner' in resource.data", own, true],
    ["'other' in resource.data", own, false],
    ["!('other' in resource.data)", own, false],
    ["resource.data.keys().hasAll(['owner'])", own, true],
    ["resource.data.keys().hasAny(['owner', 'x'])", own, true],
    ["resource.data.keys().hasOnly(['owner'])", own, false],
    ['resource.data.keys().size() == 1', own, false],
    ['resource.data == {"owner": "ann"}', own, false],
    ["resource.data.diff({}).addedKeys().hasOnly(['owner'])", own, false],
    // The document itself.
    ["id == 'd'", null, false],
    ["id != 'd'", null, false],
    ["request.auth.uid == 'ann' || id == 'd'", null, true],
    [
      "id == 'd' && resource.id == 'd'",
      where('__name__', '==', new Path(['databases', '(default)', 'documents', 'c', 'd'])),
      true,
    ],
    // Of a query for one document, that document counts.
    [owner, where('__name__', '==', new Path(['databases', '(default)', 'documents', 'c', 'd'])), true],
    [owner, where('__name__', '==', new Path(['databases', '(default)', 'documents', 'c', 'e'])), false],
    [
      "resource.data.owner == 'bob'",
      where('__name__', '==', new Path(['databases', '(default)', 'documents', 'c', 'd'])),
      false,
    ],
    ["resource.id == 'd'", null, false],
    ['exists(/databases/$(database)/documents/users/$(id))', null, false],
    ['exists(/databases/$(database)/documents/users/$(resource.data.owner))', own, true],
  ]

  test.each(cases)('%s, %o: %s', (condition, constraint, allowed) => {
    expect(decide(condition, constraint).allowed).toBe(allowed)
  })

  test('a field in which it is ordered is there', () => {
    const orderBy = [{ field: ['n'], direction: 'ASC' }] as const
    expect(decide("'n' in resource.data", null, { orderBy }).allowed).toBe(true)
    expect(decide('resource.data.n == 1', null, { orderBy }).allowed).toBe(false)
  })

  test('what the query says of itself counts', () => {
    expect(decide('request.query.limit <= 10', null, { limit: 10 }).allowed).toBe(true)
    expect(decide('request.query.limit <= 10', null, { limit: 11 }).allowed).toBe(false)
    expect(decide('request.query.limit <= 10', null).reasons[0]?.message).toBe('Null value error.')
    expect(decide('request.query.limit == null', null).allowed).toBe(true)
    expect(decide('request.query.offset == 0', null).allowed).toBe(true)
    expect(decide('request.query.offset == 1', null, { offset: 1 }).allowed).toBe(true)
    expect(decide('request.query.orderBy is map && request.query.orderBy.size() == 0', null).allowed).toBe(true)
    const orderBy = [
      { field: ['n', 'm'], direction: 'DESC' },
      { field: '__name__', direction: 'DESC' },
    ] as const
    expect(decide("request.query.orderBy == {'n.m': 'DESC'}", null, { orderBy }).allowed).toBe(true)
  })

  test('twenty documents may be read for it', () => {
    const reading = (n: number): string =>
      Array.from({ length: n }, (_, i) => `!exists(/databases/$(database)/documents/x/d${i})`).join(' && ')
    expect(decide(reading(20), null).allowed).toBe(true)
    expect(decide(reading(21), null).allowed).toBe(false)
  })

  test('many alternatives are too many to look at, and then say nothing', () => {
    const values = Array.from({ length: 12 }, (_, i) => i)
    const many = and(where('a', 'in', values), where('b', 'in', values))
    expect(decide('resource.data.a < 12', many).allowed).toBe(true)
    expect(decide('resource.data.a < 12 && resource.data.b < 12', many).allowed).toBe(false)
  })

  test('a refusal says which field is not known, as the emulator does', () => {
    expect(decide('resource.data.x == 1', own).reasons[0]?.message).toBe('Property x is undefined on object.')
    expect(decide("id == 'x'", own).reasons[0]?.message).toBe('Null value error.')
    const rules = firestoreRules('match /{rest=**} { allow list: if rest[0] == "c"; }')
    const { reasons } = ask(rules, { path: 'c', method: 'list', query: {} })
    expect(reasons[0]?.message).toBe('Variable is not bound in path template.')
  })
})

describe('a query of a collection group', () => {
  const group = (pattern: string, path: string, condition = 'true'): boolean =>
    ask(firestoreRules(`match ${pattern} { allow list: if ${condition}; }`), {
      path,
      method: 'list',
      query: { allDescendants: true },
    }).allowed

  test.each([
    ['/{path=**}/posts/{id}', 'posts', true],
    ['/{all=**}', 'posts', true],
    ['/posts/{id}', 'posts', false],
    ['/users/{uid}/posts/{id}', 'posts', false],
    ['/users/{uid}/{rest=**}', 'posts', false],
    ['/users/{uid}/{rest=**}', 'users/ann/posts', true],
    ['/users/{uid}/{rest=**}', 'users/ann/posts', true],
    ['/{path=**}/other/{id}', 'posts', false],
  ])('%s and %s: %s', (pattern, path, allowed) => {
    expect(group(pattern, path)).toBe(allowed)
  })

  test('knows the part of the path that is the same for all', () => {
    expect(group('/users/{uid}/{rest=**}', 'users/ann/posts', "uid == 'ann'")).toBe(true)
    expect(group('/{path=**}/posts/{id}', 'posts', "path[0] == 'users'")).toBe(false)
  })
})
