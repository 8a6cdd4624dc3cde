import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startFirestoreEngine, type FirestoreEngine } from '../index.ts'
import { at, type JsonClient } from '../oracle/client.ts'
import type { JsonObject } from '../oracle/proto-json.ts'
import { People, loadRules } from './testing.ts'

let firestore: FirestoreEngine
let people: People
let project = 0
let database: string
let alice: JsonClient

beforeAll(async () => {
  firestore = await startFirestoreEngine()
  people = new People(firestore)
  alice = people.user('alice')
})
afterAll(async () => {
  people.close()
  await firestore.close()
})
beforeEach(() => {
  database = `projects/demo-writes-${++project}/databases/(default)`
})

const rules = async (body: string) => {
  const response = await loadRules(firestore, `demo-writes-${project}`, body)
  expect(await response.json()).toEqual({})
}

const name = (path: string) => `${database}/documents/${path}`
const integers = (fields: Record<string, number>): JsonObject =>
  Object.fromEntries(Object.entries(fields).map(([field, value]) => [field, { integerValue: String(value) }]))
const set = (path: string, fields: Record<string, number> = {}): JsonObject => ({
  update: { name: name(path), fields: integers(fields) },
})
const commit = (client: JsonClient, ...writes: JsonObject[]) => client.call('Commit', { database, writes })
const stored = async (path: string): Promise<unknown> =>
  at((await people.owner.call('GetDocument', { name: name(path) })).responses[0], 'fields') ?? null

describe('a commit', () => {
  test('is decided with the document as it will be, transforms and time included', async () => {
    await rules(`match /c/{id} {
      allow create: if request.resource.data.at == request.time && request.resource.data.n == 1;
      allow update: if request.resource.data.n == resource.data.n + 1
        && request.resource.data.diff(resource.data).affectedKeys().hasOnly(['n']);
    }`)
    const create = {
      ...set('c/x'),
      updateTransforms: [
        { fieldPath: 'at', setToServerValue: 'REQUEST_TIME' },
        { fieldPath: 'n', increment: { integerValue: '1' } },
      ],
    }
    expect(await commit(alice, create)).toMatchObject({ status: 'OK' })
    const add = (by: number): JsonObject => ({
      update: { name: name('c/x'), fields: {} },
      updateMask: { fieldPaths: [] },
      updateTransforms: [{ fieldPath: 'n', increment: { integerValue: String(by) } }],
    })
    expect(await commit(alice, add(1))).toMatchObject({ status: 'OK' })
    expect(await commit(alice, add(2))).toMatchObject({ status: 'PERMISSION_DENIED' })
    expect(await commit(alice, { ...set('c/x', { n: 3, at: 0 }) })).toMatchObject({ status: 'PERMISSION_DENIED' })
    expect(await stored('c/x')).toMatchObject({ n: { integerValue: '2' } })
  })

  test('is all or nothing, and each write is decided', async () => {
    await rules(`match /may/{id} { allow write; } match /maynot/{id} { allow read; }`)
    expect(await commit(alice, set('may/x'), set('maynot/x'))).toMatchObject({ status: 'PERMISSION_DENIED' })
    expect(await commit(alice, set('may/x'), set('may/y'))).toMatchObject({ status: 'OK' })
    expect(await stored('maynot/x')).toBeNull()
  })

  test('several writes to one document are decided one after the other', async () => {
    await rules(`match /c/{id} {
      allow create: if request.resource.data.n == 1;
      allow update: if request.resource.data.n == resource.data.n + 1;
    }`)
    expect(await commit(alice, set('c/x', { n: 1 }), set('c/x', { n: 2 }))).toMatchObject({ status: 'OK' })
    expect(await commit(alice, set('c/x', { n: 3 }), set('c/x', { n: 5 }))).toMatchObject({
      status: 'PERMISSION_DENIED',
    })
    expect(await stored('c/x')).toEqual(integers({ n: 2 }))
  })

  test('what all of it comes to is seen by getAfter and existsAfter: a unique name', async () => {
    await rules(`match /users/{uid} {
      allow create: if getAfter(/databases/$(database)/documents/names/$(string(request.resource.data.name))).data.n == 1;
    }
    match /names/{name} {
      allow create: if existsAfter(/databases/$(database)/documents/users/$(request.auth.uid));
    }`)
    expect(await commit(alice, set('users/alice', { name: 7 }))).toMatchObject({ status: 'PERMISSION_DENIED' })
    expect(await commit(alice, set('names/7', { n: 1 }))).toMatchObject({ status: 'PERMISSION_DENIED' })
    const both = [set('users/alice', { name: 7 }), { ...set('names/7', { n: 1 }), currentDocument: { exists: false } }]
    expect(await commit(alice, ...both)).toMatchObject({ status: 'OK' })
    const again = [set('users/bob', { name: 7 }), { ...set('names/7', { n: 1 }), currentDocument: { exists: false } }]
    expect(await commit(people.user('bob'), ...again)).toMatchObject({ status: 'ALREADY_EXISTS' })
  })

  test('a counter kept in step with what it counts', async () => {
    const counter = '/databases/$(database)/documents/counters/posts'
    await rules(`match /posts/{id} {
      allow create: if getAfter(${counter}).data.n == get(${counter}).data.n + 1;
      allow delete: if getAfter(${counter}).data.n == get(${counter}).data.n - 1;
    }
    match /counters/posts { allow update; }`)
    await commit(people.owner, set('counters/posts', { n: 0 }))
    expect(await commit(alice, set('posts/1'))).toMatchObject({ status: 'PERMISSION_DENIED' })
    expect(await commit(alice, set('counters/posts', { n: 1 }), set('posts/1'))).toMatchObject({ status: 'OK' })
    expect(await commit(alice, set('posts/2'), set('counters/posts', { n: 3 }))).toMatchObject({
      status: 'PERMISSION_DENIED',
    })
    expect(await commit(alice, { delete: name('posts/1') }, set('counters/posts', { n: 0 }))).toMatchObject({
      status: 'OK',
    })
    expect(await stored('posts/1')).toBeNull()
  })

  test('one that is denied tells nothing of what is stored', async () => {
    await rules('match /c/{id} { allow create: if false; }')
    await commit(people.owner, set('c/there'))
    for (const path of ['c/there', 'c/missing']) {
      for (const write of [
        { ...set(path), currentDocument: { exists: false } },
        { ...set(path), currentDocument: { exists: true } },
        { ...set(path), currentDocument: { updateTime: '2020-01-01T00:00:00Z' } },
        { delete: name(path), currentDocument: { exists: true } },
        { verify: name(path), currentDocument: { exists: true } },
      ]) {
        expect(await commit(alice, write)).toMatchObject({ status: 'PERMISSION_DENIED' })
      }
    }
  })

  test('a document that is only verified is read', async () => {
    await rules('match /c/{id} { allow get: if request.auth.uid == "alice"; } match /d/{id} { allow write; }')
    const writes = [{ verify: name('c/x'), currentDocument: { exists: false } }, set('d/x')]
    expect(await commit(people.user('bob'), ...writes)).toMatchObject({ status: 'PERMISSION_DENIED' })
    expect(await commit(alice, ...writes)).toMatchObject({ status: 'OK' })
  })

  test('the reasons are told in the words of Google’s emulator', async () => {
    await rules('match /c/{id} {\nallow create: if false;\nallow update: if request.auth.uid == "bob";\n}')
    expect(await commit(alice, set('c/x'))).toMatchObject({
      message: "\nfalse for 'create' @ L5, false for 'update' @ L6",
    })
    expect(await commit(alice, { ...set('c/x'), currentDocument: { exists: true } })).toMatchObject({
      message: "\nfalse for 'update' @ L6",
    })
    expect(await commit(alice, { delete: name('c/x') })).toMatchObject({
      message: expect.stringMatching(/No matching allow/),
    })
  })

  test('rules read at most 20 other documents for it, and 10 for each of its writes', async () => {
    const other = (id: string) => `exists(/databases/$(database)/documents/other/${id})`
    const each = Array.from({ length: 11 }, (_, n) => other(`$(id + '${n}')`))
    await rules(`match /one/{id} { allow write: if !${other('$(id)')}; }
      match /ten/{id} { allow write: if !(${each.slice(1).join(' || ')}); }
      match /eleven/{id} { allow write: if !(${each.join(' || ')}); }`)
    const many = (count: number) => Array.from({ length: count }, (_, n) => set(`one/${n}`))
    expect(await commit(alice, ...many(20))).toMatchObject({ status: 'OK' })
    expect(await commit(alice, ...many(21))).toMatchObject({ status: 'PERMISSION_DENIED' })
    expect(await commit(alice, set('ten/x'))).toMatchObject({ status: 'OK' })
    expect(await commit(alice, set('ten/x'), set('ten/y'))).toMatchObject({ status: 'OK' })
    expect(await commit(alice, set('ten/x'), set('ten/y'), set('one/0'))).toMatchObject({ status: 'PERMISSION_DENIED' })
    expect(await commit(alice, set('one/0'), set('eleven/x'))).toMatchObject({ status: 'PERMISSION_DENIED' })
  })
})

