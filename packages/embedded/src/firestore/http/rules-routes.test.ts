import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { People } from '../access/testing.ts'
import { startFirestoreEngine, type FirestoreEngine } from '../index.ts'

const VERSION = "rules_version = '2';"
const OPEN = `${VERSION} service cloud.firestore { match /databases/{d}/documents { match /{path=**} { allow read; } } }`
const CLOSED = `${VERSION} service cloud.firestore { match /databases/{d}/documents { match /c/{id} { allow get: if false; } } }`
const BROKEN = "rules_version = '2';\nservice cloud.firestore {\n  match /c/{id} { allow read: if (; }\n}"

let firestore: FirestoreEngine
let people: People

beforeEach(async () => {
  firestore = await startFirestoreEngine()
  people = new People(firestore)
})
afterEach(async () => {
  people.close()
  await firestore.close()
})

const put = (project: string, body: unknown, { port } = firestore) =>
  fetch(`http://127.0.0.1:${port}/emulator/v1/projects/${project}:securityRules`, {
    method: 'PUT',
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
const files = (content: string) => ({ rules: { files: [{ name: 'security.rules', content }] } })
const read = async (project: string, client = people.nobody) =>
  (await client.call('GetDocument', { name: `projects/${project}/databases/(default)/documents/c/x` })).status

describe('rules put over HTTP', () => {
  test('are in force for their project from then on, and replaced by the next', async () => {
    const response = await put('demo-a', files(CLOSED))
    expect([response.status, await response.json()]).toEqual([200, {}])
    expect([await read('demo-a'), await read('demo-b')]).toEqual(['PERMISSION_DENIED', 'NOT_FOUND'])
    await put('demo-a', files(OPEN))
    expect(await read('demo-a')).toBe('NOT_FOUND')
  })

  test('with errors are refused with the place of each, and leave those in force', async () => {
    await put('demo-a', files(CLOSED))
    const response = await put('demo-a', files(BROKEN))
    expect([response.status, await response.json()]).toEqual([
      400,
      {
        error: {
          code: 400,
          message: expect.stringMatching(/^Error compiling rules:\nL3:\d+ /) as string,
          status: 'INVALID_ARGUMENT',
        },
      },
    ])
    expect(await read('demo-a')).toBe('PERMISSION_DENIED')
  })

  test('with errors are told as issues to the CLI, which asks for that', async () => {
    const response = await put('demo-a', { ignore_errors: true, ...files(BROKEN) })
    expect([response.status, await response.json()]).toEqual([
      200,
      {
        issues: [
          {
            sourcePosition: { line: 3, column: expect.any(Number) as number },
            severity: 'ERROR',
            description: expect.stringContaining('Unexpected') as string,
          },
        ],
      },
    ])
    expect(await read('demo-a')).toBe('NOT_FOUND')
  })

  test.each(['{', '{}', '{"rules":{"files":[]}}', '[]', 'null', '{"rules":{"files":[{"content":1}]}}'])(
    'that are none are refused: %s',
    async (body) => {
      const response = await put('demo-a', body)
      expect(response.status).toBe(400)
      expect(await response.json()).toMatchObject({ error: { code: 400, status: 'INVALID_ARGUMENT' } })
    },
  )
})

test('no body is worse than an error, and no source', async () => {
  const piece = fc.constantFrom(
    'service',
    'cloud.firestore',
    '{',
    '}',
    'match',
    '/',
    '{a=**}',
    'allow read',
    ': if',
    ';',
    '$(',
    '"',
  )
  const source = fc.oneof(
    fc.string(),
    fc.array(piece).map((pieces) => pieces.join(' ')),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.json(),
        source.map((content) => JSON.stringify(files(content))),
      ),
      async (body) => {
        expect([200, 400]).toContain((await put('demo-fuzz', body)).status)
        expect(['NOT_FOUND', 'PERMISSION_DENIED']).toContain(await read('demo-fuzz'))
      },
    ),
  )
})

