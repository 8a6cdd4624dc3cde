import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startFirestoreEngine, type FirestoreEngine } from '../index.ts'
import { JsonClient, at, type Answer } from './client.ts'
import { asInProduction, exceptions } from './exceptions.ts'
import type { Json, JsonObject } from './proto-json.ts'
import { hasRecordings, recording } from './recordings.ts'

let firestore: FirestoreEngine
let client: JsonClient
let user: JsonClient

beforeAll(async () => {
  firestore = await startFirestoreEngine()
  client = new JsonClient(`127.0.0.1:${firestore.port}`)
  user = new JsonClient(`127.0.0.1:${firestore.port}`, '')
})
afterAll(async () => {
  client.close()
  user.close()
  await firestore.close()
})

const databaseOf = (project: string) => `projects/${project}/databases/(default)`

// A value as the recording describes it: its kind, and how much of it.
type Spec =
  | ['string', number, string]
  | ['bytes', number]
  | ['int']
  | ['map', Record<string, Spec>]
  | ['array', Spec[]]
  | ['nest', number, boolean]

const fieldsOf = (specs: Record<string, Spec>): JsonObject =>
  Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, valueOf(spec)]))

const nest = (levels: number, mixed: boolean): JsonObject => {
  let value: JsonObject = { integerValue: '1' }
  for (let i = 0; i < levels; i++) {
    value = mixed && i % 2 === 0 ? { arrayValue: { values: [value] } } : { mapValue: { fields: { m: value } } }
  }
  return value
}

const valueOf = (spec: Spec): JsonObject => {
  switch (spec[0]) {
    case 'string':
      return { stringValue: spec[2].repeat(spec[1]) }
    case 'bytes':
      return { bytesValue: Buffer.alloc(spec[1], 'x').toString('base64') }
    case 'int':
      return { integerValue: '1' }
    case 'map':
      return { mapValue: { fields: fieldsOf(spec[1]) } }
    case 'array':
      return { arrayValue: { values: spec[1].map(valueOf) } }
    case 'nest':
      return nest(spec[1], spec[2])
  }
}

interface LimitCase {
  name: string
  path: (string | ['repeat', string, number])[]
  fields: Record<string, Spec>
  outcome: { status: number; message: string }
}

describe.skipIf(!hasRecordings)('limits as Google recorded', () => {
  const database = databaseOf('oracle-limits')
  for (const { name, path, fields, outcome } of recording<{ cases: LimitCase[] }>('limits', { cases: [] }).cases) {
    test(name, async () => {
      const ids = path.map((id) => (typeof id === 'string' ? id : id[1].repeat(id[2])))
      const update = { name: `${database}/documents/${ids.join('/')}`, fields: fieldsOf(fields) }
      const { status, message } = await client.call('Commit', { database, writes: [{ update }] })
      expect({ status, message }).toEqual({
        status: outcome.status === 200 ? 'OK' : 'INVALID_ARGUMENT',
        message: outcome.message,
      })
    })
  }
})

interface ListCase {
  name: string
  request: JsonObject
  parent: string
  owner: boolean
  outcome: { documents?: { name: string; fields: string[] }[]; pages?: string[][]; code?: string; message?: string }
}

interface ListRecording {
  seed: string[][]
  grpc: ListCase[]
}

const camel = (json: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(json).map(([key, value]) => [
      key.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase()),
      typeof value === 'object' && value !== null && !Array.isArray(value) ? camel(value) : value,
    ]),
  )

