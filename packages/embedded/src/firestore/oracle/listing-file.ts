import { at, type Answer } from './client.ts'
import { differences, type Difference, type OracleFile, type Stage } from './case.ts'
import { asInProduction } from './exceptions.ts'
import { askHttp } from './http.ts'
import { camelCased, type Json, type JsonObject } from './proto-json.ts'
import { recording } from './recordings.ts'

interface ListCase {
  name: string
  request: JsonObject
  parent: string
  owner: boolean
  outcome: { documents?: { name: string; fields: string[] }[]; pages?: string[][]; code?: string; message?: string }
}

interface RestCase {
  name: string
  /** What comes after `documents`. */
  path: string
  outcome: { status: number; documents?: string[]; next_page?: boolean; error?: JsonObject; body?: string }
}

interface Recording {
  seed: string[][]
  grpc: ListCase[]
  rest: RestCase[]
}

const DATABASE = 'projects/list/databases/(default)'
const DOCUMENTS = `${DATABASE}/documents`

const { seed, grpc, rest: restCases } = recording<Recording>('list_documents', { seed: [], grpc: [], rest: [] })

/** Writes the documents; the time of the first commit. */
const seeded = (stage: Stage): Promise<Json> =>
  stage.once('seed', async () => {
    let first: Json = null
    for (const names of seed) {
      const writes = names.map((name) => ({
        update: { name: `${DOCUMENTS}/${name}`, fields: { m: { integerValue: '1' }, n: { integerValue: '1' } } },
      }))
      const { commitTime } = await stage.owner.ask('Commit', { database: DATABASE, writes })
      first ??= commitTime ?? null
    }
    return first
  })

const documentsIn = (answer: Answer) =>
  ((at(answer.responses[0], 'documents') as JsonObject[] | undefined) ?? []).map((one) => ({
    name: String(one['name']).slice(DOCUMENTS.length + 1),
    fields: Object.keys((one['fields'] ?? {}) as JsonObject).toSorted(),
  }))

const pagesOf = async ({ owner }: Stage, request: JsonObject): Promise<string[][]> => {
  const pages: string[][] = []
  let pageToken: string | undefined = ''
  while (pageToken !== undefined) {
    const answer: Answer = await owner.call('ListDocuments', { ...request, pageToken })
    pages.push(documentsIn(answer).map(({ name }) => name))
    pageToken = at(answer.responses[0], 'nextPageToken') as string | undefined
  }
  return pages
}

const play = async (stage: Stage, { request, parent, owner, outcome }: ListCase): Promise<Difference[]> => {
  const firstCommit = await seeded(stage)
  const { at_first_commit: early, pages, ...rest } = request
  const full: JsonObject = {
    ...camelCased(rest),
    parent: parent === '' ? DOCUMENTS : `${DOCUMENTS}/${parent}`,
    ...(early === true && { readTime: firstCommit }),
  }
  if (pages === true) return differences(await pagesOf(stage, full), outcome.pages)
  const answer = await (owner ? stage.owner : stage.user).call('ListDocuments', full)
  if (outcome.code === undefined) return differences(documentsIn(answer), outcome.documents)
  const expected = asInProduction(outcome.code, outcome.message ?? '')
  const message = expected.message === null ? null : answer.message
  return differences({ status: answer.status, message }, expected)
}

const playRest = async (stage: Stage, { path, outcome }: RestCase): Promise<Difference[]> => {
  await seeded(stage)
  const target = `/v1/${DOCUMENTS}${path}`
  const { status, body } = await askHttp(stage.address, 'GET', target, { authorization: 'Bearer owner' })
  if (outcome.body !== undefined) return differences({ status, body }, outcome)
  const { error, documents, nextPageToken } = JSON.parse(body) as JsonObject
  if (error) return differences({ status, error }, outcome)
  const names = (documents as JsonObject[]).map(({ name }) => String(name).slice(DOCUMENTS.length + 1))
  return differences({ status, documents: names, next_page: nextPageToken !== undefined }, outcome)
}

export const listing: OracleFile = {
  name: 'list_documents',
  cases: [
    ...grpc.map((one) => ({ name: one.name, play: (stage: Stage) => play(stage, one) })),
    ...restCases.map((one) => ({ name: one.name, play: (stage: Stage) => playRest(stage, one) })),
  ],
}
