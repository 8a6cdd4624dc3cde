import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Encodings, SchemaTypes, SchemaViews } from '@google-cloud/pubsub'
import type { Metadata } from '@grpc/grpc-js'
import { expect, test } from 'vitest'
import { connectRaw, receive, startBench } from '../testing.ts'

const parent = 'projects/demo-test'
const province = {
  type: 'record',
  name: 'Province',
  namespace: 'utilities',
  fields: [
    { name: 'name', type: 'string' },
    { name: 'post_abbr', type: 'string' },
  ],
}
const definition = JSON.stringify(province)
const wider = JSON.stringify({ ...province, fields: [...province.fields, { name: 'area', type: 'int', default: 0 }] })
const ontario = Buffer.from('{"name":"Ontario","post_abbr":"ON"}')

const setUp = async () => {
  const { client, engine } = await startBench()
  const { schemas } = connectRaw(engine)
  const commit = async (id: string, source: string) =>
    (await schemas.commitSchema({ name: `${parent}/schemas/${id}`, schema: { type: 'AVRO', definition: source } }))[0]
  return { client, schemas, commit }
}

// Google's client hands the text on as bytes: it must be in base64.
const encoded = (text: string) => Buffer.from(text).toString('base64')

const refused = (code: number, details = '') => ({ code, details: expect.stringContaining(details) as string })

const all = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

test('a schema is created, listed, read and deleted', async () => {
  const { client } = await setUp()
  await client.createSchema('provinces', SchemaTypes.Avro, definition)
  const name = `${parent}/schemas/provinces`
  expect(await all(client.listSchemas())).toMatchObject([{ name, type: 'AVRO', definition: '' }])
  expect(await all(client.listSchemas(SchemaViews.Full))).toMatchObject([{ name, definition }])
  const schema = client.schema('provinces')
  expect(await schema.get(SchemaViews.Basic)).toMatchObject({ name, definition: '' })
  expect(await schema.get(SchemaViews.Full)).toMatchObject({
    definition,
    revisionId: expect.stringMatching(/^[0-9a-f]{8}$/) as string,
  })
  await expect(client.createSchema('provinces', SchemaTypes.Avro, definition)).rejects.toMatchObject(refused(6))
  await schema.delete()
  expect(await all(client.listSchemas())).toEqual([])
  await expect(schema.get(SchemaViews.Full)).rejects.toMatchObject(
    refused(5, 'Resource not found (resource=provinces)'),
  )
})

test('definitions and messages can be tried before they are used', async () => {
  const { client, schemas } = await setUp()
  await client.validateSchema({ type: SchemaTypes.Avro, definition })
  for (const bad of ['{"not_actually":"avro"}', 'woohoo i am a schema, no really']) {
    await expect(client.validateSchema({ type: SchemaTypes.Avro, definition: bad })).rejects.toMatchObject(
      refused(3, 'Invalid schema definition: Could not parse schema.'),
    )
  }
  await client.createSchema('provinces', SchemaTypes.Avro, definition)
  const schema = client.schema('provinces')
  await schema.validateMessage(encoded(ontario.toString()), Encodings.Json)
  for (const bad of ['{"foo":"bar"}', 'woohoo i am a message, no really']) {
    await expect(schema.validateMessage(encoded(bad), Encodings.Json)).rejects.toMatchObject(
      refused(3, 'Invalid data in message: Message failed schema validation.'),
    )
  }
  const inline = { parent, schema: { type: 'AVRO' as const, definition }, message: ontario }
  await schemas.validateMessage({ ...inline, encoding: 'JSON' })
  await expect(schemas.validateMessage({ ...inline, encoding: 'BINARY' })).rejects.toMatchObject(refused(3))
  await expect(schemas.validateMessage(inline)).rejects.toMatchObject(refused(3, 'argument=encoding'))
})

