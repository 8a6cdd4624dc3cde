import { randomInt } from 'node:crypto'
import { rebuildAgent } from '@infinity-matrix/archive'
import { collections } from '@infinity-matrix/contracts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openControlPlane, type ControlPlane } from '../packages/cli/src/control-plane.ts'
import { playHistory, type Moment } from '../packages/cli/src/rebuild/play.ts'
import { seededHistory, type HistoryPart } from '../packages/cli/src/rebuild/seeded-history.ts'
import { archiveOf, verify } from '../packages/cli/src/rebuild/verify.ts'
import { readSettings } from '../packages/cli/src/settings.ts'
import { firestore, pubsub, uniqueTenant } from './suite.ts'

const agents = 12
const tenant = uniqueTenant()
let controlPlane: ControlPlane
let moments: Moment[] = []
let agentIds: ReadonlySet<string> = new Set()

/** Whether reports of an agent wait for one that is missing when a part is at rest. One in twenty histories has none. */
const hasGap = (part: HistoryPart | undefined): boolean =>
  [...Map.groupBy(part?.messages.flat() ?? [], ({ subject }) => subject).values()].some((events) => {
    const sequences = new Set(events.map(({ sequence }) => sequence ?? 0))
    let missing = 1
    while (sequences.has(missing)) missing++
    const later = events.filter(({ sequence = 0 }) => sequence > missing)
    return later.length > 0 && later.every(({ type }) => type !== 'agent.snapshot.v1')
  })

// A history of a test's own, so that agents of other tests, which begin before the archive does, do not count.
beforeAll(async () => {
  controlPlane = await openControlPlane(readSettings())
  await controlPlane.ensureTopics()
  const sender = { tenant, region: 'local', tier: 'standard' } as const
  const draw = () => seededHistory(sender, { seed: randomInt(2 ** 31), agents, parts: 3, eventsPerPart: 6 })
  let history = draw()
  while (!hasGap(history[0])) history = draw()
  agentIds = new Set(
    history.flatMap(({ messages }) => messages.flat().map(({ subject }) => subject.slice('agents/'.length))),
  )
  moments = await playHistory(controlPlane, history, AbortSignal.timeout(300_000))
}, 310_000)

afterAll(async () => {
  await Promise.all([controlPlane.close(), pubsub.close(), firestore.terminate()])
})

const present = () => controlPlane.agentsInOrder(agentIds)

describe('the archive', () => {
  it('rebuilds every agent as it is stored, and as it was stored at each moment of rest', async () => {
    const archive = archiveOf(controlPlane)
    expect(await verify(archive, present, { agentIds })).toMatchObject({ agents, equal: agents, faults: [] })
    expect(moments).toHaveLength(3)
    for (const { atMs, stored } of moments)
      expect(await verify(archive, () => stored, { agentIds, untilMs: atMs })).toMatchObject({
        equal: agents,
        faults: [],
      })
  })

  it('had reports waiting for a missing one at some moment, and has them so again', async () => {
    const [waiting] = moments[0]?.stored.filter(({ document }) => document.parked.length > 0) ?? []
    if (!waiting) throw new Error('no agent of the history had a gap')
    const { agentId } = waiting.document
    const rebuilt = await rebuildAgent(archiveOf(controlPlane), agentId, moments[0]?.atMs)
    expect(rebuilt?.agent?.document.parked.map(({ sequence }) => sequence)).toEqual(
      waiting.document.parked.map(({ sequence }) => sequence),
    )
  })

  it('tells an agent whose stored state is not what its history says', async () => {
    const [agentId = ''] = agentIds
    await firestore.collection(collections.agents).doc(agentId).update({ 'reported.usage.steps': 99_999 })
    const verified = await verify(archiveOf(controlPlane), present, { agentIds }, { settleSecondsMax: 0 })
    expect(verified).toMatchObject({ equal: agents - 1, different: 1, faults: [`${agentId}: reported`] })
  })
})
