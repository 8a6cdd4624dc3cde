// Plays every recorded case on engines of its own: `npm run oracle [-- --json]`.
import { parseArgs } from 'node:util'
import { Stage, judge, type OracleFile, type Verdict } from './case.ts'
import { oracleFiles } from './files.ts'
import { hasRecordings, recordedCases, recordedFiles } from './recordings.ts'

/** How the cases of a recording came out. */
interface Tally {
  passed: number
  failed: number
  excepted: number
}

type Report = (verdict: Verdict) => void

const playFile = async ({ name: file, cases }: OracleFile, report: Report): Promise<Tally> => {
  const tally: Tally = { passed: 0, failed: 0, excepted: 0 }
  const stage = await Stage.open()
  try {
    for (const { name, play } of cases) {
      const verdict = await play(stage).then(
        (found) => judge(file, name, found),
        (error: unknown): Verdict => ({
          outcome: 'failed',
          detail: `${file}: ${name}\ncould not be played: ${String(error)}`,
        }),
      )
      tally[verdict.outcome]++
      report(verdict)
    }
  } finally {
    await stage.close()
  }
  // What is recorded and not played counts as failed.
  const missing = recordedCases(file) - cases.length
  if (missing !== 0) {
    tally.failed += Math.abs(missing)
    report({ outcome: 'failed', detail: `${file}: ${cases.length} cases played, ${missing} more recorded` })
  }
  return tally
}

const run = async (json: boolean): Promise<void> => {
  if (!hasRecordings) {
    process.exitCode = 1
    return
  }
  const byFile: Record<string, Tally> = {}
  const played = new Map(oracleFiles.map((file) => [file.name, file]))
  for (const name of recordedFiles()) {
    const file = played.get(name) ?? { name, cases: [] }
    byFile[file.name] = await playFile(file, ({ outcome, detail }) => {
      if (outcome !== 'passed' && !json) console.log(`${outcome}: ${detail}\n`)
    })
  }
  const total: Tally = { passed: 0, failed: 0, excepted: 0 }
  for (const tally of Object.values(byFile)) {
    for (const outcome of ['passed', 'failed', 'excepted'] as const) total[outcome] += tally[outcome]
  }
  if (!json) console.table({ ...byFile, total })
  else console.log(JSON.stringify({ ...total, byFile }))
  if (total.failed > 0) process.exitCode = 1
}

const { values } = parseArgs({ options: { json: { type: 'boolean', default: false } } })
await run(values.json)