describe('a transaction', () => {
  test('reads and commits are decided, and one that is denied is over', async () => {
    await rules('match /c/{id} { allow get; allow update: if request.resource.data.n > resource.data.n; }')
    await commit(people.owner, set('c/x', { n: 1 }))
    const begin = async () => String((await alice.ask('BeginTransaction', { database }))['transaction'])
    const denied = await begin()
    expect(await alice.call('GetDocument', { name: name('c/x'), transaction: denied })).toMatchObject({ status: 'OK' })
    const worse = { database, writes: [set('c/x', { n: 0 })], transaction: denied }
    expect(await alice.call('Commit', worse)).toMatchObject({ status: 'PERMISSION_DENIED' })
    const better = { database, writes: [set('c/x', { n: 2 })], transaction: await begin() }
    expect(await alice.call('Commit', better)).toMatchObject({ status: 'OK' })
    expect(await alice.call('GetDocument', { name: name('d/x'), transaction: await begin() })).toMatchObject({
      status: 'PERMISSION_DENIED',
    })
  })
})

describe('only the administrator', () => {
  test('writes batches, lists ids of collections and missing documents, and cuts queries, rules or not', async () => {
    const parent = `${database}/documents`
    const metadata = 'Metadata operations require admin authentication.'
    const calls = [
      ['BatchWrite', { database, writes: [] }, 'Batch writes require admin authentication.'],
      ['ListCollectionIds', { parent }, metadata],
      ['ListDocuments', { parent, collectionId: 'c', showMissing: true }, metadata],
      ['PartitionQuery', { parent }, metadata],
    ] as const
    for (const [method, request, message] of calls) {
      expect(await alice.call(method, request as never)).toMatchObject({ status: 'PERMISSION_DENIED', message })
    }
  })
})
