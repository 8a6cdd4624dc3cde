import { describe, expect, test } from 'vitest'
import { Code } from '../../wire/status-error.ts'
import { startFirestoreEngine } from '../index.ts'
import { JsonClient, type Answer } from './client.ts'
import { asInProduction, exceptions } from './exceptions.ts'
import type { Json, JsonObject } from './proto-json.ts'
import { hasRecordings, recording } from './recordings.ts'
import { Player, type Scenario, type Step } from './scenario.ts'

const DATABASE = 'projects/p/databases/(default)'

const codeOf = (name: string): number => Code[name as keyof typeof Code]

// Ids are opaque, and statuses of single writes have codes where the recording has names.
const recordedResult = (result: Json | undefined): Json[] =>
  (Array.isArray(result) ? result : result === undefined ? [] : [result]).map((one) => {
    const entry = one as JsonObject
    if ('transaction' in entry) return { transaction: '<id>' }
    if (!('status' in entry)) return entry
    return { status: codeOf(String(entry['status'])), message: entry['message'] ?? '' }
  })

const compare = (player: Player, step: Step, answer: Answer): void => {
  const { outcome } = step
  if (!outcome || step.compare === 'none') return
  const expected = asInProduction(outcome.status, outcome.message.replaceAll('{project}', 'p'))
  const { status } = answer
  const message = expected.message === null ? null : answer.message
  expect({ status, message }, step.label).toEqual(expected)
  if (status !== 'OK') return
  const codes = (results: Json[]) => results.map((one) => (one as JsonObject)['status'] ?? null)
  const actual = player.result(answer)
  const recorded = recordedResult(outcome.result)
  if (step.compare === 'codes') expect(codes(actual), step.label).toEqual(codes(recorded))
  else expect(actual, step.label).toEqual(recorded)
}

const play = async ({ name, steps }: Scenario): Promise<void> => {
  let passed = 0
  const firestore = await startFirestoreEngine({ clock: () => Date.now() + passed })
  const client = new JsonClient(`127.0.0.1:${firestore.port}`)
  try {
    const player = new Player({
      client,
      database: DATABASE,
      pass: (seconds) => (passed += seconds * 1000),
      reset: async () => {
        const { status } = await fetch(`http://127.0.0.1:${firestore.port}/reset`, { method: 'POST' })
        expect(status).toBe(200)
      },
    })
    const answers = await player.play(steps)
    for (const step of steps) {
      const answer = answers.get(step.label)
      const reason = exceptions[`transactions: ${name}: ${step.label}`]
      if (!answer) continue
      if (reason === undefined) compare(player, step, answer)
      else expect(() => compare(player, step, answer), `${step.label}: ${reason}`).toThrow()
    }
  } finally {
    client.close()
    await firestore.close()
  }
}

// Waits for locks last two seconds, so the scenarios run side by side, each with an engine of its own.
describe.skipIf(!hasRecordings).concurrent('transactions as Google recorded', { timeout: 60_000 }, () => {
  const { scenarios } = recording<{ scenarios: Scenario[] }>('transactions', { scenarios: [] })
  for (const scenario of scenarios) test(scenario.name, () => play(scenario))
})
