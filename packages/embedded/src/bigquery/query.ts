import type { DuckDBConnection, DuckDBType, DuckDBValue } from '@duckdb/node-api'
import { Code, StatusError } from '../wire/status-error.ts'
import { connect, quoted } from './duckdb.ts'
import { rewrite, show, type Tables } from './tables.ts'

/** As far as clients send them, https://cloud.google.com/bigquery/docs/reference/rest/v2/QueryParameter */
export interface QueryParameter {
  name?: string
  parameterType: { type: string; arrayType?: { type: string } }
  parameterValue: { value?: string; arrayValues?: { value?: string }[] }
}

export interface QueryResult {
  fields: { name: string; type: string; mode: 'NULLABLE' }[]
  /** As the REST API writes values: text, or null. */
  rows: (string | null)[][]
  /** How many rows a statement changed; undefined for a query. */
  changed: number | undefined
}

const TYPES: Record<string, string> = {
  VARCHAR: 'STRING',
  BIGINT: 'INTEGER',
  INTEGER: 'INTEGER',
  DOUBLE: 'FLOAT',
  BOOLEAN: 'BOOLEAN',
  TIMESTAMP: 'TIMESTAMP',
}
const CHANGES = /^\s*(?:DELETE\s+FROM|UPDATE)\s+`?(?:[\w-]+\.)?(\w+\.\w+)`?\s/i

/**
 * Runs a statement of GoogleSQL that DuckDB understands as well (parameters are named, values are text, numbers and
 * times): SELECT over the tables of a project, DELETE FROM and UPDATE of one of them. Throws INVALID_ARGUMENT with
 * DuckDB's words for any other.
 */
export const runQuery = (
  tables: Tables,
  project: string,
  sql: string,
  parameters: readonly QueryParameter[],
): Promise<QueryResult> =>
  tables.exclusive(async () => {
    // A statement may read what is in the tables' folder and nothing else of the machine.
    const connection = await connect()
    try {
      await connection.run(`SET allowed_directories = [${quoted(tables.folder)}]`)
      await connection.run('SET enable_external_access = false')
      return await run(connection, tables, project, sql, parameters)
    } finally {
      connection.closeSync()
    }
  })

const run = async (
  connection: DuckDBConnection,
  tables: Tables,
  project: string,
  sql: string,
  parameters: readonly QueryParameter[],
): Promise<QueryResult> => {
  const target = CHANGES.exec(sql)?.[1]
  const names = await tables.namesIn(project)
  for (const dataset of new Set(names.map((name) => name.split('.')[0])))
    await connection.run(`CREATE SCHEMA "${dataset}"`)
  for (const name of names) if (name !== target) await show(connection, tables.pathOf(`${project}.${name}`), name)
  const { values, types } = await bound(parameters)
  const statement = parameters.reduce(
    (text, { name }) => text.replaceAll(new RegExp(`@${name}\\b`, 'g'), `$${name}`),
    sql.replaceAll('`', '').replaceAll(`${project}.`, ''),
  )
  try {
    if (target !== undefined) {
      const change = async () => (await connection.run(statement, values, types)).rowsChanged
      return {
        fields: [],
        rows: [],
        changed: await rewrite(connection, tables.pathOf(`${project}.${target}`), target, change),
      }
    }
    const read = await connection.runAndReadAll(statement, values, types)
    const columnTypes = read.columnTypes().map((type) => TYPES[String(type)] ?? 'STRING')
    return {
      fields: read
        .columnNames()
        .map((name, index) => ({ name, type: columnTypes[index] ?? 'STRING', mode: 'NULLABLE' })),
      rows: read.getRows().map((row) => row.map(textOf)),
      changed: undefined,
    }
  } catch (error) {
    throw new StatusError(Code.INVALID_ARGUMENT, error instanceof Error ? error.message : String(error))
  }
}

const bound = async (parameters: readonly QueryParameter[]) => {
  const duckdb = await import('@duckdb/node-api')
  const scalar = (type: string, value: string | undefined): DuckDBValue => {
    if (value === undefined) return null
    if (type === 'INT64') return BigInt(value)
    if (type === 'TIMESTAMP') return new duckdb.DuckDBTimestampValue(BigInt(Date.parse(value)) * 1000n)
    return value
  }
  const typeOf = (type: string): DuckDBType =>
    type === 'INT64' ? duckdb.BIGINT : type === 'TIMESTAMP' ? duckdb.TIMESTAMP : duckdb.VARCHAR
  const values: Record<string, DuckDBValue> = {}
  const types: Record<string, DuckDBType> = {}
  for (const { name = '', parameterType, parameterValue } of parameters) {
    const { type, arrayType } = parameterType
    const items = parameterValue.arrayValues?.map(({ value }) => scalar(arrayType?.type ?? type, value))
    values[name] = items ? duckdb.listValue(items) : scalar(type, parameterValue.value)
    types[name] = items ? duckdb.LIST(typeOf(arrayType?.type ?? type)) : typeOf(type)
  }
  return { values, types }
}

/** A time is in microseconds since 1970, as clients ask for it (`useInt64Timestamp`). */
const textOf = (value: DuckDBValue): string | null => {
  if (value === null) return null
  if (typeof value === 'object' && 'micros' in value) return String(value.micros)
  return String(value)
}
