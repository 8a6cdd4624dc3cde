import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { StorageRulesRuntime } from './runtime.ts'
import { serveStorageRules } from './serve.ts'

const storage = (body: string) =>
  `rules_version = '2';\nservice firebase.storage {\n match /b/{bucket}/o {\n${body}\n}\n}`

const load = (content: string, rulesetName = '0') =>
  ({
    action: 'load_ruleset',
    id: 0,
    context: { rulesetName, source: { files: [{ name: 'storage.rules', content }] } },
  }) as const

const USER = { map_value: { fields: { uid: { string_value: 'alice' }, token: { map_value: { fields: {} } } } } }
const file = (size: number, contentType: string) => ({
  map_value: {
    fields: {
      size: { int_value: size },
      contentType: { string_value: contentType },
      timeCreated: { timestamp_value: '2026-01-02T03:04:05.678Z' },
      metadata: { map_value: { fields: { tag: { string_value: 'x' } } } },
    },
  },
})

interface Ask {
  path?: string
  method?: string
  id?: number
  auth?: object
  before?: object
  after?: object
  delimiter?: string
}

const verify = ({
  path = '/b/bucket/o/files/x.txt',
  method = 'get',
  id = 1,
  auth,
  before,
  after,
  delimiter,
}: Ask = {}) =>
  ({
    action: 'verify',
    id,
    context: {
      rulesetName: '0',
      path,
      method,
      delimiter,
      variables: {
        resource: before ?? { null_value: null },
        request: {
          map_value: {
            fields: {
              time: { timestamp_value: '2026-01-02T03:04:06.000Z' },
              auth: auth ?? { null_value: null },
              resource: after ?? { null_value: null },
            },
          },
        },
      },
    },
  }) as never

const runtimeWith = (content: string): StorageRulesRuntime => {
  const runtime = new StorageRulesRuntime()
  expect(runtime.handle(load(content))).toEqual({
    id: 0,
    status: 'ok',
    result: { rulesVersion: 2 },
    warnings: [],
    errors: [],
  })
  return runtime
}
const permits = (runtime: StorageRulesRuntime, ask: Ask): unknown =>
  (runtime.handle(verify(ask)) as { result: { permit?: boolean } }).result.permit

