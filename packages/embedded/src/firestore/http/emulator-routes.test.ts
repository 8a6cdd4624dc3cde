import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startFirestoreEngine, type FirestoreEngine } from '../index.ts'
import { JsonClient } from '../oracle/client.ts'

const DATABASE = 'projects/demo/databases/(default)'

let firestore: FirestoreEngine
let client: JsonClient

beforeEach(async () => {
  firestore = await startFirestoreEngine()
  client = new JsonClient(`127.0.0.1:${firestore.port}`)
})
afterEach(async () => {
  client.close()
  await firestore.close()
})

const ask = (method: string, path: string, body?: unknown) =>
  fetch(`http://127.0.0.1:${firestore.port}${path}`, {
    method,
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })

const put = (path: string, database = DATABASE) =>
  client.ask('Commit', { database, writes: [{ update: { name: `${database}/documents/${path}`, fields: {} } }] })

const exists = async (path: string, database = DATABASE): Promise<boolean> =>
  (await client.call('GetDocument', { name: `${database}/documents/${path}` })).status === 'OK'

describe('over HTTP on the same port', () => {
  test('the engine says that it is there', async () => {
    const response = await ask('GET', '/')
    expect([response.status, await response.text()]).toEqual([200, 'Ok\n'])
    expect((await ask('GET', '/nowhere')).status).toBe(404)
  })

  test('one database is cleared, and others are not', async () => {
    const other = 'projects/demo/databases/other'
    await put('c/x')
    await put('c/x/sub/y')
    await put('c/x', other)
    expect((await ask('DELETE', `/emulator/v1/${DATABASE}/documents`)).status).toBe(200)
    expect([await exists('c/x'), await exists('c/x/sub/y'), await exists('c/x', other)]).toEqual([false, false, true])
  })

  test('one document is cleared with all below it', async () => {
    await put('c/x/sub/y')
    await put('c/z')
    expect((await ask('DELETE', `/emulator/v1/${DATABASE}/documents/c/x`)).status).toBe(200)
    expect([await exists('c/x/sub/y'), await exists('c/z')]).toEqual([false, true])
    expect((await ask('DELETE', `/emulator/v1/${DATABASE}/documents/c`)).status).toBe(400)
  })

  test('everything is reset, and transactions with it', async () => {
    await put('c/x')
    const { transaction = '' } = await client.ask('BeginTransaction', { database: DATABASE })
    expect((await ask('POST', '/reset')).status).toBe(200)
    expect(await exists('c/x')).toBe(false)
    const { status } = await client.call('GetDocument', { name: `${DATABASE}/documents/c/x`, transaction })
    expect(status).toBe('ABORTED')
  })

  test('the engine is shut down', async () => {
    expect((await ask('POST', '/shutdown')).status).toBe(200)
    await firestore.closed
    await expect(ask('GET', '/')).rejects.toThrow()
  })
})

describe('at the start', () => {
  test('a port that is taken is an error that says so', async () => {
    await expect(startFirestoreEngine({ port: firestore.port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })
})
