import { differences, type Difference, type OracleFile, type Stage } from './case.ts'
import { asInProduction } from './exceptions.ts'
import { recording } from './recordings.ts'
import { Transcript, play, type RestCase } from './rest-steps.ts'

// The stored version is a time, which no recording can foretell.
const withoutVersion = (message: string | null) =>
  message?.replace(/stored version \(\d+\)/, 'stored version (now)') ?? null

const compare = async ({ address }: Stage, { steps }: RestCase): Promise<Difference[]> => {
  const answers = await play(address, steps)
  const recorded = new Transcript()
  const actual = new Transcript()
  return steps.flatMap(({ response }, i) => {
    const expected = recorded.of(response)
    const got = actual.of(answers[i] ?? null)
    if (expected['status'] === 'OK') return differences(got, expected)
    const { status, message } = asInProduction(String(expected['status']), String(expected['message']))
    const answered = message === null ? null : withoutVersion(String(got['message']))
    return differences({ ...got, message: answered }, { status, message: withoutVersion(message) })
  })
}

const fileOf = (name: string): OracleFile => ({
  name,
  cases: recording<{ cases: RestCase[] }>(name, { cases: [] }).cases.map((one) => ({
    name: one.name,
    play: (stage) => compare(stage, one),
  })),
})

export const documentWrites = fileOf('document_writes')
export const transforms = fileOf('transforms')
