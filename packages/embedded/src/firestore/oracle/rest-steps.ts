import { at, type Answer, type JsonClient } from './client.ts'
import type { Json, JsonObject } from './proto-json.ts'

/** A recorded REST request and its answer. */
export interface RestStep {
  method: string
  path: string
  body: JsonObject | null
  status: number
  response: Json
}

export interface RestCase {
  name: string
  steps: RestStep[]
}

const DATABASE = /^projects\/[^/]+\/databases\/[^/]+/

const query = (search: string): { [key: string]: string[] } => {
  const parameters = new URLSearchParams(search)
  return Object.fromEntries([...new Set(parameters.keys())].map((key) => [key, parameters.getAll(key)]))
}

const customCall = (path: string, verb: string, body: JsonObject): [string, JsonObject] => {
  const database = DATABASE.exec(path)?.[0] as string
  switch (verb) {
    case 'commit':
      return ['Commit', { ...body, database }]
    case 'batchWrite':
      return ['BatchWrite', { ...body, database }]
    case 'batchGet':
      return ['BatchGetDocuments', { ...body, database }]
    case 'listCollectionIds':
      return ['ListCollectionIds', { ...body, parent: path }]
    default:
      throw new Error(`no verb ${verb}`)
  }
}

/** The gRPC call that a REST request stands for. */
const callOf = (step: RestStep, pageToken: string): [string, JsonObject] => {
  const [target = '', search = ''] = step.path.split('?')
  const [path = '', verb] = target.split(/:(?=[a-zA-Z]+$)/)
  const parameters = query(search)
  if (verb) return customCall(path, verb, step.body ?? {})
  const slash = path.lastIndexOf('/')
  const [parent, last] = [path.slice(0, slash), path.slice(slash + 1)]
  if (step.method === 'POST') {
    const documentId = parameters['documentId']?.[0] ?? ''
    return ['CreateDocument', { parent, collectionId: last, documentId, document: step.body ?? {} }]
  }
  const readTime = parameters['readTime']?.[0]
  const mask = parameters['mask.fieldPaths']
  const common = { ...(mask && { mask: { fieldPaths: mask } }), ...(readTime && { readTime }) }
  const depth = path.replace(DATABASE, '').split('/').length - 2
  if (depth % 2 === 0) return ['GetDocument', { name: path, ...common }]
  return [
    'ListDocuments',
    {
      parent,
      collectionId: last,
      pageSize: Number(parameters['pageSize']?.[0] ?? 0),
      showMissing: parameters['showMissing']?.[0] === 'true',
      pageToken: parameters['pageToken'] ? pageToken : '',
      ...common,
    },
  ]
}

const TIME = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/

/** JSON in which times, made ids and page tokens are told apart only by which of them are the same. */
const anonymous = (json: Json, times: Map<string, string>, inValue = false): Json => {
  if (typeof json === 'string') {
    if (!TIME.test(json)) return json.replace(/\/c\/[A-Za-z0-9]{20}$/, '/c/<made>')
    if (inValue) return '<server time>'
    if (!times.has(json)) times.set(json, `<time ${times.size}>`)
    return times.get(json) as string
  }
  if (Array.isArray(json)) return json.map((one) => anonymous(one, times))
  if (typeof json !== 'object' || json === null) return json
  const entries = Object.entries(json).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(
    entries.map(([key, value]) => [
      key,
      key === 'nextPageToken' ? '<token>' : anonymous(value, times, key === 'timestampValue'),
    ]),
  )
}

/** Answers of a case in a form that can be compared. */
export class Transcript {
  readonly #times = new Map<string, string>()

  recorded(step: RestStep): Json {
    const error = at(step.response, 'error') as JsonObject | undefined
    if (error) return { status: error['status'] ?? '', message: error['message'] ?? '' }
    const responses = Array.isArray(step.response) ? step.response : [step.response]
    return { status: 'OK', responses: anonymous(responses, this.#times) }
  }

  actual({ status, message, responses }: Answer): Json {
    if (status !== 'OK') return { status, message }
    return { status, responses: anonymous(responses, this.#times) }
  }
}

const FORBIDDEN = 403

/** Plays the steps of a case, those that were refused to users as a user, and gives what came back. */
export const play = async (owner: JsonClient, user: JsonClient, steps: readonly RestStep[]): Promise<Answer[]> => {
  const answers: Answer[] = []
  const times = new Map<string, string>()
  let pageToken = ''
  for (const step of steps) {
    const body = [...times].reduce((text, [then, now]) => text.replaceAll(then, now), JSON.stringify(step.body))
    const call = callOf({ ...step, body: JSON.parse(body) as JsonObject | null }, pageToken)
    const answer = await (step.status === FORBIDDEN ? user : owner).call(...call)
    const response = answer.responses[0]
    pageToken = (at(response, 'nextPageToken') as string | undefined) ?? pageToken
    const then = at(step.response, 'commitTime') as string | undefined
    if (then !== undefined) times.set(then, (at(response, 'commitTime') as string | undefined) ?? then)
    answers.push(answer)
  }
  return answers
}
