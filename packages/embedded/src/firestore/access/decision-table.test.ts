import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startFirestoreEngine, type FirestoreEngine } from '../index.ts'
import type { JsonClient } from '../oracle/client.ts'
import type { JsonObject } from '../oracle/proto-json.ts'
import { People, loadRules } from './testing.ts'

// Every kind of rule x who asks x what is asked x whether the document is there, over gRPC. Who is allowed must be
// answered as the owner is; who is not, PERMISSION_DENIED, whatever is stored.

const PROJECT = 'demo-table'
const DATABASE = `projects/${PROJECT}/databases/(default)`
const DOCUMENTS = `${DATABASE}/documents`

type Method = 'get' | 'list' | 'create' | 'update' | 'delete'

interface Case {
  who: string
  method: Method
  exists: boolean
}

// Documents are `{owner: 'alice'}`, and stay so.
const kinds: Record<string, { rule: string; allows: (of: Case) => boolean }> = {
  open: { rule: 'allow read, write;', allows: () => true },
  closed: { rule: 'allow read, write: if false;', allows: () => false },
  unmentioned: { rule: '', allows: () => false },
  signedIn: { rule: 'allow read, write: if request.auth != null;', allows: ({ who }) => who !== 'nobody' },
  alices: { rule: "allow read, write: if request.auth.uid == 'alice';", allows: ({ who }) => who === 'alice' },
  staff: { rule: 'allow read, write: if request.auth.token.staff == true;', allows: ({ who }) => who === 'staff' },
  readOnly: { rule: 'allow read;', allows: ({ method }) => method === 'get' || method === 'list' },
  getOnly: { rule: 'allow get;', allows: ({ method }) => method === 'get' },
  createOnly: { rule: 'allow create;', allows: ({ method }) => method === 'create' },
  noDelete: { rule: 'allow create, update;', allows: ({ method }) => method === 'create' || method === 'update' },
  owned: {
    rule: `allow get, delete: if resource.data.owner == request.auth.uid;
           allow create: if request.resource.data.owner == request.auth.uid;
           allow update: if resource.data.owner == request.auth.uid
             && request.resource.data.owner == resource.data.owner;`,
    allows: ({ who, method, exists }) => who === 'alice' && (method === 'create' || (method !== 'list' && exists)),
  },
  looksUp: {
    rule: 'allow read, write: if get(/databases/$(database)/documents/roles/$(request.auth.uid)).data.may;',
    allows: ({ who }) => who === 'bob',
  },
}

const fields = { owner: { stringValue: 'alice' } }

// What is asked of a document `name` of a collection, and what it asks rules for.
const calls: Record<string, (collection: string, id: string, exists: boolean) => [Method, string, JsonObject]> = {
  get: (collection, id) => ['get', 'GetDocument', { name: `${DOCUMENTS}/${collection}/${id}` }],
  batchGet: (collection, id) => [
    'get',
    'BatchGetDocuments',
    { database: DATABASE, documents: [`${DOCUMENTS}/${collection}/${id}`] },
  ],
  list: (collection) => ['list', 'ListDocuments', { parent: DOCUMENTS, collectionId: collection }],
  query: (collection) => [
    'list',
    'RunQuery',
    { parent: DOCUMENTS, structuredQuery: { from: [{ collectionId: collection }] } },
  ],
  count: (collection) => [
    'list',
    'RunAggregationQuery',
    {
      parent: DOCUMENTS,
      structuredAggregationQuery: {
        structuredQuery: { from: [{ collectionId: collection }] },
        aggregations: [{ alias: 'n', count: {} }],
      },
    },
  ],
  createDocument: (collection, id) => [
    'create',
    'CreateDocument',
    { parent: DOCUMENTS, collectionId: collection, documentId: id, document: { fields } },
  ],
  updateDocument: (collection, id, exists) => [
    exists ? 'update' : 'create',
    'UpdateDocument',
    { document: { name: `${DOCUMENTS}/${collection}/${id}`, fields } },
  ],
  deleteDocument: (collection, id) => ['delete', 'DeleteDocument', { name: `${DOCUMENTS}/${collection}/${id}` }],
  set: (collection, id, exists) => [
    exists ? 'update' : 'create',
    'Commit',
    { database: DATABASE, writes: [{ update: { name: `${DOCUMENTS}/${collection}/${id}`, fields } }] },
  ],
  update: (collection, id) => [
    'update',
    'Commit',
    {
      database: DATABASE,
      writes: [
        {
          update: { name: `${DOCUMENTS}/${collection}/${id}`, fields: { n: { integerValue: '1' } } },
          updateMask: { fieldPaths: ['n'] },
          currentDocument: { exists: true },
        },
      ],
    },
  ],
  create: (collection, id) => [
    'create',
    'Commit',
    {
      database: DATABASE,
      writes: [{ update: { name: `${DOCUMENTS}/${collection}/${id}`, fields }, currentDocument: { exists: false } }],
    },
  ],
  delete: (collection, id) => [
    'delete',
    'Commit',
    { database: DATABASE, writes: [{ delete: `${DOCUMENTS}/${collection}/${id}` }] },
  ],
}

let firestore: FirestoreEngine
let people: People
let asking: Record<string, JsonClient>

beforeAll(async () => {
  firestore = await startFirestoreEngine()
  people = new People(firestore)
  asking = {
    nobody: people.nobody,
    alice: people.user('alice'),
    bob: people.user('bob'),
    staff: people.user('carol', { staff: true }),
  }
  const matches = Object.entries(kinds).map(([kind, { rule }]) => `match /${kind}/{id} { ${rule} }`)
  expect((await loadRules(firestore, PROJECT, matches.join('\n'))).status).toBe(200)
  const role = { name: `${DOCUMENTS}/roles/bob`, fields: { may: { booleanValue: true } } }
  await people.owner.ask('Commit', { database: DATABASE, writes: [{ update: role }] })
})
afterAll(async () => {
  people.close()
  await firestore.close()
})

/** Makes a document be there or not. */
const arrange = (path: string, exists: boolean) => {
  const name = `${DOCUMENTS}/${path}`
  const write = exists ? { update: { name, fields } } : { delete: name }
  return people.owner.ask('Commit', { database: DATABASE, writes: [write] })
}

const reads: ReadonlySet<Method> = new Set(['get', 'list'])

/** What was answered, but for when. */
const timeless = (responses: readonly JsonObject[]): unknown =>
  JSON.parse(JSON.stringify(responses).replaceAll(/"\d{4}-\d\d-\d\dT[\d:.]+Z"/g, '"<time>"'))

let ids = 0

describe.each(Object.keys(kinds))('%s', (kind) => {
  const { allows } = kinds[kind] as (typeof kinds)[string]

  test.each(Object.keys(calls))('%s', async (call) => {
    for (const exists of [true, false]) {
      const id = `d${++ids}`
      const [method, rpc, request] = (calls[call] as (typeof calls)[string])(kind, id, exists)
      await arrange(`${kind}/${id}`, exists)
      const owners = await people.owner.call(rpc, request)
      for (const [who, client] of Object.entries(asking)) {
        await arrange(`${kind}/${id}`, exists)
        const { status, responses } = await client.call(rpc, request)
        const expected = allows({ who, method, exists }) ? owners.status : 'PERMISSION_DENIED'
        expect({ who, exists, status }).toEqual({ who, exists, status: expected })
        if (status === 'PERMISSION_DENIED') expect(responses).toEqual([])
        else if (reads.has(method)) expect(timeless(responses)).toEqual(timeless(owners.responses))
      }
    }
  })
})
