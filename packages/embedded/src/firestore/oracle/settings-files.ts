import { JsonClient, at, type Answer } from './client.ts'
import { differences, type Difference, type OracleFile, type Stage } from './case.ts'
import { asInProduction } from './exceptions.ts'
import { askHttp } from './http.ts'
import { httpDifferences, withPlaceholders } from './http-files.ts'
import { camelCased, type Json, type JsonObject } from './proto-json.ts'
import { recording } from './recordings.ts'

interface Failure {
  code: string
  message: string
}

interface GrpcCase {
  name: string
  rpc: string
  request: JsonObject
  authorization: string | null
  outcome: { documents: string[]; aggregations: JsonObject[]; explain_metrics: boolean; done: boolean } | Failure
}

interface VerbCase {
  name: string
  verb: string
  body: Json
  outcome: { status: number; body: string }
}

interface BetaCase {
  name: string
  service: string
  method: string
  request: JsonObject
  owner: boolean
  outcome: { code: 'OK'; response: Json } | Failure
}

interface GrpcSize {
  megabytes: number
  outcome: Failure
}

interface RestSize {
  bytes: number
  outcome: { status: number; content_type: string | null; body: string }
}

const OWNER = { authorization: 'Bearer owner' }

const failureDifferences = (answer: Answer, recorded: Failure | object): Difference[] => {
  if (!('message' in recorded)) return differences(answer, recorded)
  const { status, message } = asInProduction(recorded.code, recorded.message)
  return differences({ status: answer.status, message: message === null ? null : answer.message }, { status, message })
}

const DATABASE = 'projects/unsupported/databases/(default)'
const DOCUMENTS = `${DATABASE}/documents`

const seeded = (stage: Stage): Promise<JsonObject> =>
  stage.once('seed', () => {
    const writes = ['a', 'b'].map((id, i) => ({
      update: { name: `${DOCUMENTS}/c/${id}`, fields: { n: { integerValue: String(i + 1) } } },
    }))
    return stage.owner.ask('Commit', { database: DATABASE, writes })
  })

const playGrpc = async (stage: Stage, { rpc, request, authorization, outcome }: GrpcCase): Promise<Difference[]> => {
  await seeded(stage)
  const client = new JsonClient(stage.address, authorization ?? '')
  const answer = await client.call(rpc, camelCased(request))
  client.close()
  const { responses } = answer
  if (answer.status !== 'OK') return failureDifferences(answer, outcome)
  const actual = {
    documents: responses.flatMap((one) => {
      const name = at(one, 'document', 'name')
      return typeof name === 'string' ? [name.slice(DOCUMENTS.length + 1)] : []
    }),
    aggregations: responses.flatMap((one) => at(one, 'result', 'aggregateFields') ?? []),
    explain_metrics: responses.some((one) => one['explainMetrics'] !== undefined),
    done: responses.some((one) => one['done'] === true),
  }
  return differences(actual, outcome)
}

const playVerb = async (stage: Stage, { verb, body, outcome }: VerbCase): Promise<Difference[]> => {
  await seeded(stage)
  const answer = await askHttp(stage.address, 'POST', `/v1/${DOCUMENTS}:${verb}`, OWNER, JSON.stringify(body))
  return httpDifferences({ status: answer.status, body: withPlaceholders(answer.body) }, outcome)
}

const unsupportedCases = recording<{ grpc: GrpcCase[]; rest: VerbCase[] }>('unsupported', { grpc: [], rest: [] })

/** What Google's emulator does not have, or has without effect. */
export const unsupported: OracleFile = {
  name: 'unsupported',
  cases: [
    ...unsupportedCases.grpc.map((one) => ({ name: one.name, play: (stage: Stage) => playGrpc(stage, one) })),
    ...unsupportedCases.rest.map((one) => ({ name: one.name, play: (stage: Stage) => playVerb(stage, one) })),
  ],
}

const withoutTimes = (json: Json): Json =>
  JSON.parse(JSON.stringify(json).replaceAll(/"(\w+Time)":"[^"]+"/g, '"$1":"<time>"')) as Json

const playBeta = async (
  stage: Stage,
  { service, method, request, owner, outcome }: BetaCase,
): Promise<Difference[]> => {
  const answer = await (owner ? stage.owner : stage.user).call(method, camelCased(request), service)
  if (answer.status !== 'OK') return failureDifferences(answer, outcome)
  return differences({ code: 'OK', response: withoutTimes(answer.responses[0] ?? null) }, outcome)
}

const SIZES = 'projects/sizes/databases/(default)'

const writeOf = (id: number, length: number) => ({
  update: { name: `${SIZES}/documents/c/${id}`, fields: { s: { stringValue: 'x'.repeat(length) } } },
})

const playGrpcSize = async ({ owner }: Stage, { megabytes, outcome }: GrpcSize): Promise<Difference[]> => {
  const writes = Array.from({ length: megabytes }, (_, id) => writeOf(id, 1_000_000))
  return failureDifferences(await owner.call('Commit', { database: SIZES, writes }), outcome)
}

const STRING_LENGTH = 900_000

/** The body of a commit, of just so many bytes. */
const bodyOf = (bytes: number): string => {
  const writes: object[] = []
  const text = () => JSON.stringify({ writes })
  while (text().length + STRING_LENGTH + 1000 < bytes) writes.push(writeOf(writes.length, STRING_LENGTH))
  writes.push(writeOf(writes.length, 0))
  writes[writes.length - 1] = writeOf(writes.length - 1, bytes - text().length)
  return text()
}

const playRestSize = async ({ address }: Stage, { bytes, outcome }: RestSize): Promise<Difference[]> => {
  const path = `/v1/${SIZES}/documents:commit`
  const { status, headers, body } = await askHttp(address, 'POST', path, OWNER, bodyOf(bytes))
  const actual = { status, content_type: headers['content-type'] ?? null, body: status === 200 ? '' : body }
  return differences(actual, outcome)
}

interface Settings {
  v1beta1: BetaCase[]
  grpc_sizes: GrpcSize[]
  rest_sizes: RestSize[]
}

const settings = recording<Settings>('grpc_settings', { v1beta1: [], grpc_sizes: [], rest_sizes: [] })

/** How large requests may be, and another name of the service. */
export const grpcSettings: OracleFile = {
  name: 'grpc_settings',
  cases: [
    ...settings.v1beta1.map((one) => ({ name: one.name, play: (stage: Stage) => playBeta(stage, one) })),
    ...settings.grpc_sizes.map((one) => ({
      name: `gRPC, ${one.megabytes} MB`,
      play: (stage: Stage) => playGrpcSize(stage, one),
    })),
    ...settings.rest_sizes.map((one) => ({
      name: `REST, ${one.bytes} bytes`,
      play: (stage: Stage) => playRestSize(stage, one),
    })),
  ],
}
