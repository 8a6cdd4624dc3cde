import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BigQuery } from '@google-cloud/bigquery'
import { expect, onTestFinished, test } from 'vitest'
import { startPubSubEngine } from '../pubsub/index.ts'
import { Tables } from './tables.ts'

const projectId = 'demo-test'
const events = 'archive.events'

/** Google's client for BigQuery, and a table of three rows in two hours. */
const startTable = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tables-'))
  const engine = await startPubSubEngine({ tablesIn: folder })
  const client = new BigQuery({ projectId, apiEndpoint: `http://${engine.host}:${engine.port}` })
  onTestFinished(async () => {
    await engine.close()
    await rm(folder, { recursive: true })
  })
  const tables = new Tables(folder)
  const row = (messageId: string, publishedMs: number) => {
    const data = `{"subject":"agents/${messageId}"}`
    return { subscriptionName: 's', messageId, publishedMs, data, attributes: '{}' }
  }
  const startMs = Date.UTC(2026, 0, 1)
  await tables.append(`${projectId}.${events}`, [row('a', startMs), row('b', startMs), row('c', startMs + 3_600_000)])
  await tables.close()
  const ids = async () => {
    const [rows] = await client.query(`SELECT message_id FROM ${events} ORDER BY message_id`)
    return rows.map(({ message_id }: { message_id: string }) => message_id)
  }
  return { client, folder, ids }
}

test('a table is read with named parameters, and its times come back as times', async () => {
  const { client } = await startTable()
  const [rows] = await client.query({
    query: `SELECT message_id, publish_time FROM \`${projectId}.${events}\` WHERE STRPOS(data, @needle) > 0 AND publish_time < @until`,
    params: { needle: 'agents/', until: BigQuery.timestamp('2026-01-01T01:00:00.000Z') },
  })
  const publish_time = BigQuery.timestamp('2026-01-01T00:00:00.000Z')
  expect(rows).toEqual([
    { message_id: 'a', publish_time },
    { message_id: 'b', publish_time },
  ])
})

test('a deletion takes rows out of the files themselves, and leaves the others', async () => {
  const { client, folder, ids } = await startTable()
  const answer: unknown[] = await client.query({
    query: `DELETE FROM ${events} WHERE message_id IN (SELECT * FROM UNNEST(@ids))`,
    params: { ids: ['a', 'c'] },
  })
  expect(answer[2]).toMatchObject({ numDmlAffectedRows: '2' })
  expect(await ids()).toEqual(['b'])
  const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.parquet'))
  expect(files).toHaveLength(1)
})

test('an update writes some rows anew', async () => {
  const { client } = await startTable()
  await client.query({
    query: `UPDATE ${events} SET data = CASE message_id WHEN @id0 THEN @data0 END WHERE message_id IN (SELECT * FROM UNNEST(@ids))`,
    params: { ids: ['b'], id0: 'b', data0: '{}' },
  })
  const [rows] = await client.query(`SELECT data FROM ${events} ORDER BY message_id`)
  expect(rows.map(({ data }: { data: string }) => data)).toEqual([
    '{"subject":"agents/a"}',
    '{}',
    '{"subject":"agents/c"}',
  ])
})

test('where the files are is told; a table that is not there is not found', async () => {
  const { client, folder } = await startTable()
  const [metadata] = await client.dataset('archive').table('events').getMetadata()
  expect(metadata).toMatchObject({
    externalDataConfiguration: { sourceUris: [`file://${folder}/${projectId}/archive/events/*/*.parquet`] },
  })
  await expect(client.dataset('archive').table('none').getMetadata()).rejects.toMatchObject({ code: 404 })
})

test.each([
  ['that is none', 'SELEC 1', /syntax error/],
  ['that would read the machine', `SELECT * FROM read_text('/etc/hostname')`, /disabled/],
])('a statement %s is refused with a reason', async (_what, query, message) => {
  const { client } = await startTable()
  await expect(client.query(query)).rejects.toThrow(message)
})
