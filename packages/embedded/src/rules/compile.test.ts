import { describe, expect, test } from 'vitest'
import { compileRules } from './compile.ts'
import { formatIssue } from './syntax/issue.ts'

const issuesOf = (source: string): readonly string[] => compileRules(source).issues.map(formatIssue)
const version = "rules_version = '2';\n"
/** Of rules whose body begins in line 4, in its first column. */
const inBlock = (body: string): readonly string[] =>
  issuesOf(`${version}service cloud.firestore {\nmatch /databases/{database}/documents {\n${body}\n}\n}`)
const condition = (text: string): readonly string[] => inBlock(`match /c/{id} { allow read: if ${text}; }`)

describe('the grammar takes', () => {
  test.each([
    'allow read;',
    'allow read, write;',
    'allow get, list, create, update, delete: if true;',
    'allow read: if true',
    'allow GET, List: if true; allow Write;',
    'allow read: if // why\n true /* and\n how */ ;',
    "allow read: if 'it\\'s' == \"it's\" && '\\n' != \"\\u00e9\";",
    'allow read: if [1, 2, 3,][0] == 1 && {"a": 1,}.a == 1 && {} == {};',
    'allow read: if [] == [] && id[0:1] == "x";',
    'allow read: if exists(/databases/$(database)/documents/users/$(request.auth.uid));',
    'allow read: if get(/databases/(default)/documents/a-b/c_d/$(id)/x).data.y;',
    'allow read: if (/a/b == /a/b) && 4 / 2 == 2;',
    'allow read: if true ? false : true ? false : true;',
    'match /literal/{x}/{rest=**} { allow read; } match /a.b/c-d { allow read; }',
    'allow read: if 1.5e3 > 0x1F && -9223372036854775808 < 9223372036854775807;',
    "allow read: if b'\\xff' == b'a' || request['auth']['uid'] == null;",
  ])('%s', (body) => {
    expect(inBlock(`match /c/{id} { ${body} }`)).toEqual([])
  })

  test('functions with variables, with and without semicolons, at every level', () => {
    const source = `${version}
      function top(a, b) { let c = a + b; let d = c return d == 3 }
      service cloud.firestore {
        function ofService() { return top(1, 2) }
        match /databases/{database}/documents {
          function ofMatch() { return ofService(); }
          match /c/{id} { allow read: if ofMatch() }
        }
      }
      service firebase.storage { match /b/{bucket}/o { match /{all=**} { allow write: if ofNothing(all); } }
        function ofNothing(path) { return path != null; } }`
    expect(issuesOf(source)).toEqual([])
  })

  test('sources of version 1, with a warning', () => {
    const source = 'service cloud.firestore { match /databases/{d}/documents { match /{x=**} { allow read; } } }'
    const { ruleset, issues } = compileRules(source)
    expect(ruleset?.version).toBe('1')
    expect(issues).toEqual([
      {
        severity: 'WARNING',
        description: 'Ruleset uses old version (version [1]). Please update to the latest version (version [2]).',
        position: null,
      },
    ])
  })
})

describe('what is no rules says where', () => {
  test.each([
    ['', "L1:1 mismatched input '<EOF>' expecting {'function', 'import', 'service', 'rules_version'}"],
    ['match /a/b { }', "L1:1 mismatched input 'match' expecting {'function', 'import', 'service', 'rules_version'}"],
    ['{ "rules": {} }', "L1:1 mismatched input '{' expecting {'function', 'import', 'service', 'rules_version'}"],
    ["rules_version = '3';", "L1:17 Invalid rules_version: '3'."],
    ['service cloud.firestore { allow read; }', "L1:27 Unexpected 'allow'."],
    ['service cloud.firestore { match /a/{b} {', "L1:41 mismatched input '<EOF>' expecting '}'"],
    ['service cloud.firestore { /a/{b} { } }', "L1:27 Missing 'match' keyword before path."],
    ['service cloud.firestore { match a { } }', "L1:33 mismatched input 'a' expecting '/'"],
    ['service cloud.firestore { match /a/{b=*} { } }', "L1:40 mismatched input '}' expecting '*'"],
    ['service cloud.firestore { match /a/ { } }', "L1:37 mismatched input '{' expecting {'{', PATH_SEGMENT}"],
    ['service cloud.firestore { function f() { } }', "L1:42 mismatched input '}' expecting 'return'"],
    ['service cloud.firestore { match /a { allow 1; } }', "L1:44 mismatched input '1' expecting IDENTIFIER"],
    ['service cloud.firestore { match /a { allow read: true; } }', "L1:50 mismatched input 'true' expecting 'if'"],
    ['service x.y { match /a { allow read; } }', 'L1:9 Invalid service name: x.y.'],
  ])('%s', (source, issue) => {
    expect(issuesOf(source).find((text) => !text.startsWith('Ruleset uses old'))).toBe(issue)
  })

  test.each([
    ['a ==', "L4:36 Unexpected ';'."],
    ['(a', "L4:34 mismatched input ';' expecting ')'"],
    ['a b', "L4:34 Unexpected 'b'."],
    ["'open", "L4:32 Unexpected '''."],
    ['a === b', "L4:36 Unexpected '='."],
    ['a & b', "L4:34 Unexpected '&'."],
    ['a?.b', "L4:34 Unexpected '.'."],
    ['[1', "L4:34 mismatched input ';' expecting ']'"],
    ['{1}', "L4:34 mismatched input '}' expecting ':'"],
    ['a.', "L4:34 mismatched input ';' expecting IDENTIFIER"],
    ['a.b/c', "L4:35 Missing 'match' keyword before path."],
    ['9223372036854775808', "L4:32 Integer literal out of range: '9223372036854775808'."],
    ['x is', "L4:36 mismatched input ';' expecting IDENTIFIER"],
  ])('%s', (text, issue) => {
    expect(condition(text)[0]).toBe(issue)
  })

  test('several times over', () => {
    const body = `match /c/{id} {
      allow read: if ;
      allow get, : if true;
      function f( { return 1; }
      allow get: if true;
    }
    match /d/{id} { allow list: if (; }`
    expect(inBlock(body).map((issue) => issue.split(' ')[0])).toEqual(['L5:22', 'L6:18', 'L7:19', 'L10:37'])
  })

  test('one that is too large is not read', () => {
    const source = `${version}service cloud.firestore { match /a/{b} { allow read: if '${'x'.repeat(256 * 1024)}' == b; } }`
    expect(issuesOf(source)).toEqual(['Rules source is larger than 262144 bytes.'])
  })
})