test('revisions are committed, listed, rolled back to and deleted', async () => {
  const { client, schemas, commit } = await setUp()
  await client.createSchema('provinces', SchemaTypes.Avro, definition)
  const name = `${parent}/schemas/provinces`
  const [first] = await schemas.getSchema({ name })
  const second = await commit('provinces', wider)
  expect(second).toMatchObject({ name, definition: wider })
  expect((await schemas.getSchema({ name }))[0]).toEqual(second)
  expect((await schemas.getSchema({ name: `${name}@${first.revisionId}` }))[0]).toEqual(first)
  await expect(schemas.getSchema({ name: `${name}@00000000` })).rejects.toMatchObject(refused(5))
  expect((await commit('provinces', wider)).revisionId).not.toBe(second.revisionId)
  await expect(commit('provinces', '{"type":"int"}')).rejects.toMatchObject(refused(3, 'not compatible'))
  await expect(commit('nothing', wider)).rejects.toMatchObject(refused(5))

  const [third] = await schemas.rollbackSchema({ name, revisionId: first.revisionId ?? '' })
  expect(third).toMatchObject({ name, definition })
  const ids = async () => (await schemas.listSchemaRevisions({ name }))[0].map(({ revisionId }) => revisionId)
  const same = (await ids())[1] ?? ''
  expect(await ids()).toEqual([third.revisionId, same, second.revisionId, first.revisionId])
  const [page, , answer] = await schemas.listSchemaRevisions(
    { name, pageSize: 2, view: 'FULL' },
    { autoPaginate: false },
  )
  expect(page.map((revision) => revision.definition)).toEqual([definition, wider])
  expect(answer.nextPageToken).not.toBe('')

  for (const id of [same, second.revisionId, third.revisionId]) {
    await schemas.deleteSchemaRevision({ name: `${name}@${id}` })
  }
  expect(await ids()).toEqual([first.revisionId])
  await expect(schemas.deleteSchemaRevision({ name: `${name}@${first.revisionId}` })).rejects.toMatchObject(refused(9))
})

test('a schema has at most 20 revisions, and a definition 300 KB', async () => {
  const { client, commit } = await setUp()
  await client.createSchema('provinces', SchemaTypes.Avro, definition)
  for (let revision = 2; revision <= 20; revision++) await commit('provinces', revision % 2 === 0 ? wider : definition)
  await expect(commit('provinces', definition)).rejects.toMatchObject(refused(8, '20'))
  const long = JSON.stringify({ ...province, doc: 'x'.repeat(300_000) })
  await expect(client.createSchema('long', SchemaTypes.Avro, long)).rejects.toMatchObject(refused(3, 'too large'))
})

test('a topic with a schema takes what fits, and tells subscribers by what', async () => {
  const { client, schemas } = await setUp()
  await client.createSchema('provinces', SchemaTypes.Avro, definition)
  const schema = `${parent}/schemas/provinces`
  const [topic] = await client.createTopic({ name: 'events', schemaSettings: { schema, encoding: Encodings.Json } })
  const [subscription] = await topic.createSubscription('worker')
  await topic.publishMessage({ data: ontario, attributes: { a: 'b' } })
  const [message] = await receive(subscription, 1)
  const [{ revisionId }] = await schemas.getSchema({ name: schema })
  expect(message?.attributes).toEqual({
    a: 'b',
    googclient_schemaencoding: 'JSON',
    googclient_schemaname: schema,
    googclient_schemarevisionid: revisionId,
  })
  const bad = topic.publishMessage({ data: Buffer.from('{"foo":"bar"}') })
  const error = await bad.then(
    () => undefined,
    (reason: { metadata: Metadata }) => reason,
  )
  expect(error).toMatchObject(refused(3, 'Invalid data in message: Message failed schema validation.'))
  const [details] = error?.metadata.get('grpc-status-details-bin') ?? []
  for (const part of ['INVALID_JSON_AVRO_MESSAGE', 'pubsub.googleapis.com', `revision_id=${revisionId} failed`]) {
    expect(String(details)).toContain(part)
  }
})

