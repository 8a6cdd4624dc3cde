import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startFirestoreEngine, type FirestoreEngine } from '../index.ts'
import { JsonClient, at } from './client.ts'
import { asInProduction, exceptions } from './exceptions.ts'
import type { JsonObject } from './proto-json.ts'
import { hasRecordings, recording } from './recordings.ts'
import { Transcript, play, type RestCase } from './rest-steps.ts'

/** A clock that never stands at a full millisecond, so that a server timestamp is told from the commit time. */
const clock = () => Date.now() + 0.789

let firestore: FirestoreEngine
let client: JsonClient
let user: JsonClient

beforeAll(async () => {
  firestore = await startFirestoreEngine({ clock })
  client = new JsonClient(`127.0.0.1:${firestore.port}`)
  user = new JsonClient(`127.0.0.1:${firestore.port}`, '')
})
afterAll(async () => {
  client.close()
  user.close()
  await firestore.close()
})

const compare = async ({ steps }: RestCase): Promise<void> => {
  const answers = await play(client, user, steps)
  const recorded = new Transcript()
  const actual = new Transcript()
  steps.forEach((step, i) => {
    const expected = recorded.recorded(step) as JsonObject
    const got = actual.actual(answers[i] as (typeof answers)[number]) as JsonObject
    const error = at(step.response, 'error') as JsonObject | undefined
    if (error) {
      const { status, message } = asInProduction(String(error['status']), String(error['message']))
      // The stored version is a time, which no recording can foretell.
      const versions = (text: unknown) => String(text).replace(/stored version \(\d+\)/, 'stored version (now)')
      expect({ ...got, message: message === null ? null : versions(got['message']) }, step.path).toEqual({
        status,
        message: message === null ? null : versions(message),
      })
    } else expect(got, step.path).toEqual(expected)
  })
}

describe.skipIf(!hasRecordings).each(['document_writes', 'transforms'])('%s as Google recorded', (file) => {
  for (const one of recording<{ cases: RestCase[] }>(file, { cases: [] }).cases) {
    const run = exceptions[`${file}: ${one.name}`] ? test.fails : test
    run(one.name, () => compare(one))
  }
})
