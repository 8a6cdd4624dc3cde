import { describe, expect, test } from 'vitest'
import { compileRules } from '../compile.ts'
import { formatDenial } from '../decision.ts'
import { DocumentAccesses } from '../request.ts'
import { ask, evaluated, firestoreRules, rulesMapOf } from '../testing.ts'
import { resourceOf } from '../query/symbolic-document.ts'

const fails = '{}.x'

describe('operators', () => {
  test.each([
    ['1 + 2 * 3 - 4 / 2 == 5', true],
    ['10 - 3 - 2 == 5', true],
    ['2 * 3 % 4 == 2', true],
    ['-2 * -3 == 6', true],
    ['- -2 == 2', true],
    ['!true == false', true],
    ['true || false && false', true],
    ['(true || false) && false', false],
    ['1 < 2 == true', true],
    ['1 + 1 in [2] == true', true],
    ['1 is int == true', true],
    ["'a' in {'a': 1} && true", true],
    ['true ? false : true', false],
    ['false ? false : true ? true : false', true],
    ['true == false ? false : true', true],
    ["{'a': [{'b': 2}]}.a[0].b == 2", true],
    ["['x', 'y'][0 + 1] == 'y'", true],
    ["!('a' in ['b']) && !(1 is string)", true],
  ])('%s is %s', (expression, value) => {
    expect(evaluated(expression)).toBe(value)
  })
})

describe('failures', () => {
  test.each([
    [`true || ${fails}`, true],
    [`${fails} || true`, true],
    [`false && ${fails}`, false],
    [`${fails} && false`, false],
    [`!(${fails} && false)`, true],
    [`(${fails} || true) && !(false && ${fails})`, true],
    [`false || ${fails}`, 'Property x is undefined on object.'],
    [`${fails} || false`, 'Property x is undefined on object.'],
    [`true && ${fails}`, 'Property x is undefined on object.'],
    [`${fails} && true`, 'Property x is undefined on object.'],
    [`!${fails}`, 'Property x is undefined on object.'],
    [`${fails} ? true : true`, 'Property x is undefined on object.'],
    [`true ? true : ${fails}`, true],
    [`[${fails}] == [] || true`, true],
    [`1 || true`, true],
    [`[1][5] == ${fails}`, 'Index out of bound error. Index: [5] , size: [1].'],
  ])('%s is %s', (expression, value) => {
    expect(evaluated(expression)).toBe(value)
  })

  test('stand where the innermost expression stands', () => {
    const rules = firestoreRules('match /c/{id} {\n  allow get: if true &&\n    resource.data.a.b == 1;\n}')
    const { reasons } = ask(rules, { path: 'c/d', data: { a: {} } })
    expect(reasons).toEqual([
      {
        kind: 'error',
        method: 'get',
        line: 5,
        at: { line: 6, column: 5 },
        message: 'Property b is undefined on object.',
      },
    ])
  })

  test('of a variable or an argument count only where it is used', () => {
    const rules = firestoreRules(`
      function unused(x) { let y = ${fails}; return true; }
      function used(x) { return x == 1; }
      match /c/{id} { allow get: if unused(${fails}); allow list: if used(${fails}); }`)
    expect(ask(rules, { path: 'c/d' }).allowed).toBe(true)
    expect(ask(rules, { path: 'c/d', method: 'list' }).reasons[0]?.message).toBe('Property x is undefined on object.')
  })
})

