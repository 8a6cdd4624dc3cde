import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startFirestoreEngine, type FirestoreEngine } from '../index.ts'
import { firestoreProtos } from '../rpc/codec.ts'
import { WebChannels } from './routes.ts'

let engine: FirestoreEngine
const faults: string[] = []

beforeAll(async () => {
  engine = await startFirestoreEngine({ log: (message) => faults.push(message) })
})
afterAll(async () => {
  await engine.close()
  expect(faults).toEqual([])
})

const DATABASE = 'projects/p/databases/(default)'

const channel = (method: string, parameters: Record<string, string>) =>
  `http://127.0.0.1:${engine.port}/google.firestore.v1.Firestore/${method}/channel?${String(new URLSearchParams(parameters))}`

const bodyOf = (messages: readonly unknown[], offset = 0, headers = '') => {
  const form = new URLSearchParams({ count: String(messages.length), ofs: String(offset) })
  if (headers) form.set('headers', headers)
  messages.forEach((message, i) =>
    form.set(`req${i}___data__`, typeof message === 'string' ? message : JSON.stringify(message)),
  )
  return form
}

const chunkIn = (text: string): unknown => JSON.parse(text.slice(text.indexOf('\n') + 1))

type Arrays = [number, unknown[]][]

/** A client of one session, as far as a test needs it. */
class ChannelClient {
  readonly method: string
  sid = ''
  #messages = 0

  constructor(method: 'Listen' | 'Write') {
    this.method = method
  }

  async open(messages: readonly unknown[], headers = ''): Promise<unknown> {
    const url = channel(this.method, { VER: '8', RID: '1', CVER: '22' })
    const response = await fetch(url, { method: 'POST', body: bodyOf(messages, 0, headers) })
    const arrays = chunkIn(await response.text()) as Arrays
    this.sid = String(arrays[0]?.[1][1])
    this.#messages = messages.length
    return arrays
  }

  async send(messages: readonly unknown[], arrayId = -1, offset = this.#messages): Promise<Response> {
    const url = channel(this.method, { VER: '8', SID: this.sid, RID: '2', AID: String(arrayId) })
    this.#messages = offset + messages.length
    return fetch(url, { method: 'POST', body: bodyOf(messages, offset) })
  }

  /** What comes by the next poll. */
  async poll(arrayId: number): Promise<Arrays> {
    const parameters = { VER: '8', SID: this.sid, RID: 'rpc', AID: String(arrayId), CI: '1', TYPE: 'xmlhttp' }
    return chunkIn(await (await fetch(channel(this.method, parameters))).text()) as Arrays
  }

  terminate(): Promise<Response> {
    const url = channel(this.method, { VER: '8', SID: this.sid, RID: '3', TYPE: 'terminate' })
    return fetch(url, { method: 'POST', body: '' })
  }
}

const write = (id: string, n: number) => ({
  update: { name: `${DATABASE}/documents/c/${id}`, fields: { n: { integerValue: String(n) } } },
})

