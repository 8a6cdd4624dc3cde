import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startFirestoreEngine, type FirestoreEngine } from '../index.ts'
import type { JsonClient } from '../oracle/client.ts'
import type { JsonObject } from '../oracle/proto-json.ts'
import { People, loadRules } from './testing.ts'

let firestore: FirestoreEngine
let people: People
let project = 0
let database: string
let documents: string
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
  database = `projects/demo-reads-${++project}/databases/(default)`
  documents = `${database}/documents`
})

const rules = async (body: string) => {
  expect(await (await loadRules(firestore, `demo-reads-${project}`, body)).json()).toEqual({})
}
const put = (path: string, fields: JsonObject = {}) =>
  people.owner.ask('Commit', { database, writes: [{ update: { name: `${documents}/${path}`, fields } }] })
const get = (client: JsonClient, path: string) => client.call('GetDocument', { name: `${documents}/${path}` })
const query = (client: JsonClient, structuredQuery: JsonObject, parent = documents) =>
  client.call('RunQuery', { parent, structuredQuery })
const where = (fieldPath: string, op: string, value: JsonObject): JsonObject => ({
  fieldFilter: { field: { fieldPath }, op, value },
})

describe('without rules', () => {
  test('everyone may read and write', async () => {
    await put('c/x')
    expect(await get(people.nobody, 'c/x')).toMatchObject({ status: 'OK' })
    expect(await query(people.nobody, { from: [{ collectionId: 'c' }] })).toMatchObject({ status: 'OK' })
    const writes = [{ update: { name: `${documents}/c/y`, fields: {} } }]
    expect(await people.nobody.call('Commit', { database, writes })).toMatchObject({ status: 'OK' })
    expect(await people.nobody.call('ListDocuments', { parent: documents })).toMatchObject({ status: 'OK' })
  })
})

describe('what rules see of a document', () => {
  test('its id, name, path and fields of every type', async () => {
    await rules(`match /c/{id} {
      allow get: if resource.id == 'x' && id == 'x'
        && resource.__name__ == /databases/(default)/documents/c/x && request.path == resource.__name__
        && request.method == 'get' && request.time > timestamp.date(2020, 1, 1)
        && resource.data.text == 'ü' && resource.data.int == 1 && resource.data.double == 1.5 && resource.data.yes
        && resource.data.nothing == null && resource.data.list == [1, 'a'] && resource.data.map.deep.er == 1
        && resource.data.time == timestamp.date(2024, 2, 29) && resource.data.place.latitude() == 1.5
        && resource.data.bytes == 'ab'.toUtf8() && resource.data.ref == /databases/(default)/documents/c/y
        && resource.data.keys().hasAll(['text', 'ref']);
    }`)
    await put('c/x', {
      text: { stringValue: 'ü' },
      int: { integerValue: '1' },
      double: { doubleValue: 1.5 },
      yes: { booleanValue: true },
      nothing: { nullValue: 'NULL_VALUE' },
      list: { arrayValue: { values: [{ integerValue: '1' }, { stringValue: 'a' }] } },
      map: { mapValue: { fields: { deep: { mapValue: { fields: { er: { integerValue: '1' } } } } } } },
      time: { timestampValue: '2024-02-29T00:00:00Z' },
      place: { geoPointValue: { latitude: 1.5, longitude: 2 } },
      bytes: { bytesValue: 'YWI=' },
      ref: { referenceValue: `${documents}/c/y` },
    })
    expect(await get(alice, 'c/x')).toMatchObject({ status: 'OK' })
  })

  test('the claims of who asks', async () => {
    await rules(`match /c/{id} {
      allow get: if request.auth.uid == 'alice' && request.auth.token.level == 3 && request.auth.token.sub == 'alice'
        && request.auth.token.firebase.identities['google.com'][0] == '1' && request.auth.token.ratio == 0.5;
    }`)
    await put('c/x')
    const claims = { level: 3, ratio: 0.5, firebase: { identities: { 'google.com': ['1'] } } }
    expect(await get(people.user('alice', claims), 'c/x')).toMatchObject({ status: 'OK' })
    expect(await get(people.user('alice', { ...claims, level: 2 }), 'c/x')).toMatchObject({
      status: 'PERMISSION_DENIED',
    })
  })

  test('other documents, in the database of the request only', async () => {
    await rules(`match /c/{id} { allow get: if get(/databases/$(database)/documents/d/$(id)).data.open; }
      match /elsewhere/{id} { allow get: if exists(/databases/other/documents/d/x); }`)
    await put('d/x', { open: { booleanValue: true } })
    await put('d/y', { open: { booleanValue: false } })
    const statuses = await Promise.all(
      ['c/x', 'c/y', 'c/z', 'elsewhere/x'].map(async (path) => (await get(alice, path)).status),
    )
    expect(statuses).toEqual(['NOT_FOUND', 'PERMISSION_DENIED', 'PERMISSION_DENIED', 'PERMISSION_DENIED'])
  })
})

