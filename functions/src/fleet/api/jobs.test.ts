import { collections, JobAgents, JobPreview, JobView, ProblemDetails } from '@infinity-matrix/contracts'
import { newKeyRange } from '@infinity-matrix/core/ramp'
import { agentDocument } from '@infinity-matrix/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { RangeFullError } from '../../runtime/governor.ts'
import { remindAll } from '../remindDesired.ts'
import { startEngines, type Engines } from '../testing.ts'
import { serveJobs } from './jobs.ts'
import { openApp, type OpenedApp } from '../../runtime/testing.ts'

let engines: Engines
let app: OpenedApp
let isFull = false
const rangeFull = () => {
  const share = { perSecond: 0, wantedPerSecond: 1, untilMs: 0 }
  return new RangeFullError('agents', { range: newKeyRange(0), share, changeableAtMs: 0, isFair: true }, 0, 12_000)
}

beforeAll(async () => {
  engines = await startEngines('demo-jobs-api')
  app = await openApp((routes) =>
    serveJobs(routes, engines.context, {
      untilMs: () => engines.context.nowMs() + 20_000,
      admit: async () => {
        if (isFull) throw rangeFull()
      },
      sleep: async (ms) => engines.pass(ms / 1000),
    }),
  )
  const agents = engines.context.firestore.collection(collections.agents)
  for (const [agentId, status] of [
    ['a', 'failed'],
    ['b', 'running'],
    ['c', 'failed'],
  ] as const)
    await agents.doc(agentId).set(agentDocument({ agentId, tenant: 'jobs', status }))
})
afterAll(() => engines.close())

const post = async (path: string, body?: object) =>
  app.request(path, {
    method: 'POST',
    ...(body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}),
  })
const bodyOf = async <T>(schema: z.ZodType<T>, answer: Response | Promise<Response>): Promise<T> =>
  schema.parse(await (await answer).json())
const request = (jobId: string, more: object = {}) => ({
  jobId,
  filter: { tenant: 'jobs', status: 'failed' },
  patch: { level: 'debug' },
  ...more,
})

describe('a job over HTTP', () => {
  it('is tried dry, made, run, shown, and rolled back', async () => {
    const preview = await bodyOf(JobPreview, post('/v1/jobs?dryRun=true', request('j1')))
    expect(preview).toMatchObject({ agents: 2, sample: [{ agentId: 'a', outcome: 'written' }, { agentId: 'c' }] })
    expect((await app.request('/v1/jobs/j1')).status).toBe(404)

    const made = await post('/v1/jobs', request('j1'))
    expect([made.status, made.headers.get('location')]).toEqual([201, '/v1/jobs/j1'])
    expect(await bodyOf(JobView, made)).toMatchObject({ state: { status: 'planned' }, createdBy: 'person/tester' })
    expect(await bodyOf(JobView, post('/v1/jobs/j1/run'))).toMatchObject({
      state: { status: 'done' },
      progress: { examined: 2, written: 2 },
    })
    expect(await bodyOf(JobAgents, app.request('/v1/jobs/j1/agents'))).toMatchObject({
      agents: [
        { agentId: 'a', outcome: 'written' },
        { agentId: 'c', outcome: 'written' },
      ],
    })
    expect(await bodyOf(JobView, post('/v1/jobs/j1/roll-back'))).toMatchObject({ state: { status: 'rolling-back' } })
    expect(await bodyOf(JobView, post('/v1/jobs/j1/run'))).toMatchObject({ state: { status: 'rolled-back' } })
    const listed = await bodyOf(z.object({ jobs: z.array(JobView) }), app.request('/v1/jobs?pageSize=1'))
    expect(listed.jobs.map(({ jobId }) => jobId)).toEqual(['j1'])
  })

  it('whose agents take no more writes now is to be run again later', async () => {
    await post('/v1/jobs', request('held-back', { filter: { tenant: 'nobody' } }))
    isFull = true
    const refused = await post('/v1/jobs/held-back/run')
    isFull = false
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '12'])
    expect((await bodyOf(ProblemDetails, refused)).detail).toMatch(/^agents takes \d+ writes a second now/)
    expect(await bodyOf(JobView, post('/v1/jobs/held-back/run'))).toMatchObject({ state: { status: 'done' } })
  })

  it('that was made already is not made again', async () => {
    await post('/v1/jobs', request('twice'))
    const again = await post('/v1/jobs', request('twice', { patch: { level: 'info' } }))
    expect(again.status).toBe(409)
    expect((await bodyOf(ProblemDetails, again)).current).toMatchObject({ jobId: 'twice', patch: { level: 'debug' } })
  })

  it('refuses a command that its status does not allow, and says which do', async () => {
    await post('/v1/jobs', request('refusing'))
    const refused = await post('/v1/jobs/refusing/roll-back')
    expect(refused.status).toBe(409)
    expect((await bodyOf(ProblemDetails, refused)).errors).toEqual([
      { field: 'status', rule: 'needs a job that is paused, aborted or done, and this one is planned' },
    ])
    expect(await bodyOf(JobView, post('/v1/jobs/refusing/abort'))).toMatchObject({
      state: { status: 'aborted', reason: 'by person/tester' },
    })
    expect(await bodyOf(JobView, post('/v1/jobs/refusing/run'))).toMatchObject({ progress: { examined: 0 } })
  })

  it.each([
    [{ agentsPerSecond: 501 }, 'agentsPerSecond', 'must be a number from 0.1 to 500'],
    [{ jobId: 'A job' }, 'jobId', 'must be 1 to 64 of a-z, 0-9 or -, and start with a letter or digit'],
    [{ patch: [] }, 'patch', 'must be a JSON object'],
    [{ filter: { status: 'gone' } }, 'filter.status', 'must be one of new, running'],
    [{ filter: { colour: 'red' } }, 'filter', 'may have tenant, region, tier, status, kind, inSync and labels'],
    [{ condition: { desiredVersion: -1 } }, 'condition.desiredVersion', 'must be a whole number from 0'],
    [{ acknowledgement: { withinSeconds: 1 } }, 'acknowledgement.withinSeconds', 'must be a number from 5 to 86400'],
  ])('with %j is refused with the rule', async (more, field, rule) => {
    const refused = await post('/v1/jobs', request('bad', more))
    expect(refused.status).toBe(422)
    expect((await bodyOf(ProblemDetails, refused)).errors).toEqual([
      { field, rule: expect.stringContaining(rule) as string },
    ])
  })
})

describe('a reminder', () => {
  it('tells agents that are not in sync, once they had their time', async () => {
    await post('/v1/jobs', request('reminding', { filter: { tenant: 'jobs', status: 'running' } }))
    await post('/v1/jobs/reminding/run')
    const told = await engines.listenTo('firebase.realtime-sync')
    await remindAll(engines.context)
    engines.pass(60)
    await remindAll(engines.context)
    const toB = async () => JSON.parse(await told.next()) as { subject: string; data: object }
    expect(await toB()).toMatchObject({ subject: 'agents/b', data: { desiredVersion: 1, delta: { level: 'debug' } } })
    await told.stop()
    expect(told.texts).toEqual([])
  })
})
