import { differences, type Difference, type OracleFile, type Stage } from './case.ts'
import { asInProduction } from './exceptions.ts'
import { askHttp } from './http.ts'
import type { Json } from './proto-json.ts'
import { recording } from './recordings.ts'

interface RestCase {
  name: string
  method: string
  path: string
  headers: Record<string, string>
  compare: 'exact' | 'status'
  body?: Json
  /** The body as text, where it is no JSON. */
  raw?: string
  outcome: { status: number; contentType: string | null; body: string }
}

interface CorsCase {
  name: string
  method: string
  path: string
  headers: Record<string, string>
  body: string | null
  outcome: { status: number; headers: Record<string, string>; body: string }
}

const PROJECT = 'rest'

/** A body without what no recording can foretell. */
export const withPlaceholders = (body: string): string =>
  body
    .replaceAll(/"(createTime|updateTime|readTime|commitTime)": "[^"]+"/g, '"$1": "<time>"')
    .replaceAll(/"transaction": "[^"]+"/g, '"transaction": "<id>"')
    .replaceAll(/"nextPageToken": "[^"]+"/g, '"nextPageToken": "<token>"')
    .replaceAll(/\/gen\/[A-Za-z0-9]{20}/g, '/gen/<auto>')

/** An answer compared with the recorded one, errors as production has them. */
export const httpDifferences = (actual: { status: number; body: string }, recorded: typeof actual): Difference[] => {
  const error = (body: string) => (body.startsWith('{"error"') ? (JSON.parse(body) as { error: RpcError }).error : null)
  const [expected, got] = [error(recorded.body), error(actual.body)]
  if (!expected || !got) return differences(actual, recorded)
  const { status, message } = asInProduction(expected.status, expected.message)
  // The status of HTTP follows from that of the call.
  if (status === expected.status && message !== null) return differences(actual, recorded)
  return differences({ ...got, code: 0, message: message && got.message }, { code: 0, message, status })
}

interface RpcError {
  message: string
  status: string
}

const fill = (text: string): string => text.replaceAll('{project}', PROJECT)

const playRest = async ({ address }: Stage, one: RestCase): Promise<Difference[]> => {
  const body = one.raw ?? (one.body === undefined ? undefined : JSON.stringify(one.body))
  const path = fill(one.path)
  const answer = await askHttp(address, one.method, path, one.headers, body === undefined ? body : fill(body))
  const bodyOf = (text: string) => (one.compare === 'exact' ? text : '')
  const actual = { status: answer.status, body: bodyOf(withPlaceholders(answer.body)) }
  const { status, contentType, body: recorded } = one.outcome
  return [
    ...httpDifferences(actual, { status, body: bodyOf(fill(recorded)) }),
    ...differences(answer.headers['content-type'] ?? null, contentType),
  ]
}

const COMPARED = /^(access-control-.*|content-type)$/

const playCors = async ({ address }: Stage, one: CorsCase): Promise<Difference[]> => {
  const { status, headers, body } = await askHttp(address, one.method, one.path, one.headers, one.body ?? undefined)
  const compared = Object.fromEntries(Object.entries(headers).filter(([name]) => COMPARED.test(name)))
  return differences({ status, headers: compared, body }, one.outcome)
}

export const rest: OracleFile = {
  name: 'rest',
  cases: recording<{ cases: RestCase[] }>('rest', { cases: [] }).cases.map((one) => ({
    name: one.name,
    play: (stage) => playRest(stage, one),
  })),
}

export const cors: OracleFile = {
  name: 'cors',
  cases: recording<{ cases: CorsCase[] }>('cors', { cases: [] }).cases.map((one) => ({
    name: one.name,
    play: (stage) => playCors(stage, one),
  })),
}