test('a message fits any revision in the range of the topic, the newest first', async () => {
  const { client, schemas, commit } = await setUp()
  await client.createSchema('provinces', SchemaTypes.Avro, definition)
  const schema = `${parent}/schemas/provinces`
  const [first] = await schemas.getSchema({ name: schema })
  const second = await commit('provinces', wider)
  const settings = { schema, encoding: Encodings.Json }
  const [topic] = await client.createTopic({ name: 'events', schemaSettings: settings })
  const [subscription] = await topic.createSubscription('worker')
  const quebec = Buffer.from('{"name":"Quebec","post_abbr":"QC","area":1}')
  const revisions: (string | undefined)[] = []
  const arrived = receive(subscription, 2, (message) => {
    revisions.push(message.attributes['googclient_schemarevisionid'])
    message.ack()
  })
  await topic.publishMessage({ data: ontario })
  await topic.publishMessage({ data: quebec })
  await arrived
  expect(new Set(revisions)).toEqual(new Set([first.revisionId, second.revisionId]))

  await topic.setMetadata({ schemaSettings: { ...settings, firstRevisionId: second.revisionId ?? '' } })
  await expect(topic.publishMessage({ data: ontario })).rejects.toMatchObject({ code: 3 })
  await topic.publishMessage({ data: quebec })
  await topic.setMetadata({ schemaSettings: { ...settings, lastRevisionId: first.revisionId ?? '' } })
  await expect(topic.publishMessage({ data: quebec })).rejects.toMatchObject({ code: 3 })

  const missing = topic.setMetadata({ schemaSettings: { ...settings, firstRevisionId: '00000000' } })
  await expect(missing).rejects.toMatchObject(refused(5))
  await schemas.deleteSchemaRevision({ name: `${schema}@${first.revisionId}` })
  await topic.setMetadata({ labels: { still: 'open' } })
  await expect(topic.publishMessage({ data: ontario })).rejects.toMatchObject({ code: 3 })
  await schemas.rollbackSchema({ name: schema, revisionId: second.revisionId ?? '' })
  const [third] = await schemas.getSchema({ name: schema })
  const backwards = { firstRevisionId: third.revisionId ?? '', lastRevisionId: second.revisionId ?? '' }
  await expect(topic.setMetadata({ schemaSettings: { ...settings, ...backwards } })).rejects.toMatchObject(refused(3))
})

test('of several revisions that a message fits, the newest is noted', async () => {
  const { client, schemas } = await setUp()
  const before = 'syntax = "proto3"; message M { string name = 1; }'
  const after = 'syntax = "proto3"; message M { string name = 1; int32 area = 2; }'
  await client.createSchema('provinces', SchemaTypes.ProtocolBuffer, before)
  const name = `${parent}/schemas/provinces`
  const [{ revisionId }] = await schemas.commitSchema({ name, schema: { type: 'PROTOCOL_BUFFER', definition: after } })
  const [topic] = await client.createTopic({
    name: 'events',
    schemaSettings: { schema: name, encoding: Encodings.Binary },
  })
  const [subscription] = await topic.createSubscription('worker')
  await topic.publishMessage({ data: Buffer.from('0a0178', 'hex') })
  const [message] = await receive(subscription, 1)
  expect(message?.attributes).toMatchObject({
    googclient_schemaencoding: 'BINARY',
    googclient_schemarevisionid: revisionId,
  })
})

test('a topic outlives its schema, but takes nothing more', async () => {
  const { client } = await setUp()
  await client.createSchema('provinces', SchemaTypes.Avro, definition)
  const settings = { schema: `${parent}/schemas/provinces`, encoding: Encodings.Binary }
  const [topic] = await client.createTopic({ name: 'events', schemaSettings: settings })
  await client.schema('provinces').delete()
  expect((await topic.getMetadata())[0].schemaSettings).toMatchObject({
    schema: '_deleted-schema_',
    encoding: 'BINARY',
  })
  await expect(topic.publishMessage({ data: Buffer.from('x') })).rejects.toMatchObject(refused(9))
  const other = client.createTopic({ name: 'other', schemaSettings: settings })
  await expect(other).rejects.toMatchObject(refused(5, 'Resource not found (resource=provinces)'))
  await topic.setMetadata({ labels: { still: 'there' } })
})

const data = join(import.meta.dirname, '../../../../../../shared/data/pubsub-ordered')

test.skipIf(!existsSync(data))("Google's own samples of schemas fit each other (needs ../shared/data)", async () => {
  const { client } = await setUp()
  const read = (file: string) => readFileSync(join(data, file), 'utf8')
  await client.createSchema('avro', SchemaTypes.Avro, read('provinces.avsc'))
  await client.createSchema('proto', SchemaTypes.ProtocolBuffer, read('provinces.proto'))
  for (const id of ['avro', 'proto']) {
    await client.schema(id).validateMessage(encoded(read('province.json')), Encodings.Json)
    await expect(client.schema(id).validateMessage(encoded('{"name":1}'), Encodings.Json)).rejects.toMatchObject({
      code: 3,
    })
  }
})
