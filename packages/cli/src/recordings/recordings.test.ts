import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseEvent } from '@infinity-matrix/contracts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readRecordings } from './files.ts'
import { eventsOf, runsOf, type RecordedRun } from './index.ts'

const sender = { tenant: 'demo', region: 'local', tier: 'standard' } as const
const data = join(import.meta.dirname, '../../../../../shared/data')
const hasData = existsSync(data)

const everyEventParses = (runs: RecordedRun[]) => {
  const now = new Date()
  const events = runs.flatMap((run) => eventsOf(run, sender, now))
  const refused = events.flatMap((event) => {
    const parsed = parseEvent(JSON.parse(JSON.stringify(event)), now.getTime())
    return parsed.ok ? [] : [{ event, problem: parsed.problem }]
  })
  expect(refused).toEqual([])
  return events
}

const outcomesOf = (runs: RecordedRun[]) => Object.groupBy(runs, ({ finished }) => finished.outcome)

describe.skipIf(!hasData)('the recorded runs (skipped where ../shared/data is absent)', () => {
  test('tau-bench: 200 runs of which 84 had reward 1, one event for each step', async () => {
    const runs = await readRecordings([join(data, 'tau-bench')])
    expect(runs).toHaveLength(200)
    const { success = [], failure = [] } = outcomesOf(runs)
    expect([success.length, failure.length]).toEqual([84, 116])
    expect(new Set(success.map(({ finished }) => finished.reward))).toEqual(new Set([1]))
    // 5,308 recorded messages, of which 200 are the system's; and a start and an end for each run.
    expect(everyEventParses(runs)).toHaveLength(5308 - 200 + 2 * 200)
    expect(runs.map(({ agentId }) => agentId)).toContain('tau-gpt-4o-airline-007-t2')
  })

  test('swe-agent: 22 runs, each another agent though names repeat, with cost and tokens where recorded', async () => {
    const runs = await readRecordings([join(data, 'swe-agent-trajectories')])
    expect(new Set(runs.map(({ agentId }) => agentId)).size).toBe(22)
    expect(outcomesOf(runs).completed).toHaveLength(22)
    everyEventParses(runs)

    const pydicom = runs.find(({ started }) => started.task === 'pydicom__pydicom-1458')
    expect(pydicom?.finished.costUsd).toBe(1.26719)
    expect(pydicom?.steps).toHaveLength(12)
    expect(pydicom?.steps.at(-1)).toMatchObject({ tool: 'submit', tokensIn: 122612, tokensOut: 1369 })
  })

  test('a demonstration with messages only is read from its messages', async () => {
    const file = join(data, 'swe-agent-trajectories/trajectories/demonstrations/function_calling_simple.traj')
    const [run] = await readRecordings([file])
    expect(run?.steps.map(({ tool }) => tool)).toEqual(['find_file', 'open', 'edit', 'python', 'submit'])
    expect(run?.steps.every(({ observationBytes = 0 }) => observationBytes > 0)).toBe(true)
    expect(run?.finished).toEqual({ outcome: 'completed', reason: 'the recording has no exit status' })
  })

  test('a file has the same agents alone as in its folder', async () => {
    const folder = join(data, 'swe-agent-trajectories/trajectories/demonstrations/ctf')
    const inFolder = await readRecordings([folder])
    const alone = await readRecordings([join(folder, 'crypto/eps.traj')])
    expect(inFolder).toContainEqual(alone[0])
  })
})

const trajectory = (info: object, steps: object[] = []) => JSON.stringify({ trajectory: steps, info })

describe('a SWE-agent run', () => {
  test.each([
    ['submitted', { outcome: 'completed' }],
    ['exit_cost', { outcome: 'failure', reason: 'exit status: exit_cost' }],
    [null, { outcome: 'failure', reason: 'exit status: not recorded' }],
  ])('that ended with exit status %s', (exitStatus, finished) => {
    expect(runsOf('a/b.traj', trajectory({ exit_status: exitStatus }))[0]?.finished).toEqual(finished)
  })

  test('has a thought for a step without an action, and the time an action took', () => {
    const steps = [
      { action: '', thought: 'hm' },
      { action: '  ./run.sh --fast\n', observation: 'é', execution_time: 1.5 },
    ]
    expect(runsOf('a/b.traj', trajectory({ exit_status: 'submitted' }, steps))[0]?.steps).toEqual([
      { step: 'thought' },
      { step: 'acted', tool: './run.sh', observationBytes: 2, durationMs: 1500 },
    ])
  })
})

describe('a tau-bench run', () => {
  const run = (traj: object[]) =>
    JSON.stringify([{ task_id: 7, trial: 2, reward: 1, traj, info: { task: { instruction: 'Book it.' } } }])

  test('has an observation for what it is told, and an action for each call', () => {
    const [first] = runsOf(
      'x/m-retail.json',
      run([
        { role: 'system', content: 'Be kind.' },
        { role: 'user', content: 'Hi' },
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ function: { name: 'look_up' } }, { function: { name: 'pay' } }],
        },
        { role: 'tool', content: 'found', name: 'look_up' },
        { role: 'assistant', content: 'Done' },
      ]),
    )
    expect(first?.agentId).toBe('tau-m-retail-007-t2')
    expect(first?.steps).toEqual([
      { step: 'observed', observationBytes: 2 },
      { step: 'acted', tool: 'look_up' },
      { step: 'acted', tool: 'pay' },
      { step: 'observed', observationBytes: 5 },
      { step: 'thought' },
    ])
  })

  test('is the same events at each reading, but for their time', () => {
    const text = run([{ role: 'user', content: 'Hi' }])
    const [first, second] = [new Date(1e12), new Date(2e12)].map((time) =>
      runsOf('x/m.json', text).flatMap((one) => eventsOf(one, sender, time)),
    )
    expect(second?.map(({ id, sequence }) => [id, sequence])).toEqual(first?.map(({ id, sequence }) => [id, sequence]))
    expect(first?.map(({ sequence }) => sequence)).toEqual([1, 2, 3])
    expect(new Set(first?.map(({ id }) => id)).size).toBe(3)
  })
})

describe('what is no recording is refused with its name', () => {
  test.each([
    ['{', 'bad.json: expected JSON'],
    ['{"runs": []}', 'bad.json: expected a tau-bench list of runs, or a SWE-agent object'],
    ['[]', 'bad.json: expected a list of tau-bench runs'],
    ['[{"task_id": 1}]', 'bad.json: expected a list of tau-bench runs, but 0.trial'],
    [
      '{"trajectory": [{"action": 5}], "info": {}}',
      'bad.json: expected a SWE-agent trajectory, but trajectory.0.action',
    ],
    ['{"history": []}', 'bad.json: expected a SWE-agent history, but history'],
  ])('%s', (text, message) => {
    expect(() => runsOf('bad.json', text)).toThrow(message)
  })

  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'recordings-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  test('a folder without recordings, and a path that does not exist', async () => {
    await expect(readRecordings([folder])).rejects.toThrow('has no .json or .traj file')
    await expect(readRecordings([join(folder, 'none')])).rejects.toThrow('no such file or folder')
  })

  test('two files that stand for the same agent', async () => {
    const text = JSON.stringify([{ task_id: 1, trial: 0, reward: 0, traj: [], info: { task: { instruction: '' } } }])
    await Promise.all(['a.json', 'a.traj'].map((name) => writeFile(join(folder, name), text)))
    await expect(readRecordings([folder])).rejects.toThrow(/a\.traj: holds agent tau-a-001-t0, and so does .*a\.json/)
  })
})