describe.skipIf(!hasRecordings)('list_documents as Google recorded', () => {
  const database = databaseOf('oracle-list')
  const documents = `${database}/documents`
  const { seed, grpc } = recording<ListRecording>('list_documents', { seed: [], grpc: [] })
  let firstCommit: Json = null

  beforeAll(async () => {
    for (const names of seed) {
      const writes = names.map((name) => ({
        update: { name: `${documents}/${name}`, fields: { m: { integerValue: '1' }, n: { integerValue: '1' } } },
      }))
      const { commitTime } = await client.ask('Commit', { database, writes })
      firstCommit ??= commitTime ?? null
    }
  })

  const namesOf = (answer: Answer): string[] =>
    ((at(answer.responses[0], 'documents') as JsonObject[] | undefined) ?? []).map((one) =>
      String(one['name']).slice(documents.length + 1),
    )

  const listOf = (answer: Answer) =>
    ((at(answer.responses[0], 'documents') as JsonObject[] | undefined) ?? []).map((one) => ({
      name: String(one['name']).slice(documents.length + 1),
      fields: Object.keys((one['fields'] ?? {}) as JsonObject).toSorted(),
    }))

  const pagesOf = async (request: JsonObject): Promise<string[][]> => {
    const pages: string[][] = []
    let pageToken: string | undefined = ''
    while (pageToken !== undefined) {
      const answer: Answer = await client.call('ListDocuments', { ...request, pageToken })
      pages.push(namesOf(answer))
      pageToken = at(answer.responses[0], 'nextPageToken') as string | undefined
    }
    return pages
  }

  for (const { name, request, parent, owner, outcome } of grpc) {
    const run = exceptions[`list_documents: ${name}`] ? test.fails : test
    run(name, async () => {
      const { at_first_commit: early, pages, ...rest } = request
      const full: JsonObject = {
        ...camel(rest),
        parent: parent === '' ? documents : `${documents}/${parent}`,
        ...(early === true && { readTime: firstCommit }),
      }
      if (pages === true) return expect(await pagesOf(full)).toEqual(outcome.pages)
      const answer = await (owner ? client : user).call('ListDocuments', full)
      if (outcome.code === undefined) return expect(listOf(answer)).toEqual(outcome.documents)
      const expected = asInProduction(outcome.code, outcome.message ?? '')
      const message = expected.message === null ? null : answer.message
      return expect({ status: answer.status, message }).toEqual(expected)
    })
  }
})

interface OrderRecording {
  values: { groups: { label: string; value: JsonObject }[][] }
  paths: { order: string[] }
}

describe.skipIf(!hasRecordings)('value_order as Google recorded', () => {
  const { values, paths } = recording<OrderRecording>('value_order', { values: { groups: [] }, paths: { order: [] } })
  const orderOf = async (project: string, writes: JsonObject[], query: JsonObject): Promise<string[]> => {
    const database = databaseOf(project)
    await client.ask('Commit', { database, writes })
    const parent = `${database}/documents`
    const { responses } = await client.call('RunQuery', { parent, structuredQuery: query })
    return responses.map((one) => String(at(one, 'document', 'name')).slice(parent.length + 1))
  }

  test('values of all types', async () => {
    const parent = `${databaseOf('oracle-order')}/documents`
    const labelled = values.groups.flatMap((group, g) => group.map(({ value }, i) => ({ id: `${g}-${i}`, value })))
    // Written backwards: the order of names must not be what makes the order right.
    const writes = labelled.toReversed().map(({ id, value }) => ({
      update: { name: `${parent}/t/${id}`, fields: { v: value } },
    }))
    const order = await orderOf('oracle-order', writes, {
      from: [{ collectionId: 't' }],
      orderBy: [{ field: { fieldPath: 'v' }, direction: 'ASCENDING' }],
    })
    expect(order).toEqual(labelled.map(({ id }) => `t/${id}`))
    const backwards = await orderOf('oracle-order', [], {
      from: [{ collectionId: 't' }],
      orderBy: [
        { field: { fieldPath: 'v' }, direction: 'ASCENDING' },
        { field: { fieldPath: '__name__' }, direction: 'DESCENDING' },
      ],
    })
    // Only what is equal changes places.
    const groups = values.groups.flatMap((group, g) => group.map((_, i) => `t/${g}-${group.length - 1 - i}`))
    expect(backwards).toEqual(groups)
  })

  test('names', async () => {
    const parent = `${databaseOf('oracle-paths')}/documents`
    const writes = paths.order.toReversed().map((path) => ({ update: { name: `${parent}/${path}`, fields: {} } }))
    const order = await orderOf('oracle-paths', writes, { from: [{ collectionId: 'items', allDescendants: true }] })
    expect(order).toEqual(paths.order)
  })
})