describe('what expressions have come to', () => {
  const RULES = `rules_version = '2';
service cloud.firestore { match /databases/{d}/documents {
  match /c/{id} { allow get: if request.auth != null && resource.data.n < 3; allow list: if "<b>" == "&"; }
} }`
  const coverage = (suffix = '') =>
    fetch(`http://127.0.0.1:${firestore.port}/emulator/v1/projects/demo-a:ruleCoverage${suffix}`)

  test('is told as JSON', async () => {
    expect((await coverage()).status).toBe(404)
    await put('demo-a', files(RULES))
    await read('demo-a')
    await read('demo-a', people.user('alice'))
    const { rules, report } = (await (await coverage()).json()) as {
      rules: { files: { content: string }[] }
      report: { sourcePosition: { line: number; currentOffset: number; endOffset: number }; values: object[] }[]
    }
    expect(rules.files[0]?.content).toBe(RULES)
    const [get, list] = report
    const { line, currentOffset = 0, endOffset = 0 } = get?.sourcePosition ?? {}
    expect(line).toBe(3)
    expect(RULES.slice(currentOffset, endOffset + 1)).toBe('request.auth != null && resource.data.n < 3')
    expect(get?.values).toContainEqual({ value: { boolValue: false }, count: expect.any(Number) as number })
    expect(get?.values).toContainEqual({
      value: { undefined: { causeMessage: 'Null value error.' } },
      count: expect.any(Number) as number,
    })
    expect(list?.values).toEqual([])
  })

  test('is told as a page', async () => {
    await put('demo-a', files(RULES))
    await read('demo-a')
    const response = await coverage('.html')
    expect(response.headers.get('content-type')).toMatch('text/html')
    const page = await response.text()
    expect(page).toContain('title="Expression never evaluated"')
    expect(page).toContain('title="false (')
    expect(page.replaceAll(/<[^>]*>/g, '')).toContain('&quot;&lt;b&gt;&quot; == &quot;&amp;&quot;')
  })
})

describe('rules of a file at the start', () => {
  const startWith = async (source: string) => {
    const folder = await mkdtemp(join(tmpdir(), 'rules-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const rulesFile = join(folder, 'firestore.rules')
    await writeFile(rulesFile, source)
    const lines: string[] = []
    const started = await startFirestoreEngine({ rulesFile, log: (line) => lines.push(line) })
    const other = new People(started)
    onTestFinished(async () => {
      other.close()
      await started.close()
    })
    return { started, other, lines, rulesFile }
  }

  test('are for all projects but those that got their own', async () => {
    const { started, other } = await startWith(CLOSED)
    await put('demo-a', files(OPEN), started)
    expect([await read('demo-a', other.nobody), await read('demo-b', other.nobody)]).toEqual([
      'NOT_FOUND',
      'PERMISSION_DENIED',
    ])
  })

  test('with errors are told in the log and let no user in until others are put', async () => {
    const { started, other, lines, rulesFile } = await startWith(BROKEN)
    expect(lines).toEqual([expect.stringMatching(new RegExp(`^${rulesFile}:3:\\d+ - ERROR Unexpected`))])
    expect([await read('demo-a', other.nobody), await read('demo-a', other.owner)]).toEqual([
      'PERMISSION_DENIED',
      'NOT_FOUND',
    ])
    await put('demo-a', files(OPEN), started)
    expect(await read('demo-a', other.nobody)).toBe('NOT_FOUND')
  })

  test('say what they debug', async () => {
    const debugging = "allow get: if debug(request.auth.uid) == 'alice';"
    const body = `match /databases/{d}/documents { match /c/{id} { ${debugging} } }`
    const { other, lines } = await startWith(`${VERSION} service cloud.firestore { ${body} }`)
    expect(await read('demo-a', other.user('alice'))).toBe('NOT_FOUND')
    expect(lines).toContain("firestore: debug in rules: 'alice'")
  })

  test('that cannot be read are an error', async () => {
    await expect(startFirestoreEngine({ rulesFile: '/nowhere/firestore.rules' })).rejects.toMatchObject({
      code: 'ENOENT',
    })
  })
})