describe('a session', () => {
  test('is opened, used and ended', async () => {
    const client = new ChannelClient('Write')
    expect(await client.open([{ database: DATABASE }])).toEqual([[0, ['c', client.sid, '', 8, 12, 30_000]]])
    const [[id, [opened]]] = (await client.poll(0)) as [[number, [{ streamToken: string }]]]
    expect([id, opened]).toEqual([1, { streamId: expect.any(String), streamToken: expect.any(String) }])
    const { streamToken } = opened
    const state = await client.send([{ streamToken, writes: [write('é😀', 1)] }], 1)
    expect(chunkIn(await state.text())).toEqual([0, 1, 0])
    expect(await client.poll(1)).toEqual([
      [2, [expect.objectContaining({ writeResults: [{ updateTime: expect.any(String) }] })]],
    ])
    expect((await client.terminate()).status).toBe(200)
    const after = await client.send([])
    expect([after.status, await after.text()]).toEqual([400, 'Error: Unknown SID\n'])
  })

  test('sends again what was lost with a back channel', async () => {
    const client = new ChannelClient('Listen')
    const documents = { documents: [`${DATABASE}/documents/c/none`] }
    await client.open([{ database: DATABASE, addTarget: { targetId: 2, documents } }])
    const first = await client.poll(0)
    const again = await client.poll(0)
    expect(again.slice(0, first.length)).toEqual(first)
    expect(first[0]).toEqual([1, [{ targetChange: { targetChangeType: 'ADD', targetIds: [2] } }]])
    await client.terminate()
  })

  test('streams over one response', async () => {
    const client = new ChannelClient('Listen')
    const query = { parent: `${DATABASE}/documents`, structuredQuery: { from: [{ collectionId: 'streamed' }] } }
    await client.open([{ database: DATABASE, addTarget: { targetId: 2, query } }])
    const controller = new AbortController()
    const url = channel('Listen', { SID: client.sid, RID: 'rpc', AID: '0', CI: '0', TYPE: 'xmlhttp' })
    const response = await fetch(url, { signal: controller.signal, headers: { origin: 'http://localhost' } })
    expect(response.headers.get('access-control-allow-origin')).toBe('http://localhost')
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    const reader = (response.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    const until = async (part: string) => {
      while (!text.includes(part)) text += (await reader.read()).value ?? ''
    }
    await until('"CURRENT"')
    const body = JSON.stringify({ writes: [{ update: { name: `${DATABASE}/documents/streamed/a` } }] })
    const headers = { authorization: 'Bearer owner' }
    await fetch(`http://127.0.0.1:${engine.port}/v1/${DATABASE}/documents:commit`, { method: 'POST', body, headers })
    await until('streamed/a')
    controller.abort()
    await client.terminate()
  })

  test('takes each message once', async () => {
    const client = new ChannelClient('Write')
    await client.open([{ database: DATABASE }])
    const [[, [{ streamToken }]]] = (await client.poll(0)) as [[number, [{ streamToken: string }]]]
    const increment = {
      transform: {
        document: `${DATABASE}/documents/c/once`,
        fieldTransforms: [{ fieldPath: 'n', increment: { integerValue: '1' } }],
      },
    }
    for (let i = 0; i < 3; i++) await client.send([{ streamToken, writes: [increment] }], 1, 1)
    await client.poll(1)
    const document = await fetch(`http://127.0.0.1:${engine.port}/v1/${DATABASE}/documents/c/once`, {
      headers: { authorization: 'Bearer owner' },
    })
    expect(await document.json()).toMatchObject({ fields: { n: { integerValue: '1' } } })
    expect((await client.send([{}], 1, 9)).status).toBe(400)
    await client.terminate()
  })

  test.each<[string, unknown, string, object]>([
    ['no JSON', '{', '', { code: 400, status: 'INVALID_ARGUMENT' }],
    ['an unknown field', { nothing: 1 }, '', { code: 400, status: 'INVALID_ARGUMENT' }],
    ['no database', { database: 'x' }, '', { code: 400, status: 'INVALID_ARGUMENT' }],
    ['no token', { database: DATABASE }, 'Authorization:Bearer x\r\n', { code: 400, status: 'INVALID_ARGUMENT' }],
  ])('is told why its call has failed: %s', async (_, message, headers, error) => {
    const client = new ChannelClient('Write')
    await client.open([message], headers)
    expect(await client.poll(0)).toEqual([[1, [{ error: expect.objectContaining(error) }]]])
    await client.terminate()
  })
})

test.each(['GET', 'POST'])('a session that is not known is told to begin anew: %s', async (method) => {
  for (const SID of ['x', '', '__proto__']) {
    const response = await fetch(channel('Listen', { VER: '8', SID, RID: 'rpc', AID: '0' }), { method })
    expect([response.status, await response.text()]).toEqual([400, 'Error: Unknown SID\n'])
  }
})

describe('sessions', () => {
  const channels = () => new WebChannels(engine.engine, firestoreProtos(), (message) => faults.push(message))
  const ask = (all: WebChannels, method: string, search: string, body = '') => {
    const url = new URL(`http://localhost/google.firestore.v1.Firestore/Listen/channel?${search}`)
    const route = all.routes.find((one) => one.method === method && one.path.test(url.pathname))
    return route?.handle({ method, url, headers: {}, body, groups: {} })
  }

  test('are bounded in number', async () => {
    const all = channels()
    for (let i = 0; i < 1000; i++) await ask(all, 'POST', 'VER=8&RID=1', 'count=0')
    expect([all.size, (await ask(all, 'POST', 'VER=8&RID=1', 'count=0'))?.status]).toEqual([1000, 503])
    all.close()
    expect(all.size).toBe(0)
  })

  test('are none after requests that are none', async () => {
    const all = channels()
    const parameter = fc.constantFrom(
      'VER=8',
      'SID=x',
      'SID=',
      'AID=0',
      'AID=x',
      'RID=rpc',
      'TYPE=terminate',
      'CI=0',
      'TO=9',
    )
    const part = fc.constantFrom('count=1', 'ofs=1', 'req0___data__={}', 'headers=x', '&', '%', '=', 'é')
    await fc.assert(
      fc.asyncProperty(
        fc.array(parameter),
        fc.array(part),
        fc.constantFrom('GET', 'POST'),
        async (query, parts, method) => {
          const known = all.size
          try {
            const response = await ask(all, method, query.join('&'), parts.join('&'))
            const isOpened = response?.status === 200 && String(response.body).includes('["c"')
            expect(all.size).toBe(known + (isOpened ? 1 : 0))
          } catch (error) {
            expect(error).toBeInstanceOf(SyntaxError)
            expect(all.size).toBe(known)
          }
        },
      ),
    )
    all.close()
    expect(all.size).toBe(0)
  })
})
