import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startFirestoreEngine, type FirestoreEngine } from '../index.ts'

let engine: FirestoreEngine
const faults: string[] = []

beforeAll(async () => {
  engine = await startFirestoreEngine({ log: (message) => faults.push(message) })
})
afterAll(async () => {
  await engine.close()
  expect(faults).toEqual([])
})

const DOCUMENTS = '/v1/projects/p/databases/(default)/documents'

const open = (): Socket => connect(engine.port, '127.0.0.1')

/** What comes back for bytes as they are; the last request says that the connection is to be closed. */
const sent = async (...requests: string[]): Promise<string> => {
  const socket = open()
  const answer = text(socket)
  for (const request of requests) socket.write(request)
  return answer
}

const CLOSE = 'host: x\r\nconnection: close\r\n'

const statusesOf = (answer: string): string[] =>
  [...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status as string)

describe('HTTP/1.1', () => {
  test('several requests come over one connection', async () => {
    const get = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n'
    const answer = await sent(get + get, get, `GET /nowhere HTTP/1.1\r\n${CLOSE}\r\n`)
    expect(statusesOf(answer)).toEqual(['200', '200', '200', '404'])
  })

  test('a body comes in chunks, and after it was allowed to', async () => {
    const body = JSON.stringify({ fields: { n: { integerValue: 1 } } })
    const head = `POST ${DOCUMENTS}/c?documentId=chunked HTTP/1.1\r\n${CLOSE}transfer-encoding: chunked\r\n`
    const chunked = body.replaceAll(/./g, (one) => `1\r\n${one}\r\n`)
    const answer = await sent(`${head}expect: 100-continue\r\n\r\n`, `${chunked}0\r\n\r\n`)
    expect(statusesOf(answer)).toEqual(['100', '200'])
  })

  test('a HEAD has the status of a GET and no body', async () => {
    const answer = await sent(`HEAD / HTTP/1.1\r\n${CLOSE}\r\n`)
    expect(answer).toMatch(/^HTTP\/1\.1 200 [^]*\r\n\r\n$/)
    expect(statusesOf(await sent(`HEAD ${DOCUMENTS}/c/none HTTP/1.1\r\n${CLOSE}\r\n`))).toEqual(['404'])
  })

  test('too large a body is refused, and the connection goes on', async () => {
    const length = 16 * 1024 * 1024 + 1
    const head = `POST ${DOCUMENTS}:commit HTTP/1.1\r\nhost: x\r\ncontent-length: ${length}\r\n\r\n`
    const answer = await sent(head, ' '.repeat(length), `GET / HTTP/1.1\r\n${CLOSE}\r\n`)
    expect(statusesOf(answer)).toEqual(['413', '200'])
  })

  test.each([
    ['GET /%zz HTTP/1.1', '400'],
    ['GET //x/y HTTP/1.1', '404'],
    ['GET http://[ HTTP/1.1', '400'],
    ['GET http://elsewhere/ HTTP/1.1', '200'],
    ['GET * HTTP/1.1', '400'],
    ['GET /v1/%2e%2e/ HTTP/1.1', '200'],
    ['BREW / HTTP/1.1', '400'],
    ['nonsense', '400'],
  ])('%s is answered with %s', async (line, status) => {
    expect(statusesOf(await sent(`${line}\r\n${CLOSE}\r\n`))).toEqual([status])
  })

  test('a client that goes away in the middle leaves nothing behind', async () => {
    const heads = [
      `POST ${DOCUMENTS}:commit HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"wri`,
      `POST ${DOCUMENTS}:runQuery HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"str`,
      'POST /google.firestore.v1.Firestore/Listen/channel?VER=8 HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\ncou',
    ]
    for (const head of heads) {
      const socket = open()
      await new Promise<void>((resolve) => void socket.write(head, () => resolve()))
      socket.resetAndDestroy()
    }
    expect(statusesOf(await sent(`GET / HTTP/1.1\r\n${CLOSE}\r\n`))).toEqual(['200'])
  })
})

describe('any body', () => {
  const ask = (path: string, body: string) =>
    fetch(`http://127.0.0.1:${engine.port}${DOCUMENTS}${path}`, {
      method: 'POST',
      body,
      headers: { authorization: 'Bearer owner' },
    })

  test.each([
    ['levels of arrays', '['.repeat(1_000_000)],
    ['levels of arrays that end', '['.repeat(500_000) + ']'.repeat(500_000)],
    ['levels of filters', '{"structuredQuery":{"where":' + '{"compositeFilter":{"filters":['.repeat(10_000)],
    ['levels of values', `{"fields":${'{"a":{"mapValue":{"fields":'.repeat(50_000)}{}${'}}}'.repeat(50_000)}}`],
    ['a number of many digits', `{"fields":{"a":{"integerValue":${'9'.repeat(1_000_000)}}}}`],
    ['text of many digits', `{"fields":{"a":{"integerValue":"${'9'.repeat(1_000_000)}"}}}`],
    ['a prototype', '{"__proto__":{"fields":{}}}'],
    ['no UTF-8', Buffer.from([0xff, 0xfe]).toString('latin1')],
  ])('is refused when it is no request: %s', async (_, body) => {
    for (const path of ['/c', ':runQuery', ':commit']) expect((await ask(path, body)).status).toBe(400)
  })

  test('is answered', async () => {
    const paths = fc.constantFrom(':commit', ':runQuery', ':batchGet', ':runAggregationQuery', ':partitionQuery', '/c')
    const keys = fc.constantFrom('writes', 'structuredQuery', 'documents', 'fields', 'from', 'limit', 'update', 'where')
    const body = fc.oneof(
      fc.json(),
      fc.string(),
      fc.dictionary(keys, fc.jsonValue()).map((one) => JSON.stringify(one)),
    )
    await fc.assert(
      fc.asyncProperty(paths, body, async (path, json) => {
        const answer = await ask(path, json)
        expect(answer.status === 200 || (answer.status >= 400 && answer.status < 500)).toBe(true)
        expect(typeof (await answer.json())).toBe('object')
      }),
      { numRuns: 300 },
    )
  })
})
