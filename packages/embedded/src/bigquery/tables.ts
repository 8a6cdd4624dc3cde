import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { connect, copyTo, quoted } from './duckdb.ts'
import { addFile, filesOf, partitionOf, partitionsOf, removeFiles, removeUnfinished } from './parquet-files.ts'

/**
 * One message in the columns that Pub/Sub writes with `write_metadata`; without it, `data` alone.
 *
 * @see https://cloud.google.com/pubsub/docs/bigquery
 */
export interface TableRow {
  subscriptionName: string | null
  messageId: string | null
  /** Milliseconds since 1970; also says which partition the row is in. */
  publishedMs: number
  data: string
  /** JSON. */
  attributes: string | null
}

/** So many files of one level become one of the next, so a row is written again only as often as there are levels. */
const MERGED_TOGETHER = 16

/** The columns of every table, with their types in DuckDB. */
export const COLUMNS = {
  subscription_name: 'VARCHAR',
  message_id: 'VARCHAR',
  publish_time: 'TIMESTAMP',
  data: 'VARCHAR',
  attributes: 'VARCHAR',
} as const

/**
 * Tables as BigQuery has them, each a folder of Parquet files partitioned by the hour of publication, written by DuckDB.
 * What is appended is durable when `append` resolves, and may be there twice after a crash.
 */
export class Tables {
  readonly folder: string
  #connection: Promise<DuckDBConnection> | undefined
  readonly #opened = new Set<string>()
  #last: Promise<unknown> = Promise.resolve()

  constructor(folder: string) {
    this.folder = folder
  }

  /** Where a table's partitions are; `name` is `{project}.{dataset}.{table}`. */
  pathOf(name: string): string {
    return join(this.folder, ...name.split(/[.:]/))
  }

  /** `{dataset}.{table}` of each table of a project. */
  async namesIn(project: string): Promise<string[]> {
    const folder = join(this.folder, project)
    const datasets = await readdir(folder).catch(() => [])
    const tables = await Promise.all(
      datasets.map(async (dataset) => (await readdir(join(folder, dataset))).map((table) => `${dataset}.${table}`)),
    )
    return tables.flat()
  }

  append(name: string, rows: readonly TableRow[]): Promise<void> {
    return this.exclusive(async () => {
      const connection = await (this.#connection ??= connectForRows())
      const table = this.pathOf(name)
      if (!this.#opened.has(table)) await removeUnfinished(table)
      this.#opened.add(table)
      await insert(connection, rows)
      const partitions = new Set(rows.map(({ publishedMs }) => partitionOf(publishedMs)))
      try {
        for (const partition of partitions) {
          const source = `SELECT * EXCLUDE (partition) FROM incoming WHERE partition = ${quoted(partition)}`
          await addFile(join(table, partition), 0, (path) => copyTo(connection, source, path))
        }
      } finally {
        await connection.run('TRUNCATE incoming')
      }
      for (const partition of partitions) await merge(connection, join(table, partition))
    })
  }

  /** One thing at a time: no file is merged, rewritten or read while it is written. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work)
    this.#last = done.catch(() => {})
    return done
  }

  /** Resolves when all that was begun is done. */
  async close(): Promise<void> {
    await this.#last
    const connection = await this.#connection?.catch(() => undefined)
    connection?.closeSync()
  }
}

const connectForRows = async (): Promise<DuckDBConnection> => {
  const connection = await connect()
  const columns = Object.entries(COLUMNS).map(([column, type]) => `${column} ${type}`)
  await connection.run(`CREATE TABLE incoming (partition VARCHAR, ${columns.join(', ')})`)
  return connection
}

const insert = async (connection: DuckDBConnection, rows: readonly TableRow[]): Promise<void> => {
  const { DuckDBTimestampValue } = await import('@duckdb/node-api')
  const appender = await connection.createAppender('incoming')
  const text = (value: string | null) => (value === null ? appender.appendNull() : appender.appendVarchar(value))
  for (const { subscriptionName, messageId, publishedMs, data, attributes } of rows) {
    appender.appendVarchar(partitionOf(publishedMs))
    text(subscriptionName)
    text(messageId)
    if (messageId === null) appender.appendNull()
    else appender.appendTimestamp(new DuckDBTimestampValue(BigInt(publishedMs) * 1000n))
    appender.appendVarchar(data)
    text(attributes)
    appender.endRow()
  }
  appender.closeSync()
}

/** A crash between its two steps leaves rows twice, never none. */
const merge = async (connection: DuckDBConnection, partition: string): Promise<void> => {
  const levels = Map.groupBy(await filesOf(partition), ({ level }) => level)
  for (const [level, files] of levels) {
    if (files.length < MERGED_TOGETHER) continue
    await addFile(partition, level + 1, (path) => copyTo(connection, `FROM ${parquet(files)}`, path))
    await removeFiles(files)
  }
}

const parquet = (files: readonly { path: string }[]): string =>
  `read_parquet([${files.map(({ path }) => quoted(path)).join(', ')}], hive_partitioning = false)`

/**
 * Changes the rows of a table partition by partition: `change` gets the rows as the table `name` and says how many it
 * changed. A crash leaves each partition as it was or as it is to be, or has its rows in both forms.
 */
export const rewrite = async (
  connection: DuckDBConnection,
  table: string,
  name: string,
  change: () => Promise<number>,
): Promise<number> => {
  let changed = 0
  for (const partition of await partitionsOf(table)) {
    const files = await filesOf(partition)
    if (files.length === 0) continue
    await connection.run(`CREATE OR REPLACE TABLE ${name} AS FROM ${parquet(files)}`)
    const changedHere = await change()
    if (changedHere === 0) continue
    changed += changedHere
    const level = Math.max(...files.map((file) => file.level))
    const [[left]] = (await connection.runAndReadAll(`SELECT count(*) FROM ${name}`)).getRows() as [[bigint]]
    if (left > 0n) await addFile(partition, level, (path) => copyTo(connection, `FROM ${name}`, path))
    await removeFiles(files)
  }
  return changed
}

/** Makes the rows of a table readable under a name. */
export const show = async (connection: DuckDBConnection, table: string, name: string): Promise<void> => {
  const files = (await Promise.all((await partitionsOf(table)).map(filesOf))).flat()
  const empty = Object.entries(COLUMNS).map(([column, type]) => `NULL::${type} AS ${column}`)
  const source = files.length > 0 ? `FROM ${parquet(files)}` : `SELECT ${empty.join(', ')} WHERE false`
  await connection.run(`CREATE VIEW ${name} AS ${source}`)
}