describe('functions', () => {
  test('see what is around their declaration, not around the call', () => {
    const rules = firestoreRules(`
      function outer() { return id == 'd'; }
      match /c/{id} {
        function inner() { return id == 'd'; }
        function shadowing(id) { return id == 'z'; }
        allow get: if inner() && shadowing('z');
        allow list: if outer();
        match /e/{other} { allow get: if inner() && other == 'f'; }
      }`)
    expect(ask(rules, { path: 'c/d' }).allowed).toBe(true)
    expect(ask(rules, { path: 'c/x' }).allowed).toBe(false)
    expect(ask(rules, { path: 'c/d/e/f' }).allowed).toBe(true)
    expect(ask(rules, { path: 'c/d', method: 'list' }).reasons[0]?.message).toBe('Null value error.')
  })

  test('of an inner block hide those of the same name outside', () => {
    const rules = firestoreRules(`
      function f() { return false; }
      match /c/{id} { function f() { return true; } allow get: if f(); }
      match /d/{id} { allow get: if f(); }`)
    expect(ask(rules, { path: 'c/d' }).allowed).toBe(true)
    expect(ask(rules, { path: 'd/d' }).allowed).toBe(false)
  })

  test('hide those of the language, as the well-known wrapper of get does', () => {
    const rules = firestoreRules(`
      function get(x) { return x == 1; }
      match /c/{id} { allow get: if get(1); }`)
    expect(ask(rules, { path: 'c/d' }).allowed).toBe(true)
  })

  test('have variables that may use those before them', () => {
    const rules = firestoreRules(`
      function f(a) { let b = a + 1; let c = b * 2; return c == 6; }
      match /c/{id} { allow get: if f(2); }`)
    expect(ask(rules, { path: 'c/d' }).allowed).toBe(true)
  })
})

