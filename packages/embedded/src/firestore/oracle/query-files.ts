import { at, type Answer } from './client.ts'
import { differences, type Difference, type OracleFile, type Stage } from './case.ts'
import { asInProduction } from './exceptions.ts'
import type { Json, JsonObject } from './proto-json.ts'
import { recording } from './recordings.ts'

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

const PROJECT = 'oracle'
const DATABASE = `projects/${PROJECT}/databases/(default)`
const DOCUMENTS = `${DATABASE}/documents`

const fill = (json: Json): JsonObject =>
  JSON.parse(JSON.stringify(json).replaceAll('{documents}', DOCUMENTS)) as JsonObject

const seed = (stage: Stage, dataset: Recording['dataset']) =>
  stage.once('seed', () => {
    const writes = dataset.map(({ name, fields }) => ({
      update: { name: `${DOCUMENTS}/${name}`, fields: fill(fields) },
    }))
    return stage.owner.ask('Commit', { database: DATABASE, writes })
  })

const summary = (answer: Answer): JsonObject[] =>
  answer.responses.map((response) => {
    const name = at(response, 'document', 'name') as string | undefined
    const skipped = at(response, 'skippedResults') as number | undefined
    return {
      ...(name !== undefined && { document: name.slice(DOCUMENTS.length + 1) }),
      ...(skipped && { skipped }),
      ...(response['done'] === true && { done: true }),
    }
  })

const errorDifferences = (answer: Answer, { status, message = '' }: Outcome): Difference[] => {
  const expected = asInProduction(status, message.replaceAll('{project}', PROJECT))
  // The index counts the letters of the project's name.
  const text = (m: string | null) => m?.replace(/index \d+/, 'index <n>')
  const actual = { status: answer.status, message: text(answer.message) }
  return differences(actual, { ...expected, message: text(expected.message) })
}

const queryDifferences = (answer: Answer, outcome: Outcome): Difference[] => {
  if (answer.message !== '') return differences(answer.message, '')
  const fieldsOf = (name: string): Json => {
    const found = answer.responses.find((one) => at(one, 'document', 'name') === `${DOCUMENTS}/${name}`)
    return at(found, 'document', 'fields') ?? {}
  }
  const { fields = {} } = outcome
  const actual = Object.fromEntries(Object.keys(fields).map((name) => [name, fieldsOf(name)]))
  return differences({ responses: summary(answer), fields: actual }, { responses: outcome.responses, fields })
}

const aggregationDifferences = (answer: Answer, outcome: Outcome): Difference[] => {
  if (answer.message !== '') return differences(answer.message, '')
  // `done` is not part of the published API.
  const expected = outcome.responses?.map(({ done, ...response }) => response)
  return differences(
    answer.responses.map((response) => ({ ...response, readTime: '<time>' })),
    expected,
  )
}

const parentOf = (parent: string): string => (parent === '' ? DOCUMENTS : `${DOCUMENTS}/${parent}`)

const fileOf = (
  name: string,
  ask: (stage: Stage, one: QueryCase) => Promise<Answer>,
  compare: (answer: Answer, outcome: Outcome) => Difference[],
): OracleFile => {
  const { dataset, cases } = recording<Recording>(name, { dataset: [], cases: [] })
  return {
    name,
    cases: cases.map((one) => ({
      name: one.name,
      async play(stage) {
        await seed(stage, dataset)
        const answer = await ask(stage, one)
        return (one.outcome.status === 'OK' ? compare : errorDifferences)(answer, one.outcome)
      },
    })),
  }
}

export const queries = fileOf(
  'queries',
  ({ owner }, { parent, query }) => owner.call('RunQuery', { parent: parentOf(parent), structuredQuery: fill(query) }),
  queryDifferences,
)

export const aggregations = fileOf(
  'aggregations',
  ({ owner }, { parent, query, aggregations: asked = [] }) =>
    owner.call('RunAggregationQuery', {
      parent: parentOf(parent),
      structuredAggregationQuery: { structuredQuery: fill(query), aggregations: asked },
    }),
  aggregationDifferences,
)
