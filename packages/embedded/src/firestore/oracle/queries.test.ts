import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startFirestoreEngine, type FirestoreEngine } from '../index.ts'
import { JsonClient, at, type Answer } from './client.ts'
import { asInProduction, exceptions } from './exceptions.ts'
import type { Json, JsonObject } from './proto-json.ts'
import { hasRecordings, recording } from './recordings.ts'

interface Outcome {
  status: string
  message?: string
  responses?: JsonObject[]
  fields?: JsonObject
}

interface QueryCase {
  name: string
  parent: string
  query: JsonObject
  aggregations?: JsonObject[]
  outcome: Outcome
}

interface Recording {
  dataset: { name: string; fields: JsonObject }[]
  cases: QueryCase[]
}

let firestore: FirestoreEngine
let client: JsonClient

beforeAll(async () => {
  firestore = await startFirestoreEngine()
  client = new JsonClient(`127.0.0.1:${firestore.port}`)
})
afterAll(async () => {
  client.close()
  await firestore.close()
})

const fill = (json: Json, documents: string): JsonObject =>
  JSON.parse(JSON.stringify(json).replaceAll('{documents}', documents)) as JsonObject

const seed = async (project: string, { dataset }: Recording): Promise<string> => {
  const database = `projects/${project}/databases/(default)`
  const documents = `${database}/documents`
  const writes = dataset.map(({ name, fields }) => ({
    update: { name: `${documents}/${name}`, fields: fill(fields, documents) },
  }))
  await client.ask('Commit', { database, writes })
  return documents
}

const summary = (answer: Answer, documents: string): JsonObject[] =>
  answer.responses.map((response) => {
    const name = at(response, 'document', 'name') as string | undefined
    const skipped = at(response, 'skippedResults') as number | undefined
    return {
      ...(name !== undefined && { document: name.slice(documents.length + 1) }),
      ...(skipped && { skipped }),
      ...(response['done'] === true && { done: true }),
    }
  })

const expectError = (answer: Answer, { status, message = '' }: Outcome, project: string): void => {
  const expected = asInProduction(status, message.replaceAll('{project}', project))
  // The index counts the letters of the project's name.
  const text = (m: string | null) => m?.replace(/index \d+/, 'index <n>')
  expect({ status: answer.status, message: text(answer.message) }).toEqual({
    ...expected,
    message: text(expected.message),
  })
}

const define = (file: string, run: (one: QueryCase, documents: string) => Promise<void>): void => {
  const recorded = recording<Recording>(file, { dataset: [], cases: [] })
  describe.skipIf(!hasRecordings)(`${file} as Google recorded`, () => {
    let documents = ''
    beforeAll(async () => {
      documents = await seed(`oracle-${file}`, recorded)
    })
    for (const one of recorded.cases) {
      const test_ = exceptions[`${file}: ${one.name}`] ? test.fails : test
      test_(one.name, () => run(one, documents))
    }
  })
}

const parentOf = (documents: string, parent: string): string => (parent === '' ? documents : `${documents}/${parent}`)

define('queries', async ({ parent, query, outcome }, documents) => {
  const structuredQuery = fill(query, documents)
  const answer = await client.call('RunQuery', { parent: parentOf(documents, parent), structuredQuery })
  if (outcome.status !== 'OK') return expectError(answer, outcome, 'oracle-queries')
  expect(answer.message).toBe('')
  expect(summary(answer, documents)).toEqual(outcome.responses)
  for (const [name, fields] of Object.entries(outcome.fields ?? {})) {
    const found = answer.responses.find(
      (one) => (at(one, 'document', 'name') as string | undefined) === `${documents}/${name}`,
    )
    expect(at(found, 'document', 'fields') ?? {}, name).toEqual(fields)
  }
})

define('aggregations', async ({ parent, query, aggregations, outcome }, documents) => {
  const structuredAggregationQuery = { structuredQuery: fill(query, documents), aggregations: aggregations ?? [] }
  const answer = await client.call('RunAggregationQuery', {
    parent: parentOf(documents, parent),
    structuredAggregationQuery,
  })
  if (outcome.status !== 'OK') return expectError(answer, outcome, 'oracle-aggregations')
  expect(answer.message).toBe('')
  // `done` is not part of the published API.
  const expected = outcome.responses?.map(({ done, ...response }) => response)
  expect(answer.responses.map((response) => ({ ...response, readTime: '<time>' }))).toEqual(expected)
})