test('one document that may not be read keeps back all that are asked for with it', async () => {
  await rules('match /open/{id} { allow get; }')
  await put('open/x')
  const ask = (...paths: string[]) =>
    alice.call('BatchGetDocuments', { database, documents: paths.map((path) => `${documents}/${path}`) })
  expect(await ask('open/x', 'open/y')).toMatchObject({ status: 'OK' })
  expect(await ask('open/x', 'closed/y')).toMatchObject({ status: 'PERMISSION_DENIED', responses: [] })
})

describe('a query', () => {
  beforeEach(async () => {
    await rules(`match /c/{id} { allow list: if resource.data.owner == request.auth.uid; }
      match /paged/{id} { allow list: if request.query.limit <= 10; }
      match /{path=**}/notes/{id} { allow list: if request.auth != null; }
      match /users/{uid}/private/{id} { allow list: if request.auth.uid == uid; }`)
    await put('c/x', { owner: { stringValue: 'alice' } })
  })

  test('is allowed when no document it could return is forbidden, whatever is stored', async () => {
    const from = [{ collectionId: 'c' }]
    const own = where('owner', 'EQUAL', { stringValue: 'alice' })
    expect(await query(alice, { from, where: own })).toMatchObject({ status: 'OK' })
    expect(await query(alice, { from })).toMatchObject({ status: 'PERMISSION_DENIED' })
    expect(await query(people.user('bob'), { from, where: own })).toMatchObject({ status: 'PERMISSION_DENIED' })
    const count = { structuredQuery: { from, where: own }, aggregations: [{ alias: 'n', count: {} }] }
    const request = { parent: documents, structuredAggregationQuery: count }
    expect(await alice.call('RunAggregationQuery', request)).toMatchObject({ status: 'OK' })
    expect(await people.nobody.call('RunAggregationQuery', request)).toMatchObject({ status: 'PERMISSION_DENIED' })
  })

  test('may be held to a limit, and so may a list', async () => {
    const from = [{ collectionId: 'paged' }]
    expect(await query(alice, { from, limit: 10 })).toMatchObject({ status: 'OK' })
    expect(await query(alice, { from, limit: 11 })).toMatchObject({ status: 'PERMISSION_DENIED' })
    expect(await query(alice, { from })).toMatchObject({ status: 'PERMISSION_DENIED' })
    const list = (pageSize: number) =>
      alice.call('ListDocuments', { parent: documents, collectionId: 'paged', pageSize })
    expect(await list(10)).toMatchObject({ status: 'OK' })
    expect(await list(11)).toMatchObject({ status: 'PERMISSION_DENIED' })
  })

  test('of a collection group needs a rule for every depth', async () => {
    const all = [{ collectionId: 'notes', allDescendants: true }]
    expect(await query(alice, { from: all })).toMatchObject({ status: 'OK' })
    expect(await query(people.nobody, { from: all })).toMatchObject({ status: 'PERMISSION_DENIED' })
    expect(await query(alice, { from: [{ collectionId: 'c', allDescendants: true }] })).toMatchObject({
      status: 'PERMISSION_DENIED',
    })
  })

  test('below a document knows whose it is', async () => {
    const from = [{ collectionId: 'private' }]
    expect(await query(alice, { from }, `${documents}/users/alice`)).toMatchObject({ status: 'OK' })
    expect(await query(alice, { from }, `${documents}/users/bob`)).toMatchObject({ status: 'PERMISSION_DENIED' })
  })

  test('of all collections at once needs a rule for every path', async () => {
    const all = () => alice.call('ListDocuments', { parent: documents })
    expect(await all()).toMatchObject({ status: 'PERMISSION_DENIED' })
    await rules('match /{collection}/{id} { allow read; }')
    expect(await all()).toMatchObject({ status: 'PERMISSION_DENIED' })
    await rules('match /{path=**} { allow read; }')
    expect(await all()).toMatchObject({ status: 'OK' })
  })
})
