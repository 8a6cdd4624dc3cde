import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ingestPath, linesMediaType, messageText } from '@infinity-matrix/contracts'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createBatcher } from './batcher.ts'
import { createHttpTransport, type HttpTransportOptions } from './http-transport.ts'

type Answer = (request: { body: string; headers: IncomingMessage['headers'] }, response: ServerResponse) => void

/** Answers to come, in their order; the last one stays. */
let answers: Answer[] = []
let requests: { path: string; body: string; headers: IncomingMessage['headers'] }[] = []
const server = createServer((request, response) => {
  const take = async () => {
    const body = Buffer.concat(await request.toArray()).toString()
    requests.push({ path: request.url ?? '', body, headers: request.headers })
    const answer = answers.length > 1 ? answers.shift() : answers[0]
    answer?.({ body, headers: request.headers }, response)
  }
  void take()
})
let origin = ''

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => new Promise((resolve) => server.close(resolve)))
beforeEach(() => {
  answers = []
  requests = []
})

const json =
  (status: number, body: object, headers: Record<string, string> = {}): Answer =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify(body))
  }
const accept: Answer = ({ body }, response) => {
  const results = body.split('\n').map((_, index) => ({ status: 'accepted', id: String(index), verdict: 'applied' }))
  json(200, { accepted: results.length, refused: 0, results })({ body, headers: {} }, response)
}
const eventOf = (sequence: number) => ({ type: 'agent.step-taken.v1', subject: 'agents/a', sequence })
const encoded = [1, 2].map((sequence) => {
  const text = JSON.stringify(eventOf(sequence))
  return { type: 'agent.step-taken.v1', text, bytes: text.length }
})
const transportTo = (options: Partial<HttpTransportOptions> = {}) =>
  createHttpTransport({ origin, backoffMsMax: 5, ...options })

describe('events over HTTP', () => {
  it('go as one batch, and come back each with what became of it', async () => {
    answers = [accept]
    const outcomes = await transportTo({ waitSeconds: 3 }).send(encoded)
    expect(outcomes).toMatchObject([{ status: 'accepted', verdict: 'applied' }, { status: 'accepted' }])
    expect(requests).toMatchObject([
      {
        path: ingestPath,
        body: messageText(encoded.map(({ text }) => text)),
        headers: { prefer: 'wait=3', 'content-type': linesMediaType },
      },
    ])
  })

  it.each([408, 429, 500, 502, 503, 504])('are sent again after %i, under new headers', async (status) => {
    let tokens = 0
    answers = [json(status, {}), json(status, {}, { 'retry-after': '0' }), accept]
    const transport = transportTo({ headers: () => ({ authorization: `Bearer ${++tokens}` }) })
    expect(await transport.send(encoded)).toHaveLength(2)
    expect(requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer 1', 'Bearer 2', 'Bearer 3'])
    expect(new Set(requests.map(({ body }) => body)).size).toBe(1)
  })

  it('are sent again when the connection breaks', async () => {
    answers = [(_request, response) => void response.destroy(), accept]
    expect(await transportTo().send(encoded)).toHaveLength(2)
  })

  it('are given up after so many tries, and a batcher tells why', async () => {
    answers = [json(503, {})]
    const batcher = createBatcher({ transport: transportTo({ retriesMax: 2 }) })
    const added = batcher.add(eventOf(1))
    await Promise.all([expect(added).rejects.toMatchObject({ code: 'not-sent' }), batcher.close()])
    expect(requests).toHaveLength(3)
  })

  it('are not sent again when the request itself is refused', async () => {
    answers = [json(403, {})]
    await expect(transportTo().send(encoded)).rejects.toThrow('403')
    expect(requests).toHaveLength(1)
  })

  it('of which none is accepted come back with what is wrong', async () => {
    const problem = { code: 'bad-envelope', field: 'tier', rule: 'must be one of elite, mastery, standard' }
    const refused = { status: 'refused', problem }
    answers = [json(422, { status: 422, accepted: 0, refused: 2, results: [refused, refused] })]
    expect(await transportTo().send(encoded)).toEqual([refused, refused])
  })

  it('are not taken for accepted when the answer is not theirs', async () => {
    answers = [json(202, { accepted: 1, refused: 0, results: [{ status: 'accepted', id: '0' }] })]
    await expect(transportTo().send(encoded)).rejects.toThrow('1 results for 2 events')
    answers = [json(202, { welcome: true })]
    await expect(transportTo().send(encoded)).rejects.toThrow('accepted')
  })
})