describe('the storage rules runtime', () => {
  test('decides by user, size, type and what is stored', () => {
    const runtime = runtimeWith(
      storage(`match /files/{name} {
        allow get: if request.auth != null && resource.metadata.tag == 'x' && resource.timeCreated < request.time;
        allow create: if request.resource.size < 5 * 1024 && request.resource.contentType.matches('image/.*');
        allow update: if resource.size == request.resource.size;
        allow delete: if request.auth.uid == 'alice' && request.resource == null;
      }`),
    )
    expect(permits(runtime, { before: file(1, 'a') })).toBe(false)
    expect(permits(runtime, { before: file(1, 'a'), auth: USER })).toBe(true)
    expect(permits(runtime, { method: 'create', after: file(5119, 'image/png') })).toBe(true)
    expect(permits(runtime, { method: 'create', after: file(5120, 'image/png') })).toBe(false)
    expect(permits(runtime, { method: 'create', after: file(1, 'text/plain') })).toBe(false)
    expect(permits(runtime, { method: 'update', before: file(1, 'a'), after: file(1, 'b') })).toBe(true)
    expect(permits(runtime, { method: 'update', before: file(1, 'a'), after: file(2, 'b') })).toBe(false)
    expect(permits(runtime, { method: 'delete', before: file(1, 'a'), auth: USER })).toBe(true)
    expect(permits(runtime, { path: '/b/bucket/o/other/x.txt', auth: USER, before: file(1, 'a') })).toBe(false)
  })

  test('lists a folder where everything below it may be listed', () => {
    const runtime = runtimeWith(
      storage(
        'match /all/{rest=**} { allow list; } match /users/{uid}/{name} { allow list: if request.auth.uid == uid; }',
      ),
    )
    const lists = (folder: string, delimiter?: string) =>
      permits(runtime, {
        method: 'list',
        path: `/b/bucket/o${folder}`,
        auth: USER,
        ...(delimiter !== undefined && { delimiter }),
      })
    expect([lists('/all/sub'), lists('/all/sub', '/')]).toEqual([true, true])
    expect([lists('/users/alice'), lists('/users/alice', '/')]).toEqual([false, true])
    expect([lists('/users/bob'), lists('/users/bob', '/')]).toEqual([false, false])
    expect([lists(''), lists('', '/')]).toEqual([false, false])
  })

  const ROLE = '/databases/(default)/documents/roles/alice'
  const BY_ROLE = storage(`match /{name=**} {
    allow get: if firestore.get(/databases/(default)/documents/roles/$(request.auth.uid)).data.level >= 2
      && !firestore.exists(/databases/(default)/documents/banned/$(request.auth.uid));
  }`)

  test('asks for the documents of Firestore that it needs, one after the other', () => {
    const runtime = runtimeWith(BY_ROLE)
    const asked = (path: string) => ({
      action: 'fetch_firestore_document',
      server_request_id: 7,
      status: 'ok',
      context: { path },
      warnings: [],
      errors: [],
    })
    expect(runtime.handle(verify({ id: 7, auth: USER }))).toEqual(asked(ROLE))
    const fields = { level: { integerValue: '2' } }
    expect(runtime.handle({ id: 7, status: 'ok', result: { fields } })).toEqual(
      asked('/databases/(default)/documents/banned/alice'),
    )
    expect(runtime.handle({ id: 7, status: 'not_found' })).toMatchObject({ id: 7, result: { permit: true } })
    expect(runtime.handle({ id: 7, status: 'not_found' })).toMatchObject({ id: 7, errors: [expect.any(String)] })
  })

  test('denies when a document is missing or not to be had, and says why', () => {
    const runtime = runtimeWith(BY_ROLE)
    runtime.handle(verify({ auth: USER }))
    runtime.handle({ id: 1, status: 'not_found' })
    expect(runtime.handle({ id: 1, status: 'not_found' })).toMatchObject({
      result: { permit: false },
      warnings: [expect.stringContaining("for 'get'")],
    })
    runtime.handle(verify({ auth: USER }))
    expect(runtime.handle({ id: 1, status: 'invalid_state' })).toMatchObject({ errors: [expect.any(String)] })
  })

  test('tells the errors of rules as the CLI prints them, and keeps the rules it has', () => {
    const runtime = runtimeWith(storage('match /{name=**} { allow get; }'))
    const { errors } = runtime.handle(load('rules_version = "2";\nservice firebase.storage {')) as { errors: string[] }
    expect(JSON.parse(errors[0] ?? '')).toMatchObject({
      severity_: 'ERROR',
      sourcePosition_: { fileName_: 'storage.rules', line_: 2 },
    })
    expect(permits(runtime, {})).toBe(true)
  })

  test('answers what is no request of the CLI with an error', () => {
    const runtime = runtimeWith(storage('match /{name=**} { allow get; }'))
    const answers = (message: unknown) => runtime.handle(message as never)
    for (const message of [
      { id: 3 },
      { id: 3, action: 'unload' },
      { id: 3, action: 'verify' },
      { id: 3, action: 'load_ruleset', context: { source: { files: [] } } },
      { ...(verify({ id: 3 }) as object), context: { rulesetName: 'none' } },
      verify({ id: 3, method: 'fly' }),
      verify({ id: 3, auth: { map_value: { fields: { a: {} } } } }),
    ]) {
      expect(answers(message)).toMatchObject({ id: 3, status: 'ok', errors: [expect.any(String)] })
    }
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (context, action) => {
        expect(answers({ id: 4, action: 'verify', context })).toMatchObject({ id: 4, errors: [expect.any(String)] })
        expect(answers({ id: 4, action, context })).toMatchObject({ id: 4, errors: [expect.any(String)] })
      }),
    )
  })
})

test('speaks lines: that it is ready, then an answer for each; what is no message it leaves out', async () => {
  const [input, output] = [new PassThrough(), new PassThrough()]
  const log: string[] = []
  const served = serveStorageRules(input, output, (line) => log.push(line))
  input.write(`{"id":-1}\ngarbage\n\n[]\n${JSON.stringify(load(storage('')))}\n`)
  input.end()
  await served
  output.end()
  const lines = (await text(output)).trimEnd().split('\n')
  expect(lines[0]).toBe('{"id":-1,"status":"ok"}')
  expect(lines.map((line) => (JSON.parse(line) as { id: number }).id)).toEqual([-1, -1, 0])
  expect(log).toHaveLength(2)
})
