import { setTimeout as delay } from 'node:timers/promises'
import { at, type Answer, type JsonClient } from './client.ts'
import type { Json, JsonObject } from './proto-json.ts'

export interface Step {
  op: string
  label: string
  /** The name under which later steps know the transaction that this one starts. */
  as?: string
  txn?: string
  raw?: string
  new?: JsonObject
  options?: JsonObject
  writes?: RecordedWrite[]
  documents?: string[]
  document?: string
  collection?: string
  group?: boolean
  pageSize?: number
  background?: boolean
  seconds?: number
  for?: string[]
  compare?: 'status' | 'codes' | 'none'
  outcome?: { status: string; message: string; result?: Json }
}

interface RecordedWrite {
  update?: string
  delete?: string
  verify?: string
  n?: number
  exists?: boolean
  reserved?: boolean
  mask?: string[]
  increment?: string
}

export interface Scenario {
  name: string
  slow?: boolean
  steps: Step[]
}

/** What the steps of one scenario work on. */
export interface Stage {
  readonly client: JsonClient
  readonly database: string
  readonly reset: () => Promise<void>
  /** Lets time pass: the engine's clock, or real time for what waits in real time. */
  readonly pass: (seconds: number) => void
}

const writeOf = (documents: string, write: RecordedWrite): JsonObject => {
  const name = (path: string) => `${documents}/${path}`
  const fields: JsonObject = {}
  if (write.n !== undefined) fields['n'] = { integerValue: String(write.n) }
  if (write.reserved) fields['__x__'] = { nullValue: null }
  return {
    ...(write.update !== undefined && { update: { name: name(write.update), fields } }),
    ...(write.delete !== undefined && { delete: name(write.delete) }),
    ...(write.verify !== undefined && { verify: name(write.verify) }),
    ...(write.exists !== undefined && { currentDocument: { exists: write.exists } }),
    ...(write.mask && { updateMask: { fieldPaths: write.mask } }),
    ...(write.increment !== undefined && {
      updateTransforms: [{ fieldPath: write.increment, increment: { integerValue: '1' } }],
    }),
  }
}

/** Plays one scenario; the transactions it starts are known by their names. */
export class Player {
  readonly #stage: Stage
  readonly #documents: string
  readonly #transactions = new Map<string, string>()
  readonly #background = new Map<string, Promise<Answer>>()

  constructor(stage: Stage) {
    this.#stage = stage
    this.#documents = `${stage.database}/documents`
  }

  /** The answers by label; of one in the background when it has come. */
  async play(steps: readonly Step[]): Promise<Map<string, Answer>> {
    const answers = new Map<string, Answer>()
    for (const step of steps) {
      if (step.op === 'sleep') await this.#sleep(step.seconds ?? 0)
      else if (step.op === 'wait') await Promise.all((step.for ?? []).map(async (label) => this.#background.get(label)))
      else if (step.op === 'reset') await this.#stage.reset()
      else if (step.background) this.#background.set(step.label, this.#call(step))
      else answers.set(step.label, await this.#call(step))
    }
    for (const [label, answer] of this.#background) answers.set(label, await answer)
    return answers
  }

  /** What came of a call, in the form of the recording. */
  result({ responses }: Answer): Json[] {
    const short = (document: Json | undefined): JsonObject => {
      const n = at(document, 'fields', 'n', 'integerValue') as string | undefined
      const name = String(at(document, 'name')).slice(this.#documents.length + 1)
      return { name, n: n === undefined ? null : Number(n) }
    }
    return responses.flatMap((response): Json[] => {
      const found: Json[] = []
      if (typeof response['transaction'] === 'string') found.push({ transaction: '<id>' })
      if (response['found']) found.push({ found: short(response['found']) })
      if (response['missing']) found.push({ missing: String(response['missing']).slice(this.#documents.length + 1) })
      if (response['document']) found.push({ document: short(response['document']) })
      if (response['name']) found.push(short(response))
      for (const one of (at(response, 'documents') as JsonObject[] | undefined) ?? []) found.push(short(one))
      const results = (at(response, 'status') as JsonObject[] | undefined) ?? []
      found.push(...results.map(({ code = 0, message = '' }) => ({ status: code, message })))
      return found
    })
  }

  // A long sleep is for the engine's clock; a short one lets what runs in the background begin to wait.
  async #sleep(seconds: number): Promise<void> {
    if (seconds > 1) this.#stage.pass(seconds)
    else await delay(seconds * 1000)
  }

  #options(options: JsonObject): JsonObject {
    const retry = at(options, 'readWrite', 'retryTransaction') as string | undefined
    if (retry === undefined) return options
    const name = /^\{(.*)\}$/.exec(retry)?.[1]
    const retryTransaction = name === undefined ? retry : (this.#transactions.get(name) ?? '')
    return { readWrite: { retryTransaction } }
  }

  #consistency({ txn, raw, new: options }: Step): JsonObject {
    if (options) return { newTransaction: this.#options(options) }
    if (raw !== undefined) return { transaction: raw }
    return txn === undefined ? {} : { transaction: this.#transactions.get(txn) ?? '' }
  }

  #request(step: Step): [string, JsonObject] {
    const { database } = this.#stage
    const consistency = this.#consistency(step)
    const from = [{ collectionId: step.collection ?? '', allDescendants: step.group === true }]
    const writes = (step.writes ?? []).map((write) => writeOf(this.#documents, write))
    switch (step.op) {
      case 'begin':
        return ['BeginTransaction', { database, ...(step.options && { options: this.#options(step.options) }) }]
      case 'read':
        return [
          'BatchGetDocuments',
          { database, documents: (step.documents ?? []).map((path) => `${this.#documents}/${path}`), ...consistency },
        ]
      case 'get':
        return ['GetDocument', { name: `${this.#documents}/${step.document}`, ...consistency }]
      case 'list': {
        const { collection = '', pageSize = 0 } = step
        return ['ListDocuments', { parent: this.#documents, collectionId: collection, pageSize, ...consistency }]
      }
      case 'query':
        return ['RunQuery', { parent: this.#documents, structuredQuery: { from }, ...consistency }]
      case 'commit':
        return ['Commit', { database, writes, ...consistency }]
      case 'batchWrite':
        return ['BatchWrite', { database, writes }]
      case 'rollback':
        return ['Rollback', { database, ...consistency }]
      default:
        throw new Error(`no operation ${step.op}`)
    }
  }

  async #call(step: Step): Promise<Answer> {
    const answer = await this.#stage.client.call(...this.#request(step))
    const id = answer.responses.map((response) => response['transaction']).find((one) => typeof one === 'string')
    if (step.as !== undefined && id !== undefined) this.#transactions.set(step.as, id)
    return answer
  }
}