describe('documents', () => {
  const rules = firestoreRules(`
    function doc(path) { return /databases/$(database)/documents/$(path); }
    match /c/{id} {
      allow get: if get(/databases/$(database)/documents/users/$(request.auth.uid)).data.admin;
      allow create: if !exists(/databases/$(database)/documents/c/gone) && exists(/databases/$(database)/documents/users/ann);
      allow update: if getAfter(/databases/$(database)/documents/c/$(id)).data.n
        == get(/databases/$(database)/documents/c/$(id)).data.n + 1;
      allow delete: if existsAfter(/databases/$(database)/documents/c/$(id)) == false;
    }`)
  const documents = { 'users/ann': { admin: true }, 'users/bob': { admin: false } }

  test('are read by get and exists', () => {
    expect(ask(rules, { path: 'c/d', uid: 'ann', documents }).allowed).toBe(true)
    expect(ask(rules, { path: 'c/d', uid: 'bob', documents }).allowed).toBe(false)
    expect(ask(rules, { path: 'c/d', method: 'create', documents }).allowed).toBe(true)
  })

  test('that are not there are null', () => {
    const { reasons } = ask(rules, { path: 'c/d', uid: 'eve', documents })
    expect(reasons[0]?.message).toBe('Null value error.')
  })

  test('are read as they will be', () => {
    const lookup = (path: readonly string[], when: 'before' | 'after') =>
      when === 'before' ? resourceOf(path, rulesMapOf({ n: 1 })) : resourceOf(path, rulesMapOf({ n: 2 }))
    expect(ask(rules, { path: 'c/d', method: 'update', lookup }).allowed).toBe(true)
    const gone = (path: readonly string[], when: 'before' | 'after') =>
      when === 'before' ? resourceOf(path, rulesMapOf({ n: 1 })) : null
    expect(ask(rules, { path: 'c/d', method: 'delete', lookup: gone }).allowed).toBe(true)
    expect(ask(rules, { path: 'c/d', method: 'delete', lookup }).allowed).toBe(false)
  })

  test('are read once each, and no more of them than the limit', () => {
    const exists = (n: number): string =>
      Array.from({ length: n }, (_, i) => `exists(/databases/$(database)/documents/x/d${i})`).join(' || ')
    const read: string[] = []
    const lookup = (path: readonly string[]): null => {
      read.push(path.join('/'))
      return null
    }
    const of = (n: number) => firestoreRules(`match /c/{id} { allow get: if ${exists(n)} || ${exists(n)}; }`)
    expect(ask(of(10), { path: 'c/d', lookup }).reasons[0]?.kind).toBe('false')
    expect(read).toHaveLength(10)
    const message = ask(of(11), { path: 'c/d', lookup }).reasons[0]?.message
    expect(message).toMatch(/^Service call error\. Function: \[exists\], Argument: \[path_value \{\n {2}segments \{/)
    expect(message).toContain('simple: "d10"')
  })

  test('are limited for one decision, and for the request that it is part of', () => {
    const reading = (from: number, n: number) => {
      const paths = Array.from({ length: n }, (_, i) => `!exists(/databases/$(database)/documents/x/d${from + i})`)
      return firestoreRules(`match /c/{id} { allow create: if ${paths.join(' && ')}; }`)
    }
    const all = (...each: [from: number, n: number][]): boolean[] => {
      const accesses = new DocumentAccesses(20)
      return each.map((of) => ask(reading(...of), { path: 'c/d', method: 'create', accesses }).allowed)
    }
    expect(all([0, 11])).toEqual([false])
    expect(all([0, 10], [10, 10])).toEqual([true, true])
    expect(all([0, 7], [7, 7], [14, 7])).toEqual([true, true, false])
    expect(all([0, 7], [0, 7], [7, 7])).toEqual([true, true, true])
  })

  test('count once, whenever they are read', () => {
    const reads = Array.from({ length: 10 }, (_, i) => `!exists(/databases/$(database)/documents/x/d${i})`).join(' && ')
    const of = (path: string) =>
      firestoreRules(
        `match /c/{id} { allow create: if ${reads} && !existsAfter(/databases/$(database)/documents/x/${path}); }`,
      )
    expect(ask(of('d0'), { path: 'c/d', method: 'create' }).allowed).toBe(true)
    expect(ask(of('d10'), { path: 'c/d', method: 'create' }).allowed).toBe(false)
  })

  test('stop the decision when the lookup throws', () => {
    const wait = new Error('ask again')
    const lookup = (): never => {
      throw wait
    }
    const tolerant = firestoreRules('match /c/{id} { allow get: if exists(/databases/x/documents/a/b) || true; }')
    expect(() => ask(tolerant, { path: 'c/d', lookup })).toThrow(wait)
  })
})

describe('the limit of expressions', () => {
  const terms = (n: number): string => Array.from({ length: n }, () => 'true').join(' && ')
  // In production's unit a chain of n terms costs n + 2 (n - 1).
  test.each([
    ['true', 1],
    [terms(20), 58],
    ["id == 'd'", 3],
    ["(id == 'd' ? true : false)", 6],
    ["(id == 'x' ? false : true)", 8],
    ["id in ['d', 'y']", 5],
    ['id is string', 3],
    ['get(/databases/$(database)/documents/cfg/c) == null', 9],
    ['math.abs(1) == 1', 5],
  ])('%s costs %i', (expression, cost) => {
    const rules = firestoreRules(`match /c/{id} { allow get: if ${expression}; }`)
    expect(ask(rules, { path: 'c/d' })).toMatchObject({ allowed: true, expressions: cost })
  })

  test('is 1,000 for all statements together, and nothing gets past it', () => {
    const many = (n: number): string => Array.from({ length: n }, () => `allow get: if !(${terms(33)});`).join('\n')
    const allowedAfter = (n: number) =>
      ask(firestoreRules(`match /c/{id} { ${many(n)} allow get: if true; }`), { path: 'c/d' })
    // 97 + 1 each.
    expect(allowedAfter(10)).toMatchObject({ allowed: true, expressions: 981 })
    const message = 'Unable to evaluate the expression as the maximum of 1000 expressions to evaluate has been reached.'
    const decision = allowedAfter(11)
    expect(decision.allowed).toBe(false)
    // The last one would need no more than one expression, or none.
    expect(decision.reasons.slice(10).map((reason) => reason.message)).toEqual([message, message])
  })

  test('ends functions that call others over and over', () => {
    const functions = Array.from({ length: 20 }, (_, i) =>
      i === 19 ? 'function f19() { return true; }' : `function f${i}() { return f${i + 1}() && f${i + 1}(); }`,
    )
    const rules = firestoreRules(`${functions.join('\n')} match /c/{id} { allow get: if f0() || true; }`)
    expect(ask(rules, { path: 'c/d' }).allowed).toBe(false)
  })
})

describe('matching', () => {
  const allowed = (version: string, pattern: string, path: string): boolean => {
    const rules = firestoreRules(`match ${pattern} { allow get; }`)
    const { ruleset } = compileRules(rules.source.replace("'2'", `'${version}'`))
    return ruleset ? ask(ruleset, { path }).allowed : false
  }

  test.each([
    ['/c/{id}', 'c/d', true, true],
    ['/c/{id}', 'c/d/e/f', false, false],
    ['/c/d', 'c/d', true, true],
    ['/c/{id=**}', 'c/d', true, true],
    ['/c/{id=**}', 'c/d/e/f', true, true],
    ['/c/d/{rest=**}', 'c/d', false, true],
    ['/{all=**}', 'c/d/e/f', true, true],
    ['/{path=**}/e/{id}', 'c/d/e/f', false, true],
    ['/{path=**}/e/{id}', 'e/f', false, true],
    ['/{path=**}/e/{id}', 'e/f/g/h', false, false],
  ])('%s and %s', (pattern, path, first, second) => {
    expect([allowed('1', pattern, path), allowed('2', pattern, path)]).toEqual([first, second])
  })

  test('gives recursive captures as paths', () => {
    const rules = firestoreRules(
      "match /c/{rest=**} { allow get: if rest == /d/e/f && rest[1] == 'e' && rest is path; }",
    )
    expect(ask(rules, { path: 'c/d/e/f' }).allowed).toBe(true)
  })

  test('of several blocks allows what any of them allows', () => {
    const rules = firestoreRules(`
      match /c/{id} { allow get: if false; }
      match /{any=**} { allow read: if {}.x; }
      match /c/d { allow get; }`)
    expect(ask(rules, { path: 'c/d' }).allowed).toBe(true)
    expect(formatDenial([ask(rules, { path: 'c/e' })])).toBe(
      "\nfalse for 'get' @ L5, Property x is undefined on object. for 'get' @ L6",
    )
  })

  test('nothing says so', () => {
    const rules = firestoreRules('match /c/{id} { allow write; }')
    expect(formatDenial([ask(rules, { path: 'c/d' })])).toBe('\nNo matching allow statements')
    expect(ask(rules, { path: 'c/d', service: 'firebase.storage' }).allowed).toBe(false)
  })

  test('read and write stand for their methods', () => {
    const rules = firestoreRules('match /c/{id} { allow read; } match /d/{id} { allow write; }')
    const methods = ['get', 'list', 'create', 'update', 'delete'] as const
    const allowedIn = (path: string) => methods.filter((method) => ask(rules, { path, method }).allowed)
    expect([allowedIn('c/x'), allowedIn('d/x')]).toEqual([
      ['get', 'list'],
      ['create', 'update', 'delete'],
    ])
  })
})

describe('a refusal', () => {
  test('tells what could not be told before a document was read', () => {
    const rules = firestoreRules(
      'match /c/{id} {\n  allow update: if resource.data.n == 1;\n  allow update: if request.auth != null;\n}',
    )
    expect(formatDenial([ask(rules, { path: 'c/d', method: 'update', data: { n: 2 } })])).toBe(
      "\nevaluation error at L5:20 for 'update' @ L5, false for 'update' @ L6, false for 'update' @ L5",
    )
    const undecided = ask(rules, { path: 'c/d', method: 'update', data: {} })
    expect(formatDenial([undecided])).toContain("Property n is undefined on object. for 'update' @ L5")
  })

  test('tells of a set both what it would be', () => {
    const rules = firestoreRules('match /c/{id} {\n  allow write: if request.auth != null;\n}')
    const decisions = (['create', 'update'] as const).map((method) => ask(rules, { path: 'c/d', method }))
    expect(formatDenial(decisions)).toBe("\nfalse for 'create' @ L5, false for 'update' @ L5")
  })

  test('tells again only what it could not tell before', () => {
    const rules = firestoreRules(
      'match /c/{id} {\n  allow get: if false;\n  allow get: if exists(/databases/$(database)/documents/x/y);\n}',
    )
    expect(formatDenial([ask(rules, { path: 'c/d' })])).toBe(
      "\nfalse for 'get' @ L5, evaluation error at L6:17 for 'get' @ L6, false for 'get' @ L6",
    )
  })
})
