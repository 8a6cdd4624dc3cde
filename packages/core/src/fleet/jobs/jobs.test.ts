import { JobRequest, type AgentDocument, type JobDocument, type JobProgress } from '@infinity-matrix/contracts'
import { agentDocument, testNowMs } from '@infinity-matrix/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { changeDesired } from '../desired/change.ts'
import {
  decideFailures,
  decideJob,
  evolveJob,
  jobPageSizeMax,
  judgeAgent,
  nextJobStep,
  patchAgent,
  planJob,
  restoreAgent,
  type JobCommand,
  type JobEvent,
} from '../index.ts'

const at = (seconds: number) => new Date(testNowMs + seconds * 1000).toISOString()
const jobOf = (request: object = {}, ...events: JobEvent[]): JobDocument =>
  evolveJob(
    planJob('j1', JobRequest.parse({ filter: {}, patch: { level: 'debug' }, ...request }), 'ada', testNowMs),
    events,
    testNowMs,
  )
const started: JobEvent = { type: 'job-started' }
const page = (written: number, isLast = false, seconds = 0, skipped = 0): JobEvent => ({
  type: 'page-written',
  cursor: 'agent-9',
  isLast,
  counts: { examined: written + skipped, written, skipped },
  at: at(seconds),
})
const nextOf = (job: JobDocument, seconds = 0) => nextJobStep(job, testNowMs + seconds * 1000)

describe('what a worker does next', () => {
  it('starts, writes at the rate, and ends', () => {
    expect(nextOf(jobOf())).toEqual({ kind: 'end', event: started })
    expect(nextOf(jobOf({ agentsPerSecond: 20 }, started))).toEqual({ kind: 'write', pageSize: 20 })
    expect(nextOf(jobOf({ agentsPerSecond: 500 }, started))).toEqual({ kind: 'write', pageSize: jobPageSizeMax })
    const first = jobOf({ agentsPerSecond: 20 }, started, page(10))
    expect(nextOf(first)).toEqual({ kind: 'wait', atMs: testNowMs + 500 })
    expect(nextOf(first, 0.5)).toMatchObject({ kind: 'write' })
    expect(nextOf(jobOf({}, started, page(10, true)))).toEqual({ kind: 'end', event: { type: 'job-finished' } })
  })

  it('does not wait for agents of which nothing was written', () => {
    expect(nextOf(jobOf({ agentsPerSecond: 1 }, started, page(0, false, 0, 100)))).toEqual({
      kind: 'write',
      pageSize: 1,
    })
  })

  it('judges each page when its agents had their time, before more is written', () => {
    const request = { acknowledgement: { withinSeconds: 60 }, agentsPerSecond: 10 }
    const two = jobOf(request, started, page(10, false, 0), page(10, true, 1))
    expect(nextOf(two, 1)).toEqual({ kind: 'wait', atMs: testNowMs + 60_000 })
    expect(nextOf(two, 60)).toEqual({ kind: 'judge', page: 0 })
    const judged = evolveJob(
      two,
      [{ type: 'page-judged', counts: { acknowledged: 10 }, nextWrittenAt: at(1) }],
      testNowMs,
    )
    expect(nextOf(judged, 60)).toEqual({ kind: 'wait', atMs: testNowMs + 61_000 })
    const all = evolveJob(
      judged,
      [{ type: 'page-judged', counts: { acknowledged: 10 }, nextWrittenAt: null }],
      testNowMs,
    )
    expect(nextOf(all, 61)).toEqual({ kind: 'end', event: { type: 'job-finished' } })
  })

  it('is nothing while a job is paused or over', () => {
    const over: JobEvent[] = [
      { type: 'job-paused', by: 'ada' },
      { type: 'job-aborted', reason: 'by ada' },
      { type: 'job-finished' },
      { type: 'job-rolled-back' },
    ]
    for (const event of over) expect(nextOf(jobOf({}, started, event), 1e6)).toEqual({ kind: 'none' })
  })

  it('restores page by page when it is rolled back', () => {
    const rolling = jobOf({ agentsPerSecond: 10 }, started, page(10), page(10), {
      type: 'roll-back-started',
      by: 'ada',
    })
    expect(nextOf(rolling, 1)).toEqual({ kind: 'restore', page: 0 })
    const restored = (counts: Partial<JobProgress>): JobEvent => ({ type: 'page-restored', counts, at: at(1) })
    const one = evolveJob(rolling, [restored({ restored: 10 })], testNowMs)
    expect(nextOf(one, 1)).toEqual({ kind: 'wait', atMs: testNowMs + 2000 })
    expect(nextOf(one, 2)).toEqual({ kind: 'restore', page: 1 })
    expect(nextOf(evolveJob(one, [restored({ conflicts: 10 })], testNowMs), 2)).toEqual({
      kind: 'end',
      event: { type: 'job-rolled-back' },
    })
  })
})

