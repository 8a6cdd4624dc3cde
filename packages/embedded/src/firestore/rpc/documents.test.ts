import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startFirestoreEngine, type FirestoreEngine } from '../index.ts'
import { JsonClient, at } from '../oracle/client.ts'
import type { Json, JsonObject } from '../oracle/proto-json.ts'

let firestore: FirestoreEngine
let client: JsonClient
let project = 0
let database: string
let documents: string

beforeAll(async () => {
  firestore = await startFirestoreEngine()
  client = new JsonClient(`127.0.0.1:${firestore.port}`)
})
afterAll(async () => {
  client.close()
  await firestore.close()
})
beforeEach(() => {
  database = `projects/rpc-${++project}/databases/(default)`
  documents = `${database}/documents`
})

const fieldsOf = (values: Record<string, number>): JsonObject =>
  Object.fromEntries(Object.entries(values).map(([name, n]) => [name, { integerValue: String(n) }]))

const set = (path: string, values: Record<string, number> = {}) =>
  client.ask('Commit', { database, writes: [{ update: { name: `${documents}/${path}`, fields: fieldsOf(values) } }] })

const errorOf = async (method: string, request: JsonObject): Promise<string> => {
  const { status, message } = await client.call(method, request)
  return `${status}: ${message}`
}

describe('one document', () => {
  test('is created under a given or a made id, once', async () => {
    const request = { parent: documents, collectionId: 'c', document: { fields: fieldsOf({ a: 1, b: 2 }) } }
    const given = await client.ask('CreateDocument', { ...request, documentId: 'x', mask: { fieldPaths: ['b'] } })
    expect(given).toMatchObject({ name: `${documents}/c/x`, fields: fieldsOf({ b: 2 }) })
    expect(given['createTime']).toBe(given['updateTime'])
    const made = await client.ask('CreateDocument', request)
    expect(made['name']).toMatch(/\/c\/[A-Za-z0-9]{20}$/)
    expect(await errorOf('CreateDocument', { ...request, documentId: 'x' })).toBe(
      `ALREADY_EXISTS: Document already exists: ${documents}/c/x`,
    )
  })

  test.each(['a/b', '.', '..', '__x__'])('is not created under %s', async (documentId) => {
    const answer = await errorOf('CreateDocument', { parent: documents, collectionId: 'c', documentId, document: {} })
    expect(answer).toMatch(/^INVALID_ARGUMENT: Resource id ".*" is invalid/)
  })

  test('is updated in part, answered in part, and deleted under a condition', async () => {
    await set('c/x', { a: 1, b: 2 })
    const updated = await client.ask('UpdateDocument', {
      document: { name: `${documents}/c/x`, fields: fieldsOf({ a: 5 }) },
      updateMask: { fieldPaths: ['a', 'b'] },
      mask: { fieldPaths: ['a'] },
      currentDocument: { exists: true },
    })
    expect(updated['fields']).toEqual(fieldsOf({ a: 5 }))
    expect((await client.ask('GetDocument', { name: `${documents}/c/x` }))['fields']).toEqual(fieldsOf({ a: 5 }))
    const name = `${documents}/c/x`
    const stale = { name, currentDocument: { updateTime: '2001-01-01T00:00:00Z' } }
    expect(await errorOf('DeleteDocument', stale)).toMatch(
      /^FAILED_PRECONDITION: the stored version \(\d+\) does not match/,
    )
    await client.ask('DeleteDocument', { name, currentDocument: { updateTime: updated['updateTime'] as Json } })
    expect(await errorOf('DeleteDocument', { name, currentDocument: { exists: true } })).toMatch(/^NOT_FOUND/)
  })

  test('is read as it was', async () => {
    const first = (await set('c/x', { a: 1 }))['commitTime'] as string
    await set('c/x', { a: 2 })
    const then = await client.ask('GetDocument', { name: `${documents}/c/x`, readTime: first })
    expect(then['fields']).toEqual(fieldsOf({ a: 1 }))
    expect(await errorOf('GetDocument', { name: `${documents}/c/x`, readTime: '2001-01-01T00:00:00Z' })).toBe(
      "FAILED_PRECONDITION: The requested 'read_time' is too old.",
    )
    expect(await errorOf('GetDocument', { name: `${documents}/c/x`, readTime: '2999-01-01T00:00:00Z' })).toBe(
      "INVALID_ARGUMENT: The requested 'read_time' cannot be in the future.",
    )
  })
})