describe('expressions are refused beyond what production takes', () => {
  const refused = (text: string): boolean => condition(text).some((issue) => issue.includes('too complex'))
  const nested = (n: number): string => `${'('.repeat(n)}id == 'a'${')'.repeat(n)}`
  const right = (n: number): string => `${"id == 'a' && (".repeat(n - 1)}id == 'a'${')'.repeat(n - 1)}`
  const flat = (n: number): string => Array.from({ length: n }, () => "id == 'a'").join(' && ')
  const around =
    (open: string, inner: string, close: string) =>
    (n: number): string =>
      open.repeat(n) + inner + close.repeat(n)

  test.each([
    ['parentheses', nested, 97],
    ['terms to the right', right, 49],
    ['terms in a row', flat, 98],
    ['parentheses around a word', around('(', 'true', ')'), 98],
    ['lists with something in them', (n: number) => `${around('[', '1', ']')(n)} == 1`, 97],
    ['lists', (n: number) => `${around('[', '', ']')(n)} != null`, 98],
    ['maps', (n: number) => `${around("{'a': ", '1', '}')(n)} != null`, 97],
    ['calls', around('debug(', 'true', ')'), 98],
    ['negations', around('!', 'true', ''), 98],
    ['negations of parentheses', around('!(', 'true', ')'), 49],
    ['sums', (n: number) => `${Array.from({ length: n }, () => '1').join(' + ')} > 0`, 98],
    ['words in a row', (n: number) => Array.from({ length: n }, () => 'true').join(' && '), 99],
  ])('%s', (_, of, most) => {
    expect([refused(of(most)), refused(of(most + 1))]).toEqual([false, true])
  })

  test('and nothing nests so deeply that it could not be read', () => {
    for (const text of [
      '('.repeat(1e5),
      '!'.repeat(1e5),
      '['.repeat(1e5),
      `a${'.b'.repeat(5e4)}`,
      `a${'[0]'.repeat(5e4)}`,
    ]) {
      expect(compileRules(`${version}service cloud.firestore { match /a { allow read: if ${text}`).ruleset).toBeNull()
    }
    expect(compileRules('service cloud.firestore {' + 'match /a {'.repeat(2e4)).ruleset).toBeNull()
  })
})

