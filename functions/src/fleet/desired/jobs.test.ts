import { randomUUID } from 'node:crypto'
import {
  AgentDocument,
  collections,
  JobDocument,
  JobPage,
  JobRequest,
  type AgentOutcome,
  type Properties,
} from '@infinity-matrix/contracts'
import { decideJob, evolveJob, planJob, type JobCommand } from '@infinity-matrix/core/fleet'
import { agentDocument } from '@infinity-matrix/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Context } from '../../runtime/context.ts'
import { applyDesiredChange } from './desired.ts'
import { jobReference, workOnJob } from './jobs.ts'
import { mortal, startEngines, type Engines } from '../testing.ts'

let engines: Engines

beforeAll(async () => {
  engines = await startEngines('demo-jobs')
})
afterAll(() => engines.close())

const agentCount = 5
/** A fleet of its own: agents, and a job that is planned for them. */
const planned = async (request: object = {}, count = agentCount) => {
  const { firestore, nowMs } = engines.context
  const tenant = `t-${randomUUID().slice(0, 8)}`
  const ids = Array.from({ length: count }, (_, index) => `${tenant}.${index}`)
  await Promise.all(
    ids.map((agentId) => firestore.collection(collections.agents).doc(agentId).set(agentDocument({ agentId, tenant }))),
  )
  const jobId = `job-${tenant}`
  // Two agents a second: pages of two, two and one.
  const asked = JobRequest.parse({ filter: { tenant }, patch: { level: 'debug' }, agentsPerSecond: 2, ...request })
  await jobReference(firestore, jobId).create(planJob(jobId, asked, 'ada', nowMs()))
  return { jobId, ids }
}
const work = (jobId: string, context: Context = engines.context, seconds = 100) =>
  workOnJob(context, jobId, {
    untilMs: context.nowMs() + seconds * 1000,
    admit: async () => undefined,
    sleep: async (ms) => engines.pass(ms / 1000),
  })
const command = async (jobId: string, asked: JobCommand) => {
  const reference = jobReference(engines.context.firestore, jobId)
  const job = JobDocument.parse((await reference.get()).data())
  const decision = decideJob(asked, job)
  if (!decision.ok) throw new Error(decision.rule)
  await reference.set(evolveJob(job, decision.events, engines.context.nowMs()))
}
const jobOf = async (jobId: string) =>
  JobDocument.parse((await jobReference(engines.context.firestore, jobId).get()).data())
const outcomesOf = async (jobId: string): Promise<AgentOutcome[]> => {
  const pages = await jobReference(engines.context.firestore, jobId).collection(collections.pages).get()
  return pages.docs.flatMap((page) => JobPage.parse(page.data()).agents)
}
const agentOf = async (agentId: string) =>
  AgentDocument.parse((await engines.context.firestore.collection(collections.agents).doc(agentId).get()).data())
const agentsOf = (ids: readonly string[]) => Promise.all(ids.map(agentOf))
const operatorWrites = (agentId: string, properties: Properties) =>
  applyDesiredChange(engines.context, agentId, {
    how: 'replace',
    properties,
    changedBy: 'operator',
    ifVersion: undefined,
    jobId: null,
  })

describe('a job', () => {
  it('writes every agent once, at its rate, and ends', async () => {
    const { jobId, ids } = await planned()
    const startedMs = engines.context.nowMs()
    await work(jobId)
    expect(await jobOf(jobId)).toMatchObject({
      status: 'done',
      progress: { examined: agentCount, written: agentCount, skipped: 0 },
    })
    expect((await agentsOf(ids)).map(({ desired }) => desired)).toEqual(
      ids.map(() => expect.objectContaining({ version: 1, properties: '{"level":"debug"}', jobId }) as unknown),
    )
    expect(engines.context.nowMs() - startedMs).toBe(2000)
  })

  it('stops between pages when it is paused, and goes on where it was', async () => {
    const { jobId } = await planned()
    await work(jobId, engines.context, 0.5)
    await command(jobId, { type: 'pause', by: 'ada' })
    await work(jobId)
    expect(await jobOf(jobId)).toMatchObject({ status: 'paused', progress: { written: 2 } })
    await command(jobId, { type: 'resume' })
    await work(jobId)
    expect(await jobOf(jobId)).toMatchObject({ status: 'done', progress: { written: agentCount } })
  })

  it('is worked on by one worker at a time', async () => {
    const { jobId } = await planned()
    await Promise.all([work(jobId), work(jobId), work(jobId)])
    expect(await jobOf(jobId)).toMatchObject({ progress: { written: agentCount } })
  })

  it('stops when too many agents are not in sync in time, and is rolled back where it asks for that', async () => {
    const acknowledgement = { withinSeconds: 15, failuresMax: 1, onFailure: 'roll-back' }
    const { jobId, ids } = await planned({ acknowledgement, agentsPerSecond: 0.1 })
    await operatorWrites(ids[0] ?? '', { level: 'info', kept: true })
    await work(jobId, engines.context, 1000)
    const job = await jobOf(jobId)
    expect(job).toMatchObject({ status: 'rolled-back', progress: { failed: 2, restored: 3, conflicts: 0, written: 3 } })
    const [first, , , fourth] = await agentsOf(ids)
    expect(first?.desired).toMatchObject({ properties: '{"level":"info","kept":true}', jobId: null })
    expect(fourth?.desired).toBeNull()
  })
})