describe('a list', () => {
  const pages = async (request: JsonObject, between: () => Promise<unknown> = async () => undefined) => {
    const found: string[][] = []
    let pageToken = ''
    do {
      const page = await client.ask('ListDocuments', { parent: documents, collectionId: 'c', ...request, pageToken })
      const listed = (at(page, 'documents') ?? []) as JsonObject[]
      found.push(listed.map(({ name }) => String(name).slice(`${documents}/c/`.length)))
      pageToken = (at(page, 'nextPageToken') ?? '') as string
      await between()
    } while (pageToken !== '')
    return found
  }

  test('comes in pages in the order asked for, also where values are equal', async () => {
    for (const [id, a] of Object.entries({ p: 2, q: 1, r: 2, s: 1, t: 3 })) await set(`c/${id}`, { a })
    expect(await pages({ pageSize: 2, orderBy: 'a desc' })).toEqual([['t', 'r'], ['p', 's'], ['q']])
    expect(await pages({ pageSize: 3, orderBy: 'a, __name__ desc' })).toEqual([
      ['s', 'q', 'r'],
      ['p', 't'],
    ])
  })

  test('is of one state, whatever is written between its pages', async () => {
    for (const id of ['p', 'q', 'r']) await set(`c/${id}`)
    let n = 0
    const write = () => set(`c/${['a', 'qq', 'z'][n++ % 3]}`)
    expect(await pages({ pageSize: 1 }, write)).toEqual([['p'], ['q'], ['r'], []])
  })

  test('shows documents that are missing, page by page', async () => {
    for (const path of ['c/a', 'c/gone/sub/x', 'c/z']) await set(path)
    expect(await pages({ pageSize: 2, showMissing: true })).toEqual([['a', 'gone'], ['z']])
  })

  test('takes no token that it did not give', async () => {
    for (const pageToken of ['x', 'e30=', 'bnVsbA==']) {
      const request = { parent: documents, collectionId: 'c', pageToken }
      expect(await errorOf('ListDocuments', request)).toBe('INVALID_ARGUMENT: Invalid page token.')
    }
    expect(await errorOf('ListDocuments', { parent: documents, collectionId: 'c', orderBy: 'a up' })).toBe(
      'INVALID_ARGUMENT: Invalid order_by: "a up".',
    )
  })

  test('of collections comes in pages and leaves out what is empty', async () => {
    for (const path of ['a/x', 'b/x', 'd/x/sub/y', 'e/x']) await set(path)
    await client.ask('Commit', { database, writes: [{ delete: `${documents}/e/x` }] })
    const first = await client.ask('ListCollectionIds', { parent: documents, pageSize: 2 })
    expect(first['collectionIds']).toEqual(['a', 'b'])
    const pageToken = first['nextPageToken'] as string
    const second = await client.ask('ListCollectionIds', { parent: documents, pageSize: 2, pageToken })
    expect(second).toEqual({ collectionIds: ['d'] })
  })
})

describe('what is not served', () => {
  test('says why', async () => {
    const group = { from: [{ collectionId: 'c', allDescendants: true }] }
    expect(await errorOf('PartitionQuery', { parent: documents, structuredQuery: group, partitionCount: '0' })).toBe(
      'INVALID_ARGUMENT: partition_count must be greater than zero.',
    )
    const plain = { from: [{ collectionId: 'c' }] }
    expect(await errorOf('PartitionQuery', { parent: documents, structuredQuery: plain, partitionCount: '2' })).toBe(
      'INVALID_ARGUMENT: Only collection group queries ordered by __name__ ascending can be partitioned.',
    )
    expect(await errorOf('ExecutePipeline', { database })).toBe(
      'INVALID_ARGUMENT: ExecutePipeline requires the Database Edition to be `enterprise`.',
    )
  })

  test('of another database is refused', async () => {
    const name = 'projects/other/databases/(default)/documents/c/x'
    const expected = `INVALID_ARGUMENT: Document "${name}" is not in database "${database}".`
    expect(await errorOf('Commit', { database, writes: [{ delete: name }] })).toBe(expected)
    expect(await errorOf('BatchGetDocuments', { database, documents: [name] })).toBe(expected)
  })
})
