import type { IncomingMessage, ServerResponse } from 'node:http'
import { text as readText } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import { httpErrorBody, httpStatusOf } from '../wire/http-error.ts'
import { Code, StatusError } from '../wire/status-error.ts'
import { runQuery, type QueryParameter } from './query.ts'
import type { Tables } from './tables.ts'

const PATH = /^\/bigquery\/v2\/projects\/([^/]+)\/(?:queries|datasets\/(\w+)\/tables\/(\w+))(?:\?.*)?$/

interface QueryRequest {
  query: string
  queryParameters?: QueryParameter[]
}

/**
 * The two methods of BigQuery's REST API that read and change what BigQuery subscriptions wrote: `tables.get`, which says
 * where the Parquet files are, and `jobs.query`.
 *
 * @returns false, without having touched the request, when its path is no method's
 * @see https://cloud.google.com/bigquery/docs/reference/rest
 */
export const answerBigQuery = (tables: Tables, request: IncomingMessage, response: ServerResponse): boolean => {
  const [path, project, dataset, table] = PATH.exec(request.url ?? '') ?? []
  if (path === undefined || project === undefined) return false
  const answer =
    dataset === undefined || table === undefined
      ? answerQuery(tables, decodeURIComponent(project), request)
      : describe(tables, decodeURIComponent(project), dataset, table)
  answer.then(
    (body) => send(response, 200, body),
    (error: unknown) => {
      const status = error instanceof StatusError ? error : new StatusError(Code.INTERNAL, String(error))
      send(response, httpStatusOf(status.code), httpErrorBody(status))
    },
  )
  return true
}

const send = (response: ServerResponse, status: number, body: object): void => {
  response.writeHead(status, { 'content-type': 'application/json; charset=UTF-8' }).end(JSON.stringify(body))
}

const describe = async (tables: Tables, projectId: string, datasetId: string, tableId: string): Promise<object> => {
  if (!(await tables.namesIn(projectId)).includes(`${datasetId}.${tableId}`))
    throw new StatusError(Code.NOT_FOUND, `Not found: Table ${projectId}:${datasetId}.${tableId}`)
  const folder = pathToFileURL(tables.pathOf(`${projectId}.${datasetId}.${tableId}`)).href
  return {
    kind: 'bigquery#table',
    id: `${projectId}:${datasetId}.${tableId}`,
    tableReference: { projectId, datasetId, tableId },
    type: 'EXTERNAL',
    externalDataConfiguration: { sourceFormat: 'PARQUET', sourceUris: [`${folder}/*/*.parquet`] },
  }
}

const answerQuery = async (tables: Tables, projectId: string, request: IncomingMessage): Promise<object> => {
  const { query, queryParameters = [] } = JSON.parse(await readText(request)) as QueryRequest
  const { fields, rows, changed } = await runQuery(tables, projectId, query, queryParameters)
  return {
    kind: 'bigquery#queryResponse',
    jobComplete: true,
    jobReference: { projectId, jobId: crypto.randomUUID(), location: 'local' },
    schema: { fields },
    rows: rows.map((row) => ({ f: row.map((v) => ({ v })) })),
    totalRows: String(rows.length),
    ...(changed !== undefined && { numDmlAffectedRows: String(changed) }),
  }
}