describe('names', () => {
  test('that are not used, or not there, are warned of', () => {
    const body = `
    function unused(a, b) {
      let c = 1;
      return a && request.auth != null && exists(/x/y) && resource == null;
    }
    function used(a) { return a && nothing && missing(a) && a.toLowerCase() && math.nothing(1) && a is thing; }
    match /c/{id} { allow read: if used(id) && used() && unknown; }`
    expect(inBlock(body)).toEqual([
      'L5:14 Unused function: unused.',
      'L5:24 Unused variable: b.',
      'L6:11 Unused variable: c.',
      'L7:19 Invalid variable name: request.',
      'L7:43 Invalid function name: exists.',
      'L7:59 Invalid variable name: resource.',
      'L9:36 Invalid variable name: nothing.',
      'L9:47 Invalid function name: missing.',
      'L9:63 Invalid function name: toLowerCase.',
      'L9:85 Invalid function name: nothing.',
      'L9:99 Invalid type name: thing.',
      'L10:48 Incorrect number of arguments. Received: 0. Expected: used(a).',
      'L10:58 Invalid variable name: unknown.',
    ])
    expect(
      compileRules(`${version}service cloud.firestore { match /a { allow read: if unknown; } }`).ruleset,
    ).not.toBeNull()
  })

  test('of what only unused functions call are warned of, but not as unused', () => {
    const body = `
    function inner() { return request.auth != null; }
    function outer() { return inner(); }`
    expect(inBlock(body)).toEqual(['L5:31 Invalid variable name: request.', 'L6:14 Unused function: outer.'])
  })

  test('that are declared twice are refused', () => {
    const body = `
    function f() { return true; }
    function f(a) { return a; }
    function g(a, a) { let a = 1; return a; }
    match /c/{id} { function f() { return false; } allow read: if f() && g(1, 2); }`
    expect(inBlock(body).filter((issue) => issue.includes('already'))).toEqual([
      'L6:14 Function f is already defined.',
      'L7:19 Variable a is already defined.',
      'L7:28 Variable a is already defined.',
    ])
  })
})

describe('production takes', () => {
  test('words that are no methods, which allow nothing', () => {
    expect(inBlock('match /c/{id} { allow fetch, get: if true; }')).toEqual(['L4:23 Invalid method name: fetch.'])
  })

  test('no regular expression that is none, if it is written out', () => {
    expect(condition("id.matches('(')")).toEqual(['L4:43 Invalid regular expression pattern. Pattern: [(].'])
    expect(condition("id.matches('(' + ')')")).toEqual([])
  })
})

describe('functions are refused', () => {
  const depthIssue = 'Maximum allowed call depth of 20 is reached'
  const chain = (n: number): string =>
    Array.from({ length: n }, (_, i) => `function f${i}() { return ${i + 1 < n ? `f${i + 1}()` : 'true'}; }`).join('\n')

  test('that call each other too deeply', () => {
    expect(inBlock(chain(21)).filter((issue) => issue.includes(depthIssue))).toEqual([])
    const [issue] = inBlock(chain(22)).filter((text) => text.includes(depthIssue))
    const stack = Array.from({ length: 21 }, (_, i) => `f${i}`).join('->')
    expect(issue).toBe(`L4:10 ${depthIssue} for [${stack}] call stack.`)
  })

  test('that call themselves', () => {
    const [direct] = inBlock('function f() { return f(); }').filter((text) => text.includes(depthIssue))
    expect(direct).toContain(`[${Array.from({ length: 21 }, () => 'f').join('->')}]`)
    const mutual = 'function a() { return b(); } function b() { return true && a(); }'
    expect(inBlock(mutual).some((text) => text.includes(depthIssue))).toBe(true)
  })

  test('with too many variables or arguments', () => {
    const of = (n: number): string =>
      `function f() { ${Array.from({ length: n }, (_, i) => `let v${i} = ${i};`).join(' ')} return true; }`
    const many = 'Maximum allowed variable count of 10 for a given function has been reached.'
    expect(inBlock(of(11)).filter((issue) => issue.includes(many))).toEqual([])
    expect(inBlock(of(12)).filter((issue) => issue.includes(many))).toHaveLength(1)
    expect(inBlock('function f(a, b, c, d, e, f, g, h) { return a; }')).toContain(
      'L4:10 Function f has more than 7 arguments.',
    )
  })
})

describe('matches are refused', () => {
  test.each([
    [`${'match /a/b {'.repeat(11)}${'}'.repeat(11)}`, 'More than 11 nested match statements.'],
    [`match ${'/a'.repeat(99)} {}`, 'Match path has more than 100 segments.'],
    [`match ${Array.from({ length: 21 }, (_, i) => `/{x${i}}`).join('')} {}`, 'Match path has more than 20 captures.'],
    ['match /a/{x=**}/b/{y=**} {}', 'Match path has more than one recursive wildcard.'],
    [`${'match /{x=**} {'.repeat(4)}${'}'.repeat(4)}`, 'Match path has more than 3 recursive wildcards.'],
  ])('%s', (body, issue) => {
    expect(inBlock(body).map((text) => text.replace(/^\S+ /, ''))).toEqual([issue])
  })

  test('in version 1 with a recursive wildcard that is not the last', () => {
    const source = 'service cloud.firestore { match /{x=**}/b/{y} { allow read; } }'
    expect(issuesOf(source)[1]).toBe('L1:27 Recursive wildcards must be the last of a path in rules version 1.')
  })

  test('not, but warned of, below a recursive wildcard of version 1', () => {
    const source = 'service cloud.firestore { match /a/{x=**} { match /b/{y} { allow read; } } }'
    expect(issuesOf(source)[1]).toBe('L1:45 Glob(**) resource rules should not have child resource rules.')
  })
})