describe('a command', () => {
  const commands: JobCommand[] = [
    { type: 'pause', by: 'ada' },
    { type: 'resume' },
    { type: 'abort', by: 'ada' },
    { type: 'roll-back', by: 'ada' },
  ]
  const states: Record<string, JobEvent[]> = {
    planned: [],
    running: [started],
    paused: [started, { type: 'job-paused', by: 'ada' }],
    aborted: [{ type: 'job-aborted', reason: 'by ada' }],
    done: [started, { type: 'job-finished' }],
    'rolling-back': [{ type: 'roll-back-started', by: 'ada' }],
    'rolled-back': [{ type: 'job-rolled-back' }],
  }
  /** The status after each command; null: refused. */
  const table: Record<string, (string | null)[]> = {
    planned: ['paused', null, 'aborted', null],
    running: ['paused', 'running', 'aborted', null],
    paused: ['paused', 'running', 'aborted', 'rolling-back'],
    aborted: [null, null, 'aborted', 'rolling-back'],
    done: [null, null, null, 'rolling-back'],
    'rolling-back': [null, null, null, 'rolling-back'],
    'rolled-back': [null, null, null, 'rolled-back'],
  }
  it.each(Object.entries(table))('of a job that is %s', (status, after) => {
    const job = jobOf({}, ...(states[status] ?? []))
    expect(job.status).toBe(status)
    const results = commands.map((command) => {
      const decision = decideJob(command, job)
      return decision.ok ? evolveJob(job, decision.events, testNowMs).status : null
    })
    expect(results).toEqual(after)
  })

  it('that cannot be done says which jobs it is for', () => {
    expect(decideJob({ type: 'roll-back', by: 'ada' }, jobOf({}, started))).toEqual({
      ok: false,
      rule: 'needs a job that is paused, aborted or done, and this one is running',
    })
  })
})

describe('failures', () => {
  const acknowledgement = { withinSeconds: 60, failureShareMax: 0.2 }
  const kindsOf = (more: object, counts: Partial<JobProgress>) =>
    decideFailures(jobOf({ acknowledgement: { ...acknowledgement, ...more } }, started), counts).map(({ type }) => type)

  it('stop a job by their share, once it says something, or by their number', () => {
    expect(kindsOf({}, { failed: 2, acknowledged: 8 })).toEqual([])
    expect(kindsOf({}, { failed: 3, acknowledged: 7 })).toEqual(['job-aborted'])
    expect(kindsOf({}, { failed: 9 })).toEqual([])
    expect(kindsOf({ failuresMax: 1 }, { failed: 2, acknowledged: 98 })).toEqual(['job-aborted'])
    expect(kindsOf({ failuresMax: 0, onFailure: 'roll-back' }, { failed: 1 })).toEqual([
      'job-aborted',
      'roll-back-started',
    ])
  })

  it('of a job that does not ask for acknowledgement are none', () => {
    expect(decideFailures(jobOf({}, started), { failed: 100 })).toEqual([])
  })
})

describe('one agent', () => {
  const job = jobOf({ condition: { desired: { level: 'info' }, reported: { ready: true } } })
  const with_ = (desired: object | null, reported: object): AgentDocument => {
    const agent = agentDocument({ properties: JSON.stringify(reported) })
    if (desired === null) return agent
    const decision = changeDesired(
      agent,
      { how: 'replace', properties: { ...desired }, changedBy: 'ada', ifVersion: 0, jobId: null },
      testNowMs,
    )
    if (decision.kind !== 'changed') throw new Error('a first change is made')
    return { ...agent, ...decision.fields }
  }

  it('is written where the condition holds', () => {
    const met = with_({ level: 'info', more: 1 }, { ready: true, level: 'info' })
    expect(patchAgent(job, met, testNowMs)).toMatchObject({
      outcome: { outcome: 'written' },
      fields: { desired: { version: 2, properties: '{"level":"debug","more":1}', jobId: 'j1' }, inSync: false },
    })
    expect(patchAgent(job, with_(null, { ready: true }), testNowMs)).toEqual({
      outcome: { agentId: 'agent-1', outcome: 'skipped', reason: 'it has other desired properties' },
    })
    expect(patchAgent(job, with_({ level: 'info' }, {}), testNowMs).outcome.reason).toBe('it reports other properties')
    const versioned = jobOf({ condition: { desiredVersion: 0 } })
    expect(patchAgent(versioned, met, testNowMs).outcome.reason).toBe('its desired version is 1, not 0')
    expect(patchAgent(jobOf(), with_({ level: 'debug' }, {}), testNowMs)).toEqual({
      outcome: { agentId: 'agent-1', outcome: 'unchanged' },
    })
  })

  it('that is written and rolled back desires what it did before, and of another writer is left alone', () => {
    fc.assert(
      fc.property(
        fc.option(fc.dictionary(fc.constantFrom('level', 'a'), fc.integer())),
        fc.boolean(),
        (desired, other) => {
          const before = with_(desired && { ...desired }, {})
          const { outcome, fields } = patchAgent(jobOf(), before, testNowMs)
          let agent: AgentDocument = { ...before, ...fields }
          if (other) agent = { ...agent, desired: agent.desired && { ...agent.desired, jobId: 'j2' } }
          const restored = restoreAgent(jobOf(), outcome, agent, testNowMs)
          expect(restored.outcome.outcome).toBe(other ? 'conflict' : 'restored')
          if (!other) {
            expect(JSON.parse(restored.fields?.desired.properties ?? '')).toEqual(desired ?? {})
            expect(restored.fields?.desired).toMatchObject({ version: (before.desired?.version ?? 0) + 2, jobId: null })
          }
        },
      ),
    )
  })

  it('is judged by whether it is in sync with what the job wrote', () => {
    const { outcome, fields } = patchAgent(jobOf(), agentDocument(), testNowMs)
    const agent = agentDocument({ ...fields })
    const judged = (one: AgentDocument | undefined) => judgeAgent(jobOf(), outcome, one).outcome
    expect(judged(agent)).toBe('failed')
    expect(judged({ ...agent, inSync: true })).toBe('acknowledged')
    expect(judged(undefined)).toBe('superseded')
    expect(judged({ ...agent, desired: null })).toBe('superseded')
    const skipped = { agentId: 'agent-1', outcome: 'skipped' as const }
    expect(judgeAgent(jobOf(), skipped, agent)).toEqual(skipped)
  })
})
