import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance, DuckDBTimestampValue, type DuckDBConnection } from '@duckdb/node-api'
import { parseMessage, type AgentEvent } from '@infinity-matrix/contracts'
import type { Archive, ArchivedEvent, EventFilter } from './archive.ts'

export interface ParquetArchiveOptions {
  /** Of DuckDB, for sorting; what is more goes to disk. Default 512. */
  memoryMiB?: number
}

/**
 * The archive in Parquet files, with the columns that Pub/Sub's BigQuery subscriptions write. Messages are taken apart by
 * the parser that the functions take them apart with, so an event counts here if and only if it counted there; DuckDB
 * sorts them, on disk where there are many.
 *
 * @param files a glob
 */
export const parquetArchive = (files: string, { memoryMiB = 512 }: ParquetArchiveOptions = {}): Archive => ({
  async *events(filter = {}) {
    const scratch = await mkdtemp(join(tmpdir(), 'archive-'))
    const instance = await DuckDBInstance.create(join(scratch, 'staged.duckdb'), {
      memory_limit: `${memoryMiB}MiB`,
      temp_directory: join(scratch, 'spilled'),
    })
    try {
      await stageWhole(instance, files, filter)
      yield* inOrder(await instance.connect())
    } finally {
      instance.closeSync()
      await rm(scratch, { recursive: true, force: true })
    }
  },
})

// Small files are merged into larger ones while they are read: then they are listed anew.
const attemptsMax = 5
const vanished = /No files found|Cannot open file|No such file/

const stageWhole = async (instance: DuckDBInstance, files: string, filter: EventFilter): Promise<void> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await stage(instance, files, filter)
    } catch (error) {
      if (attempt === attemptsMax || !(error instanceof Error && vanished.test(error.message))) throw error
    }
  }
}

/** Takes messages apart into the table `staged`. */
const stage = async (instance: DuckDBInstance, files: string, filter: EventFilter): Promise<void> => {
  // One result is read while rows are appended: each needs a connection of its own.
  const [reading, writing] = await Promise.all([instance.connect(), instance.connect()])
  await writing.run(
    'CREATE OR REPLACE TABLE staged (agent VARCHAR, published BIGINT, message VARCHAR, place INTEGER, id VARCHAR, raw VARCHAR)',
  )
  const { where, values } = conditionOf(filter)
  const [[found]] = (await reading.runAndReadAll('SELECT count(*) FROM glob($files)', { files })).getRows() as [
    [bigint],
  ]
  if (found === 0n) return
  const messages = await reading.stream(
    `SELECT message_id, epoch_ms(publish_time), data FROM read_parquet($files, hive_partitioning = false) WHERE ${where}`,
    { files, ...values },
  )
  const appender = await writing.createAppender('staged')
  for await (const rows of messages.yieldRows()) {
    for (const [messageId, publishedMs, data] of rows) {
      const published = Number(publishedMs)
      for (const { event, raw, index } of parseMessage(String(data), published).events) {
        if (!isWanted(event, filter)) continue
        appender.appendVarchar(event.agentId)
        appender.appendBigInt(BigInt(published))
        appender.appendVarchar(String(messageId))
        appender.appendInteger(index)
        appender.appendVarchar(event.id)
        appender.appendVarchar(raw)
        appender.endRow()
      }
    }
  }
  appender.closeSync()
}

const isWanted = ({ agentId, tenant, type }: AgentEvent, filter: EventFilter): boolean =>
  (filter.agentIds?.has(agentId) ?? true) &&
  (filter.tenant === undefined || tenant === filter.tenant) &&
  (filter.type === undefined || type === filter.type)

/** Narrows what is read; what passes is looked at again when it is parsed. */
const conditionOf = ({ agentIds, fromMs, untilMs }: EventFilter) => {
  const [agentId] = agentIds?.size === 1 ? agentIds : []
  const timestamp = (ms: number) => new DuckDBTimestampValue(BigInt(ms) * 1000n)
  const conditions = [
    ...(fromMs === undefined ? [] : ['publish_time >= $from']),
    ...(untilMs === undefined ? [] : ['publish_time <= $until']),
    // JSON may write any character as an escape.
    ...(agentId === undefined ? [] : [`(contains(data, $agentId) OR contains(data, '\\u'))`]),
  ]
  return {
    where: conditions.join(' AND ') || 'true',
    values: {
      ...(fromMs !== undefined && { from: timestamp(fromMs) }),
      ...(untilMs !== undefined && { until: timestamp(untilMs) }),
      ...(agentId !== undefined && { agentId }),
    },
  }
}

async function* inOrder(connection: DuckDBConnection): AsyncGenerator<ArchivedEvent> {
  const sorted = await connection.stream(
    'SELECT agent, published, id, raw FROM staged ORDER BY agent, published, message, place',
  )
  let agent = ''
  let seen = new Set<string>()
  for await (const rows of sorted.yieldRows()) {
    for (const [agentId, published, id, raw] of rows) {
      if (agentId !== agent) seen = new Set()
      agent = String(agentId)
      if (seen.has(String(id))) continue
      seen.add(String(id))
      yield { agentId: agent, publishedAt: new Date(Number(published)).toISOString(), raw: String(raw) }
    }
  }
}
