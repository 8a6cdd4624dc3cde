import { differences, type Difference, type OracleFile, type Stage } from './case.ts'
import { at } from './client.ts'
import { asInProduction } from './exceptions.ts'
import type { Json, JsonObject } from './proto-json.ts'
import { recording } from './recordings.ts'
import { JsonStream, type StreamEvent } from './stream-client.ts'

const DATABASE = 'projects/p/databases/(default)'
const DOCUMENTS = `${DATABASE}/documents`

interface RecordedWrite {
  update: string
  n?: number
  exists?: boolean
  reserved?: boolean
  increment?: string
  serverTime?: string
}

interface Step {
  op: string
  label?: string
  database?: boolean | string
  streamId?: string
  token?: string
  writes?: RecordedWrite[]
  labels?: { [name: string]: string }
  document?: string
  compare?: 'status'
  outcome?: { response?: Json; end?: boolean; document?: Json; error?: { status: string; message: string } }
}

interface Scenario {
  name: string
  steps: Step[]
}

const writeOf = ({ update, n, exists, reserved, increment, serverTime }: RecordedWrite): JsonObject => {
  const fields: JsonObject = {}
  if (n !== undefined) fields['n'] = { integerValue: String(n) }
  if (reserved) fields['__x__'] = { nullValue: null }
  const transforms: JsonObject[] = []
  if (increment !== undefined) transforms.push({ fieldPath: increment, increment: { integerValue: '1' } })
  if (serverTime !== undefined) transforms.push({ fieldPath: serverTime, setToServerValue: 'REQUEST_TIME' })
  return {
    update: { name: `${DOCUMENTS}/${update}`, fields },
    ...(exists !== undefined && { currentDocument: { exists } }),
    ...(transforms.length > 0 && { updateTransforms: transforms }),
  }
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const text = (encoded: Json | undefined): string => Buffer.from(String(encoded ?? ''), 'base64').toString()

const requestOf = ({ database, streamId, token, writes = [], labels }: Step, lastToken: string): JsonObject => ({
  ...(database !== undefined && { database: typeof database === 'string' ? database : DATABASE }),
  ...(streamId !== undefined && { streamId }),
  ...(token !== undefined && { streamToken: base64(token === 'last' ? lastToken : token) }),
  ...(labels && { labels }),
  writes: writes.map(writeOf),
})

/** A response in the form of the recording. */
const shortOf = (response: JsonObject): JsonObject => ({
  streamId: 'streamId' in response && response['streamId'] !== '',
  streamToken: text(response['streamToken']),
  writeResults: ((response['writeResults'] ?? []) as JsonObject[]).map((result) => ({
    updateTime: 'updateTime' in result,
    transformResults: ((result['transformResults'] ?? []) as Json[]).length,
  })),
  commitTime: 'commitTime' in response,
})

const eventDifferences = (event: StreamEvent, { outcome, compare, label = '' }: Step): Difference[] => {
  if (outcome?.error) {
    const expected = asInProduction(outcome.error.status, outcome.error.message.replaceAll('{project}', 'p'))
    const silent = compare === 'status' || expected.message === null
    const recorded = { kind: 'error', status: expected.status, message: silent ? null : expected.message }
    return differences(silent ? { ...event, message: null } : event, recorded, label)
  }
  if (outcome?.end) return differences(event, { kind: 'end' }, label)
  return differences(event.kind === 'response' ? shortOf(event.response) : event, outcome?.response, label)
}

const play = async (stage: Stage, { steps }: Scenario): Promise<Difference[]> => {
  const stream = new JsonStream(stage.address, 'Write')
  const found: Difference[] = []
  let lastToken = ''
  try {
    for (const step of steps) {
      const name = `${DOCUMENTS}/${step.document}`
      if (step.op === 'send') stream.send(requestOf(step, lastToken))
      else if (step.op === 'close') stream.halfClose()
      else if (step.op === 'lock') {
        await stage.owner.call('BatchGetDocuments', { database: DATABASE, documents: [name], newTransaction: {} })
      } else if (step.op === 'get') {
        const document = await stage.owner.ask('GetDocument', { name })
        const n = Number(at(document, 'fields', 'n', 'integerValue'))
        found.push(...differences({ n }, step.outcome?.document, step.label))
      } else {
        const event = await stream.next()
        if (event.kind === 'response') lastToken = text(event.response['streamToken'])
        found.push(...eventDifferences(event, step))
      }
    }
  } finally {
    stream.close()
  }
  return found
}

const { scenarios } = recording<{ scenarios: Scenario[] }>('write_stream', { scenarios: [] })

export const writeStream: OracleFile = {
  name: 'write_stream',
  cases: scenarios.map((scenario) => ({ name: scenario.name, play: (stage) => play(stage, scenario) })),
}
