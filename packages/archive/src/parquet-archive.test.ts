import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { observationJson, reportJson, testNowMs } from '@infinity-matrix/testing'
import { expect, onTestFinished, test } from 'vitest'
import type { Archive, EventFilter } from './archive.ts'
import { parquetArchive } from './parquet-archive.ts'

/** A message of the archive: its text, and how long after the start of time it was published. */
type Message = [text: string, afterMs: number]

/** Each list of messages is a file. */
const archiveWith = async (...files: Message[][]): Promise<Archive> => {
  const folder = await mkdtemp(join(tmpdir(), 'archive-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  for (const [number, messages] of files.entries()) {
    await mkdir(join(folder, `publish_hour=${number}`))
    await connection.run('CREATE OR REPLACE TABLE rows (message_id VARCHAR, publish_time TIMESTAMP, data VARCHAR)')
    for (const [index, [data, afterMs]] of messages.entries())
      await connection.run('INSERT INTO rows VALUES ($id, epoch_ms($ms::BIGINT), $data)', {
        id: `${number}-${index}`,
        ms: testNowMs + afterMs,
        data,
      })
    await connection.run(`COPY rows TO '${folder}/publish_hour=${number}/0.parquet' (FORMAT parquet)`)
  }
  connection.closeSync()
  return parquetArchive(`${folder}/*/*.parquet`)
}

const step = (agentId: string, sequence: number, tenant = 'acme') =>
  reportJson(
    'agent.step-taken.v1',
    sequence,
    { step: 'acted', tool: 'größe' },
    { agentId, tenant, timeMs: testNowMs + sequence },
  )
const text = (...events: object[]) => JSON.stringify(events.length === 1 ? events[0] : { events })

const read = async (archive: Archive, filter: EventFilter = {}): Promise<string[]> => {
  const found: string[] = []
  for await (const { agentId, publishedAt, raw } of archive.events(filter)) {
    const { sequence } = JSON.parse(raw) as { sequence?: number }
    found.push(`${agentId} ${sequence} ${Date.parse(publishedAt) - testNowMs}`)
  }
  return found
}

test('events of batches and of messages alone come agent by agent, in the order of their publication', async () => {
  const archive = await archiveWith(
    [
      [text(step('b', 1), step('a', 2), step('B', 1)), 20],
      [text(step('a', 1)), 30],
    ],
    [[text(step('a', 3)), 10]],
  )
  expect(await read(archive)).toEqual(['B 1 20', 'a 3 10', 'a 2 20', 'a 1 30', 'b 1 20'])
})

test('an event that was archived or published twice comes once, as first published', async () => {
  const twice = text(step('a', 1))
  const archive = await archiveWith(
    [
      [twice, 20],
      [twice, 10],
    ],
    [[text(step('a', 2), step('a', 1)), 15]],
  )
  expect(await read(archive)).toEqual(['a 1 10', 'a 2 15'])
})

test('what the functions refuse is left out, and does not keep its neighbours out', async () => {
  const archive = await archiveWith([
    ['no json', 1],
    [text({ events: 'none' }), 2],
    [text({ nonsense: 1 }, step('a', 1), { ...step('a', 2), specversion: '0.3' }), 3],
    // Not every reader of JSON takes half a surrogate pair.
    [
      text(reportJson('agent.status-changed.v1', 3, { status: 'waiting', reason: 'half' }, { agentId: 'a' })).replace(
        'half',
        String.raw`\ud800`,
      ),
      4,
    ],
    [text({ ...step('a', 4), time: new Date(testNowMs - 31 * 86_400_000).toISOString() }), 5],
  ])
  expect(await read(archive)).toEqual(['a 1 3', 'a 3 4'])
})

test('a filter narrows by agent, tenant, type and time', async () => {
  const silence = observationJson(
    'agent.went-silent.v1',
    { lastHeardAt: new Date(testNowMs).toISOString(), silenceBoundSeconds: 5 },
    { agentId: 'a' },
  )
  const archive = await archiveWith([
    [text(step('a', 1), step('b', 1, 'other')), 10],
    [text(silence), 20],
    [
      text(step('a', 2))
        .replace('agents/a', String.raw`agents/\u0061`)
        .replace('agents/a', String.raw`agents/\u0061`),
      30,
    ],
  ])
  expect(await read(archive, { agentIds: new Set(['a']) })).toEqual(['a 1 10', 'a undefined 20', 'a 2 30'])
  expect(await read(archive, { tenant: 'other' })).toEqual(['b 1 10'])
  expect(await read(archive, { type: 'agent.went-silent.v1' })).toEqual(['a undefined 20'])
  expect(await read(archive, { fromMs: testNowMs + 20, untilMs: testNowMs + 20 })).toEqual(['a undefined 20'])
})

test('an archive without files has no events', async () => {
  expect(await read(parquetArchive('/nowhere/*/*.parquet'))).toEqual([])
})
