import { Code } from '../../wire/status-error.ts'
import { Stage, differences, type Difference, type OracleFile } from './case.ts'
import type { Answer } from './client.ts'
import { asInProduction } from './exceptions.ts'
import type { Json, JsonObject } from './proto-json.ts'
import { recording } from './recordings.ts'
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

const stepDifferences = (player: Player, step: Step, answer: Answer): Difference[] => {
  const { outcome, label } = step
  if (!outcome || step.compare === 'none') return []
  const expected = asInProduction(outcome.status, outcome.message.replaceAll('{project}', 'p'))
  const { status } = answer
  const message = expected.message === null ? null : answer.message
  if (status !== 'OK' || expected.status !== 'OK') return differences({ status, message }, expected, label)
  const codes = (results: Json[]) => results.map((one) => (one as JsonObject)['status'] ?? null)
  const actual = player.result(answer)
  const recorded = recordedResult(outcome.result)
  return step.compare === 'codes'
    ? differences(codes(actual), codes(recorded), label)
    : differences(actual, recorded, label)
}

/** Each scenario has an engine whose clock it steps. */
const play = async ({ steps }: Scenario): Promise<Difference[]> => {
  let passed = 0
  const stage = await Stage.open(() => Date.now() + passed)
  try {
    const player = new Player({
      client: stage.owner,
      database: DATABASE,
      pass: (seconds) => (passed += seconds * 1000),
      reset: async () => {
        const { ok } = await fetch(`http://${stage.address}/reset`, { method: 'POST' })
        if (!ok) throw new Error('the engine cannot be reset')
      },
    })
    const answers = await player.play(steps)
    return steps.flatMap((step) => {
      const answer = answers.get(step.label)
      return answer ? stepDifferences(player, step, answer) : []
    })
  } finally {
    await stage.close()
  }
}

const { scenarios } = recording<{ scenarios: Scenario[] }>('transactions', { scenarios: [] })

export const transactions: OracleFile = {
  name: 'transactions',
  cases: scenarios.map((scenario) => ({ name: scenario.name, play: () => play(scenario) })),
}
