import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { waitFor } from '@infinity-matrix/testing'
import { expect, onTestFinished, test } from 'vitest'
import { SteppedTime } from '../clock/time-source.ts'
import { receive, startBench, type Message } from './testing.ts'

const table = 'demo-test.archive.events'
const bigqueryConfig = { table, writeMetadata: true }

const scratch = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'tables-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

const filesIn = async (folder: string): Promise<string[]> =>
  (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.parquet'))

/** The rows of all Parquet files, as any reader of Parquet sees them. */
const rowsIn = async (folder: string) => {
  if ((await filesIn(folder)).length === 0) return []
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const all = await connection.runAndReadAll(
    `SELECT subscription_name, message_id, strftime(publish_time, '%Y-%m-%dT%H:%M:%S.%gZ') AS publish_time, data, attributes
       FROM read_parquet('${folder}/**/*.parquet', hive_partitioning = false)`,
  )
  connection.closeSync()
  return all.getRowObjectsJson()
}

const rowsWhen = (folder: string, count: number) =>
  waitFor(`${count} rows`, async () => {
    const rows = await rowsIn(folder)
    return rows.length >= count ? rows : undefined
  })

test('each message becomes a row with what production writes of it', async () => {
  const folder = await scratch()
  const { client } = await startBench(undefined, { tablesIn: folder })
  const [topic] = await client.createTopic('events')
  await topic.createSubscription('to-table', { bigqueryConfig })
  const messageId = await topic.publishMessage({ data: Buffer.from('{"größe":1}'), attributes: { kind: "it's" } })
  const [row] = await rowsWhen(folder, 1)
  expect(row).toEqual({
    subscription_name: 'projects/demo-test/subscriptions/to-table',
    message_id: messageId,
    publish_time: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/) as string,
    data: '{"größe":1}',
    attributes: `{"kind":"it's"}`,
  })
  const [path] = await filesIn(folder)
  expect(path).toMatch(/^demo-test\/archive\/events\/publish_hour=\d{4}-\d{2}-\d{2}T\d{2}\/0-/)
})

test('without metadata a row is the data alone, and a filter decides what becomes a row', async () => {
  const folder = await scratch()
  const { client } = await startBench(undefined, { tablesIn: folder })
  const [topic] = await client.createTopic('events')
  await topic.createSubscription('to-table', { bigqueryConfig: { table }, filter: 'attributes.kind = "a"' })
  for (const kind of ['b', 'a']) await topic.publishMessage({ data: Buffer.from(kind), attributes: { kind } })
  expect(await rowsWhen(folder, 1)).toMatchObject([{ data: 'a', message_id: null, publish_time: null }])
})

test('a stop writes what was gathered', async () => {
  const folder = await scratch()
  const { client, engine } = await startBench(undefined, { tablesIn: folder })
  const [topic] = await client.createTopic('events')
  await topic.createSubscription('to-table', { bigqueryConfig })
  const [beside] = await topic.createSubscription('beside')
  const received = receive(beside, 1)
  await topic.publishMessage({ data: Buffer.from('last') })
  // Both subscriptions give out what is new at the same moment.
  await received
  await beside.close()
  await engine.close()
  expect(await rowsIn(folder)).toMatchObject([{ data: 'last' }])
})

test('what cannot be written is kept, and written when it can be', async () => {
  const folder = await scratch()
  // In the way of the project's folder.
  const obstacle = join(folder, 'demo-test')
  await writeFile(obstacle, '')
  const lines: string[] = []
  const { client } = await startBench(undefined, { tablesIn: folder, log: (line) => lines.push(line) })
  const [topic] = await client.createTopic('events')
  await topic.createSubscription('to-table', { bigqueryConfig })
  await topic.publishMessage({ data: Buffer.from('kept') })
  await waitFor('a failed write', () => lines.find((line) => /to-table could not be written/.test(line)))
  await rm(obstacle)
  expect(await rowsWhen(folder, 1)).toMatchObject([{ data: 'kept' }])
})

test('what no row can hold goes to the dead-letter topic, and the rest is written', async () => {
  const folder = await scratch()
  const clock = new SteppedTime()
  const { client } = await startBench(clock, { tablesIn: folder })
  const [topic] = await client.createTopic('events')
  const [dead] = await client.createTopic('dead')
  const [deadLetters] = await dead.createSubscription('dead')
  await topic.createSubscription('to-table', {
    bigqueryConfig,
    deadLetterPolicy: { deadLetterTopic: dead.name, maxDeliveryAttempts: 5 },
  })
  await topic.publishMessage({ data: Buffer.from([0x22, 0xff, 0x22]) })
  await topic.publishMessage({ data: Buffer.from('text') })
  expect(await rowsWhen(folder, 1)).toMatchObject([{ data: 'text' }])
  let found: Message | undefined
  void receive(deadLetters, 1).then(([message]) => (found = message))
  await waitFor('the dead letter', () => {
    clock.advance(11_000)
    return found
  })
  expect([...(found?.data ?? [])]).toEqual([0x22, 0xff, 0x22])
  await deadLetters.close()
})