/** Runs with a worker that dies at its n-th effect, for every n there is; then another takes over. */
const everyDeath = async (
  run: (die: (context: Context) => { context: Context; isDead: () => boolean }) => Promise<boolean>,
) => {
  let deaths = 0
  for (const when of ['before', 'after'] as const)
    for (let nth = 0; ; nth++) {
      const hasDied = await run((context) => mortal(context, nth, when))
      if (!hasDied) break
      deaths++
    }
  return deaths
}

describe('a worker that dies', () => {
  // Pages of two and of one.
  const few = 3

  it('anywhere while it writes: the next repeats nothing and leaves nothing out', async () => {
    const deaths = await everyDeath(async (die) => {
      const { jobId, ids } = await planned({}, few)
      const { context, isDead } = die(engines.context)
      await work(jobId, context).catch(() => undefined)
      // Somebody desires something else of what was written: a repetition would show as a third version.
      const written = (await agentsOf(ids)).filter(({ desired }) => desired?.jobId === jobId)
      for (const { agentId } of written) await operatorWrites(agentId, { level: 'mine' })
      engines.pass(200)
      await work(jobId)

      expect(await jobOf(jobId)).toMatchObject({
        status: 'done',
        progress: { examined: few, written: few },
      })
      expect((await outcomesOf(jobId)).map(({ agentId }) => agentId)).toEqual(ids)
      const wasWritten = new Set(written.map(({ agentId }) => agentId))
      for (const { agentId, desired } of await agentsOf(ids))
        expect(desired).toMatchObject(
          wasWritten.has(agentId)
            ? { version: 2, properties: '{"level":"mine"}' }
            : { version: 1, properties: '{"level":"debug"}', jobId },
        )
      return isDead()
    })
    expect(deaths).toBeGreaterThan(12)
  }, 60_000)

  it('anywhere while it rolls back: each agent is restored once, or left to who changed it since', async () => {
    const deaths = await everyDeath(async (die) => {
      const { jobId, ids } = await planned({}, few)
      await operatorWrites(ids[0] ?? '', { before: true })
      await work(jobId)
      await operatorWrites(ids[1] ?? '', { level: 'mine' })
      await command(jobId, { type: 'roll-back', by: 'ada' })
      const { context, isDead } = die(engines.context)
      await work(jobId, context).catch(() => undefined)
      engines.pass(200)
      await work(jobId)

      expect(await jobOf(jobId)).toMatchObject({ status: 'rolled-back', progress: { restored: 2, conflicts: 1 } })
      expect((await agentsOf(ids)).map(({ desired }) => [desired?.version, desired?.properties])).toEqual([
        [3, '{"before":true}'],
        [2, '{"level":"mine"}'],
        [2, '{}'],
      ])
      return isDead()
    })
    expect(deaths).toBeGreaterThan(10)
  }, 60_000)

  it('or was only slow, writes no more once another holds the lease', async () => {
    const { jobId, ids } = await planned({}, few)
    let isOther = false
    await expect(
      workOnJob(engines.context, jobId, {
        untilMs: engines.context.nowMs() + 1e9,
        admit: async () => undefined,
        sleep: async () => {
          if (isOther) return
          isOther = true
          engines.pass(200)
          await work(jobId)
        },
      }),
    ).rejects.toMatchObject({ code: 'lease-lost' })
    expect((await agentsOf(ids)).map(({ desired }) => desired?.version)).toEqual(ids.map(() => 1))
  })
})
