import { at } from './client.ts'
import { askHttp } from './http.ts'
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

  of(response: Json): JsonObject {
    const error = at(response, 'error') as JsonObject | undefined
    if (error) return { status: error['status'] ?? '', message: error['message'] ?? '' }
    return { status: 'OK', response: anonymous(response, this.#times) }
  }
}

const FORBIDDEN = 403

/** Plays the steps of a case, those that were refused to users as a user, and gives what came back. */
export const play = async (address: string, steps: readonly RestStep[]): Promise<Json[]> => {
  const answers: Json[] = []
  const times = new Map<string, string>()
  let pageToken = ''
  for (const { method, path, body, status, response } of steps) {
    const text = [...times].reduce((json, [then, now]) => json.replaceAll(then, now), JSON.stringify(body))
    const target = `/v1/${path.replace(/(?<=[?&]pageToken=)[^&]*/, encodeURIComponent(pageToken))}`
    const headers: Record<string, string> = status === FORBIDDEN ? {} : { authorization: 'Bearer owner' }
    const answer = JSON.parse((await askHttp(address, method, target, headers, body ? text : undefined)).body) as Json
    pageToken = (at(answer, 'nextPageToken') as string | undefined) ?? pageToken
    const then = at(response, 'commitTime') as string | undefined
    if (then !== undefined) times.set(then, (at(answer, 'commitTime') as string | undefined) ?? then)
    answers.push(answer)
  }
  return answers
}
