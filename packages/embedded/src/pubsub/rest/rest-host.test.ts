import { deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { startBench } from '../testing.ts'

const topic = 'projects/demo-test/topics/events'
const subscription = 'projects/demo-test/subscriptions/worker'

interface Answer {
  status: number
  body: unknown
}

const setUp = async () => {
  const { engine } = await startBench()
  const call = async (line: string, body?: unknown): Promise<Answer> => {
    const [method = '', path = ''] = line.split(' ')
    const response = await fetch(`http://${engine.host}:${engine.port}${path}`, {
      method,
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    return { status: response.status, body: await response.json() }
  }
  await call(`PUT /v1/${topic}`)
  await call(`PUT /v1/${subscription}`, { topic })
  return { call, engine }
}

interface Received {
  receivedMessages: { ackId: string; message: { messageId: string } }[]
}

test('a message is published, pulled and acknowledged', async () => {
  const { call } = await setUp()
  const published = await call(`POST /v1/${topic}:publish`, {
    messages: [{ data: 'aGVsbG8=', attributes: { a: 'b' }, orderingKey: 'k' }],
  })
  expect(published).toEqual({ status: 200, body: { messageIds: [expect.stringMatching(/^\d+$/)] } })
  const pulled = await call(`POST /v1/${subscription}:pull`, { maxMessages: 10 })
  expect(pulled).toEqual({
    status: 200,
    body: {
      receivedMessages: [
        {
          ackId: expect.any(String) as string,
          message: {
            data: 'aGVsbG8=',
            attributes: { a: 'b' },
            orderingKey: 'k',
            messageId: (published.body as { messageIds: string[] }).messageIds[0],
            publishTime: expect.stringMatching(/^\d{4}-.*Z$/) as string,
          },
        },
      ],
    },
  })
  const ackIds = (pulled.body as Received).receivedMessages.map(({ ackId }) => ackId)
  const later = await call(`POST /v1/${subscription}:modifyAckDeadline`, { ackIds, ackDeadlineSeconds: 60 })
  expect(later).toEqual({ status: 200, body: {} })
  expect(await call(`POST /v1/${subscription}:acknowledge`, { ackIds })).toEqual({ status: 200, body: {} })
  const rest = await call(`POST /v1/${subscription}:pull`, { maxMessages: 1, returnImmediately: true })
  expect(rest).toEqual({ status: 200, body: {} })
})

test('a pull waits for a message', async () => {
  const { call } = await setUp()
  const pulled = call(`POST /v1/${subscription}:pull`, { maxMessages: 1 })
  await call(`POST /v1/${topic}:publish`, { messages: [{ data: 'eA==' }] })
  expect((await pulled).body).toMatchObject({ receivedMessages: [{ message: { data: 'eA==' } }] })
})

test('a client that gives up its pull takes no message', async () => {
  const { call, engine } = await setUp()
  const gone = new AbortController()
  const pulled = fetch(`http://${engine.host}:${engine.port}/v1/${subscription}:pull`, {
    method: 'POST',
    body: '{"maxMessages":1}',
    signal: gone.signal,
  })
  // The answer to a later request on another connection shows that the engine has had time for the pull.
  for (let index = 0; index < 5; index++) await call(`GET /v1/${topic}`)
  gone.abort()
  await expect(pulled).rejects.toThrow()
  for (let index = 0; index < 5; index++) await call(`GET /v1/${topic}`)
  await call(`POST /v1/${topic}:publish`, { messages: [{ data: 'eA==' }] })
  const next = await call(`POST /v1/${subscription}:pull`, { maxMessages: 1 })
  expect(next.body).toMatchObject({ receivedMessages: [{ message: { data: 'eA==' } }] })
})

test('resources are made, read, changed, listed and deleted', async () => {
  const { call } = await setUp()
  expect(await call(`GET /v1/${subscription}`)).toEqual({
    status: 200,
    body: {
      name: subscription,
      topic,
      pushConfig: {},
      ackDeadlineSeconds: 10,
      messageRetentionDuration: '604800s',
      expirationPolicy: { ttl: '2678400s' },
      state: 'ACTIVE',
    },
  })
  const patched = await call(`PATCH /v1/${topic}`, {
    topic: { messageRetentionDuration: '86400s', labels: { a: 'b' } },
    updateMask: 'messageRetentionDuration',
  })
  expect(patched.body).toEqual({ name: topic, messageRetentionDuration: '86400s', state: 'ACTIVE' })
  await call('PUT /v1/projects/demo-test/topics/another')
  const first = await call('GET /v1/projects/demo-test/topics?pageSize=1')
  expect(first.body).toMatchObject({ topics: [{ name: 'projects/demo-test/topics/another' }] })
  const { nextPageToken } = first.body as { nextPageToken: string }
  const second = await call(`GET /v1/projects/demo-test/topics?pageToken=${nextPageToken}`)
  expect(second.body).toMatchObject({ topics: [{ name: topic }] })
  expect((await call(`GET /v1/${topic}/subscriptions`)).body).toEqual({ subscriptions: [subscription] })
  expect(await call(`DELETE /v1/${topic}`)).toEqual({ status: 200, body: {} })
  expect((await call(`GET /v1/${subscription}`)).body).toMatchObject({ topic: '_deleted-topic_' })
})

test('schemas and policies are there too', async () => {
  const { call } = await setUp()
  const made = await call('POST /v1/projects/demo-test/schemas?schemaId=text', { type: 'AVRO', definition: '"string"' })
  expect(made.body).toMatchObject({ name: 'projects/demo-test/schemas/text', type: 'AVRO', definition: '"string"' })
  const tried = await call('POST /v1/projects/demo-test/schemas:validateMessage', {
    name: 'projects/demo-test/schemas/text',
    encoding: 'JSON',
    message: Buffer.from('1').toString('base64'),
  })
  expect(tried).toEqual({
    status: 400,
    body: {
      error: {
        code: 400,
        message: 'Invalid data in message: Message failed schema validation.',
        status: 'INVALID_ARGUMENT',
        details: [expect.objectContaining({ reason: 'INVALID_JSON_AVRO_MESSAGE' })],
      },
    },
  })
  const policy = { bindings: [{ role: 'roles/pubsub.viewer', members: ['allUsers'] }] }
  expect((await call(`POST /v1/${topic}:setIamPolicy`, { policy })).body).toMatchObject(policy)
  expect((await call(`GET /v1/${topic}:getIamPolicy`)).body).toMatchObject({ ...policy, version: 1 })
})

test.each([
  ['GET /v1/projects/demo-test/topics/nothing', undefined, 404, 'NOT_FOUND', 'Resource not found (resource=nothing).'],
  [`PUT /v1/${topic}`, undefined, 409, 'ALREADY_EXISTS', 'Resource already exists in the project (resource=events).'],
  [
    `POST /v1/${topic}:publish`,
    { messages: [{}] },
    400,
    'INVALID_ARGUMENT',
    'messages in the publish request is empty',
  ],
  [`POST /v1/${topic}:publish`, { mesages: [] }, 400, 'INVALID_ARGUMENT', 'Unknown name "mesages": Cannot find field.'],
  [`POST /v1/${topic}:publish`, '{', 400, 'INVALID_ARGUMENT', 'Invalid JSON payload received.'],
  [
    `POST /v1/${topic}:publish`,
    `"${'x'.repeat(10_485_760)}"`,
    400,
    'INVALID_ARGUMENT',
    'payload size exceeds the limit',
  ],
  [
    `POST /v1/${topic}:publish`,
    '{"messages":'.repeat(100_000),
    400,
    'INVALID_ARGUMENT',
    'Invalid JSON payload received.',
  ],
  [
    `POST /v1/${topic}:publish`,
    `${'{"messages":'.repeat(100_000)}1${'}'.repeat(100_000)}`,
    400,
    'INVALID_ARGUMENT',
    'Message too deep.',
  ],
  [
    `PATCH /v1/${topic}`,
    { topic: {} },
    400,
    'INVALID_ARGUMENT',
    'The update_mask in the UpdateTopicRequest must be set',
  ],
  [`POST /v1/${topic}:explode`, undefined, 404, 'NOT_FOUND', 'Method not found.'],
])('%s is refused as over gRPC', async (line, body, status, name, message) => {
  const { call } = await setUp()
  const answer = await call(line, body)
  expect(answer.status).toBe(status)
  expect(answer.body).toMatchObject({
    error: { code: status, status: name, message: expect.stringContaining(message) as string },
  })
})

test('whatever is sent, the answer is JSON and the engine lives', async () => {
  const { call } = await setUp()
  const verbs = fc.constantFrom('GET', 'PUT', 'POST', 'PATCH', 'DELETE')
  const paths = fc.constantFrom(
    `${topic}:publish`,
    `${subscription}:acknowledge`,
    `${topic}x`,
    'projects/p/schemas',
    `${subscription}:seek`,
  )
  const query = fc.constantFrom('', '?', '?pageSize=-1', '?updateMask=a.b', '?schemaId=sss', '?a=%', '?$alt=json')
  const bodies = fc.oneof(
    fc.json(),
    fc.string(),
    fc
      .record(
        { messages: fc.jsonValue(), ackIds: fc.jsonValue(), time: fc.jsonValue(), topic: fc.jsonValue() },
        { requiredKeys: [] },
      )
      .map((body) => JSON.stringify(body)),
  )
  await fc.assert(
    fc.asyncProperty(verbs, paths, query, bodies, async (verb, path, search, body) => {
      const { status } = await call(`${verb} /v1/${path}${search}`, verb === 'GET' ? undefined : body)
      expect([200, 400, 404, 409]).toContain(status)
    }),
    { numRuns: 300 },
  )
  expect((await call('GET /v1/projects/demo-test/topics')).status).toBe(200)
})

test.each([
  ['gzip', gzipSync],
  ['deflate', deflateSync],
])('a body may be compressed (%s), but not to more than a request may hold', async (encoding, compress) => {
  const { engine } = await setUp()
  const post = async (body: Buffer) => {
    const headers = { 'content-encoding': encoding }
    const url = `http://${engine.host}:${engine.port}/v1/${topic}:publish`
    const response = await fetch(url, { method: 'POST', headers, body: new Uint8Array(body) })
    return { status: response.status, text: await response.text() }
  }
  const published = await post(compress('{"messages":[{"data":"aGVsbG8="}]}'))
  expect(published).toMatchObject({ status: 200, text: expect.stringContaining('messageIds') as string })
  expect(await post(compress(Buffer.alloc(50_000_000)))).toMatchObject({
    status: 400,
    text: expect.stringContaining('exceeds the limit') as string,
  })
  expect(await post(Buffer.from('{}'))).toMatchObject({
    status: 400,
    text: expect.stringContaining('could not be decompressed') as string,
  })
})
