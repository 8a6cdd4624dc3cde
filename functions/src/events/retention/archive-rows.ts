import {
  archiveDataset,
  batchOf,
  isLines,
  lineItemsOf,
  messageText,
  parseJson,
  type ArchiveTable,
} from '@infinity-matrix/contracts'
import type { BigQuery } from '@google-cloud/bigquery'
import { mentions } from '@infinity-matrix/core/erasure'
import { once } from '../../runtime/context.ts'
import { isNotFoundOverHttp } from '../../runtime/failure.ts'
import { bigQueryOptions } from '../../runtime/params.ts'

interface Row {
  message_id: string
  data: string
}

const rowsPerPage = 500

// Loaded where it is needed: once a month, perhaps.
const open = once(async (_: undefined): Promise<BigQuery> => {
  const { BigQuery: Client } = await import('@google-cloud/bigquery')
  const options = bigQueryOptions()
  if (options.apiEndpoint === undefined) return new Client(options)
  // An engine of this machine asks for no credentials. In the suite, functions would look for those of Cloud Run.
  const { PassThroughClient } = await import('google-auth-library')
  return new Client({ ...options, authClient: new PassThroughClient() })
})

/**
 * Rows of the archive's tables. Statements are of the GoogleSQL that DuckDB speaks too.
 *
 * @see https://cloud.google.com/bigquery/docs/reference/standard-sql/dml-syntax
 */
export const createArchiveRows = () => {
  const tableOf = async ({ table }: ArchiveTable) => {
    const dataset = (await open(undefined)).dataset(archiveDataset)
    const exists = await dataset
      .table(table)
      .getMetadata()
      .then(() => true)
      .catch((error: unknown) => {
        if (isNotFoundOverHttp(error)) return false
        throw error
      })
    return exists ? `${archiveDataset}.${table}` : undefined
  }

  const change = async (query: string, params: Record<string, string | string[]>): Promise<number> => {
    const answer: unknown[] = await (await open(undefined)).query({ query, params })
    const response = answer[2]
    return typeof response === 'object' && response !== null && 'numDmlAffectedRows' in response
      ? Number(response.numDmlAffectedRows)
      : 0
  }

  /**
   * Takes the events of an agent out of a table: a row that has only such goes, of a batch the others stay.
   *
   * @returns how many rows were changed
   */
  const erase = async (archiveTable: ArchiveTable, tenant: string, agentId: string): Promise<number> => {
    const table = await tableOf(archiveTable)
    if (table === undefined) return 0
    // JSON may write any character as an escape. What is read is looked at again below.
    const query =
      `SELECT DISTINCT message_id, data FROM ${table} WHERE message_id > @after ` +
      `AND (STRPOS(data, @agentId) > 0 OR STRPOS(data, @escape) > 0) ORDER BY message_id LIMIT ${rowsPerPage}`
    let changed = 0
    let after = ''
    for (;;) {
      const [rows]: [Row[], ...unknown[]] = await (
        await open(undefined)
      ).query({
        query,
        params: { after, agentId, escape: String.raw`\u` },
      })
      const judged = rows.map(({ message_id: id, data }) => ({ id, left: withoutAgent(data, tenant, agentId) }))
      const gone = judged.flatMap(({ id, left }) => (left === null ? [id] : []))
      if (gone.length > 0)
        changed += await change(`DELETE FROM ${table} WHERE message_id IN (SELECT * FROM UNNEST(@gone))`, { gone })
      const kept = judged.flatMap(({ id, left }) => (typeof left === 'string' ? [{ id, left }] : []))
      if (kept.length > 0) changed += await change(...updateOf(table, kept))
      const last = rows.at(-1)
      if (!last || rows.length < rowsPerPage) return changed
      after = last.message_id
    }
  }

  /** Deletes what was published before a time; where partitions expire by themselves, there is nothing left to delete. */
  const deleteBefore = async (archiveTable: ArchiveTable, before: string): Promise<number> => {
    const table = await tableOf(archiveTable)
    if (table === undefined) return 0
    return change(`DELETE FROM ${table} WHERE publish_time < CAST(@before AS TIMESTAMP)`, { before })
  }

  return { erase, deleteBefore }
}

const updateOf = (
  table: string,
  rows: readonly { id: string; left: string }[],
): [string, Record<string, string | string[]>] => {
  const cases = rows.map((_, index) => `WHEN @id${index} THEN @data${index}`)
  const params: Record<string, string | string[]> = { ids: rows.map(({ id }) => id) }
  rows.forEach(({ id, left }, index) => Object.assign(params, { [`id${index}`]: id, [`data${index}`]: left }))
  const changed = `data = CASE message_id ${cases.join(' ')} END`
  return [`UPDATE ${table} SET ${changed} WHERE message_id IN (SELECT * FROM UNNEST(@ids))`, params]
}

/**
 * What is left of a message without an agent's events: null when nothing is, undefined when it has none of them. Text that
 * is no JSON and names the agent is nobody else's.
 */
const withoutAgent = (data: string, tenant: string, agentId: string): string | null | undefined => {
  if (isLines(data)) {
    const lines = lineItemsOf(data)
    const left = lines.filter(
      ({ text, body }) => !(body.ok ? isOf(body.value, tenant, agentId) : mentions(text, agentId)),
    )
    if (left.length === lines.length) return undefined
    return left.length === 0 ? null : messageText(left.map(({ text }) => text))
  }
  const body = parseJson(data)
  if (!body.ok) return mentions(data, agentId) ? null : undefined
  if (isOf(body.value, tenant, agentId)) return null
  const events = batchOf(body.value)
  if (!Array.isArray(events)) return undefined
  const left: unknown[] = events.filter((event) => !isOf(event, tenant, agentId))
  if (left.length === events.length) return undefined
  return left.length === 0 ? null : JSON.stringify({ events: left })
}

const isOf = (event: unknown, tenant: string, agentId: string): boolean =>
  typeof event === 'object' &&
  event !== null &&
  'subject' in event &&
  event.subject === `agents/${agentId}` &&
  (!('tenant' in event) || event.tenant === tenant)
