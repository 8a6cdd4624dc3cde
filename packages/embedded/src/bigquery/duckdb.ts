import type { DuckDBConnection } from '@duckdb/node-api'

export const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** A database of its own in memory. DuckDB is 70 MB, so it is loaded, and needed at all, only where a table is written. */
export const connect = async (): Promise<DuckDBConnection> => {
  const { DuckDBInstance } = await import('@duckdb/node-api').catch((cause: unknown) => {
    throw new Error('BigQuery subscriptions need the package @duckdb/node-api: npm install @duckdb/node-api', { cause })
  })
  const instance = await DuckDBInstance.create(':memory:', { threads: '1', memory_limit: '256MB' })
  return instance.connect()
}

/** Writes the rows of a query to a Parquet file. */
export const copyTo = async (connection: DuckDBConnection, query: string, path: string): Promise<void> => {
  await connection.run(`COPY (${query}) TO ${quoted(path)} (FORMAT parquet, COMPRESSION zstd)`)
}
