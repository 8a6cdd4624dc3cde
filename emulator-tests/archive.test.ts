import { execFile } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { rebuildAgent } from '@infinity-matrix/archive'
import { collections } from '@infinity-matrix/contracts'
import type { Message } from '@google-cloud/pubsub'
import { waitFor } from '@infinity-matrix/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openControlPlane, type ControlPlane } from '../packages/cli/src/control-plane.ts'
import { playHistory, type Moment } from '../packages/cli/src/rebuild/play.ts'
import { seededHistory } from '../packages/cli/src/rebuild/seeded-history.ts'
import { archiveOf, verify } from '../packages/cli/src/rebuild/verify.ts'
import { readSettings } from '../packages/cli/src/settings.ts'
import { firestore, pubsub, uniqueTenant } from './suite.ts'

const agents = 12
const tenant = uniqueTenant()
let controlPlane: ControlPlane
let moments: Moment[] = []
let agentIds: ReadonlySet<string> = new Set()

// A history of a test's own, so that agents of other tests, which begin before the archive does, do not count.
beforeAll(async () => {
  controlPlane = await openControlPlane(readSettings())
  await controlPlane.ensureTopics()
  const sender = { tenant, region: 'local', tier: 'standard' } as const
  const history = seededHistory(sender, { seed: randomInt(2 ** 31), agents, parts: 3, eventsPerPart: 6 })
  agentIds = new Set(
    history.flatMap(({ messages }) => messages.flat().map(({ subject }) => subject.slice('agents/'.length))),
  )
  moments = await playHistory(controlPlane, history, AbortSignal.timeout(300_000))
}, 310_000)

afterAll(async () => {
  await Promise.all([controlPlane.close(), pubsub.close(), firestore.terminate()])
})

const present = () => controlPlane.agentsInOrder(agentIds)

/** The sequences of an agent's reports as they were published between two times, each once. */
const publishedOrder = async (agentId: string, from = '', until = ''): Promise<number[]> => {
  const filter = { agentIds: new Set([agentId]), fromMs: Date.parse(from), untilMs: Date.parse(until) }
  const sequences: number[] = []
  for await (const { raw } of archiveOf(controlPlane).events(filter))
    sequences.push((JSON.parse(raw) as { sequence: number }).sequence)
  return sequences
}

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

describe('a replay from the archive', () => {
  it('brings what was published in a time to a new topic, the events of each agent in their order', async () => {
    const [first, second] = moments.map(({ atMs }) => new Date(atMs).toISOString())
    const topic = `replayed-${uniqueTenant()}`
    const [created] = await pubsub.createTopic(topic)
    const [subscription] = await created.createSubscription(topic, { enableMessageOrdering: true })
    const received = new Map<string, number[]>()
    subscription.on('message', (message: Message) => {
      const { subject, sequence } = JSON.parse(message.data.toString()) as { subject: string; sequence: number }
      received.set(subject, [...(received.get(subject) ?? []), sequence])
      message.ack()
    })
    const within = ['--from', first ?? '', '--until', second ?? '', '--tenant', tenant]
    const { stdout } = await promisify(execFile)(process.execPath, [
      join(import.meta.dirname, '../packages/cli/src/replay-archive.ts'),
      ...['--topic', topic, '--rate', '1000', '--json', ...within],
    ])
    const { sent } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { sent: number }
    // The second part has six reports of each agent, fewer where one is held back, and more where one was before.
    expect(Math.abs(sent - agents * 6)).toBeLessThanOrEqual(agents)
    const total = () => [...received.values()].reduce((sum, sequences) => sum + sequences.length, 0)
    await waitFor('all replayed events', () => (total() >= sent ? true : undefined))
    await subscription.close()
    expect(received.size).toBe(agents)
    for (const [subject, sequences] of received) {
      const published = await publishedOrder(subject.slice('agents/'.length), first, second)
      expect(sequences).toEqual(published)
    }
  })
})
