import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { expect, onTestFinished, test } from 'vitest'
import { addFile, partitionOf } from './parquet-files.ts'
import { Tables, type TableRow } from './tables.ts'

const name = 'p.archive.events'
const hourMs = 3_600_000
const startMs = Date.UTC(2026, 0, 1)

const row = (index: number, publishedMs = startMs): TableRow => ({
  subscriptionName: 's',
  messageId: String(index),
  publishedMs,
  data: `{"index":${index}}`,
  attributes: '{}',
})

const openTables = async (): Promise<Tables> => {
  const tables = new Tables(await mkdtemp(join(tmpdir(), 'tables-')))
  onTestFinished(async () => {
    await tables.close()
    await rm(tables.folder, { recursive: true, force: true })
  })
  return tables
}

const messageIdsIn = async (glob: string): Promise<string[]> => {
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  const read = await connection.runAndReadAll(`SELECT message_id FROM read_parquet('${glob}')`)
  connection.closeSync()
  return read.getRows().map(([id]) => String(id))
}

test('rows stand in the hour in which they were published', async () => {
  const tables = await openTables()
  await tables.append(name, [row(1), row(2, startMs + hourMs), row(3, startMs + hourMs - 1)])
  const folder = tables.pathOf(name)
  expect((await readdir(folder)).sort()).toEqual(['publish_hour=2026-01-01T00', 'publish_hour=2026-01-01T01'])
  expect((await messageIdsIn(`${folder}/publish_hour=2026-01-01T00/*.parquet`)).sort()).toEqual(['1', '3'])
})

test('small files are merged, and no row is lost', async () => {
  const tables = await openTables()
  for (let index = 0; index < 40; index++) await tables.append(name, [row(index)])
  const partition = join(tables.pathOf(name), partitionOf(startMs))
  const levels = (await readdir(partition)).map((file) => Number.parseInt(file, 10))
  expect(levels.toSorted((a, b) => a - b)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 1, 1])
  const ids = await messageIdsIn(`${partition}/*.parquet`)
  expect(ids.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, index) => index))
})

test('a file that was not finished counts for nothing, and goes at the next start', async () => {
  const tables = await openTables()
  const partition = join(tables.pathOf(name), partitionOf(startMs))
  const torn = addFile(partition, 0, async (path) => {
    await writeFile(path, 'PAR1 and then the power went')
    throw new Error('killed')
  })
  await expect(torn).rejects.toThrow('killed')
  await tables.append(name, [row(1)])
  expect(await messageIdsIn(`${partition}/*.parquet`)).toEqual(['1'])
  expect(await readdir(partition)).toHaveLength(1)
})
