import { expect, test } from 'vitest'
import { Transcoder } from './http-rule.ts'
import { toJson } from './proto-json.ts'
import { loadProtos } from './protos.ts'

const root = loadProtos('pubsub')
const services = ['Publisher', 'Subscriber', 'SchemaService'].map((name) =>
  root.lookupService(`google.pubsub.v1.${name}`),
)
const transcoder = new Transcoder(services)

const transcode = (line: string, body: unknown = '') => {
  const [verb = '', url = ''] = line.split(' ')
  const found = transcoder.transcode({ verb, url, body: body === '' ? '' : JSON.stringify(body) })
  const type = found?.method.resolvedRequestType
  return found && type && [found.method.name, toJson(type, found.request)]
}

const topic = 'projects/p/topics/t'
const cases: [line: string, body: unknown, method: string, request: unknown][] = [
  [`PUT /v1/${topic}`, { labels: { a: 'b' } }, 'CreateTopic', { name: topic, labels: { a: 'b' } }],
  [`PUT /v1/${topic}`, '', 'CreateTopic', { name: topic }],
  [`GET /v1/${topic}`, '', 'GetTopic', { topic }],
  [`GET /v1/projects/a%3Ab/topics/t%25`, '', 'GetTopic', { topic: 'projects/a:b/topics/t%' }],
  [
    `PATCH /v1/${topic}`,
    { topic: { labels: {} }, updateMask: 'labels' },
    'UpdateTopic',
    { topic: { name: topic }, updateMask: 'labels' },
  ],
  [`POST /v1/${topic}:publish`, { messages: [{ data: 'eA==' }] }, 'Publish', { topic, messages: [{ data: 'eA==' }] }],
  [`GET /v1/${topic}/subscriptions?pageSize=3&alt=json`, '', 'ListTopicSubscriptions', { topic, pageSize: 3 }],
  [
    `POST /v1/projects/p/schemas?schemaId=s`,
    { type: 'AVRO' },
    'CreateSchema',
    { parent: 'projects/p', schemaId: 's', schema: { type: 'AVRO' } },
  ],
  [
    `GET /v1/projects/p/schemas/s@12345678?view=FULL`,
    '',
    'GetSchema',
    { name: 'projects/p/schemas/s@12345678', view: 'FULL' },
  ],
  [`DELETE /v1/projects/p/schemas/s@1:deleteRevision`, '', 'DeleteSchemaRevision', { name: 'projects/p/schemas/s@1' }],
  [`POST /v1/projects/p/schemas:validate`, {}, 'ValidateSchema', { parent: 'projects/p' }],
]

test.each(cases)('%s', (line, body, method, request) => {
  expect(transcode(line, body)).toEqual([method, request])
})

test.each([`POST /v1/${topic}`, 'GET /', `GET /v1/${topic}:publish`, `GET /v2/${topic}`, `GET /v1/${topic}/x`])(
  '%s is no method',
  (line) => {
    expect(transcode(line)).toBeUndefined()
  },
)

test.each([
  [`GET /v1/${topic}?foo=1`, '', 'Unknown name "foo"'],
  [`GET /v1/${topic}/subscriptions?pageSize=x`, '', 'Invalid value at \'page_size\' (TYPE_INT32), "x"'],
  [`POST /v1/${topic}:publish`, [], 'Root element must be a message'],
  [`GET /v1/projects/p/topics/%zz`, '', 'not percent-encoded'],
])('%s with %j is refused', (line, body, details) => {
  expect(() => transcode(line, body)).toThrow(
    expect.objectContaining({ code: 3, details: expect.stringContaining(details) as string }) as Error,
  )
})
