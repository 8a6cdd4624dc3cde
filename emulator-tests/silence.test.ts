import { randomUUID } from 'node:crypto'
import { collections, topics, type AgentEvent } from '@infinity-matrix/contracts'
import { observationJson, reportJson, waitFor } from '@infinity-matrix/testing'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { fireSchedule } from './clock.ts'
import { agentOf, agentWhen, firestore, fresh, listenTo, publish, pubsub, uniqueTenant } from './suite.ts'

// A sweeper's worker takes its time to start on a busy machine, and one that did not gets its order again after a minute.
const deadlineSeconds = 120
vi.setConfig({ testTimeout: 2 * deadlineSeconds * 1000 })

const newAgentId = () => `agent-${randomUUID()}`

afterAll(async () => {
  await pubsub.close()
  await firestore.terminate()
})

// A heartbeat of long ago is of a silent agent, and one of now of an agent that will be heard until the test is over.
const silenceBoundSeconds = 300
const longAgoSeconds = 600

/** A running agent of a tenant of its own, which says what a test wants it to. */
const runningAgent = async (tier: AgentEvent['tier'] = 'standard') => {
  const agentId = newAgentId()
  const overrides = { agentId, tenant: uniqueTenant(), tier }
  await publish(topics.stateChanges.name, [fresh(reportJson('agent.started.v1', 1, { kind: 'worker' }, overrides))])
  await agentWhen(agentId, ({ lastSequence }) => lastSequence === 1)
  const heartbeat = (data: object = {}, secondsAgo = 0) => ({
    ...fresh(observationJson('agent.heartbeat.v1', { silenceBoundSeconds, ...data }, overrides)),
    time: new Date(Date.now() - secondsAgo * 1000).toISOString(),
  })
  /** In one message, so that a sweeper hears all of them or none. */
  const beat = (...events: object[]) => publish(topics.healthChecks.name, [{ events }]).then(() => undefined)
  return { ...overrides, heartbeat, beat }
}

/** Sends a sweeper out when these agents' heartbeats are stored: one that finds nobody to watch ends. */
const sweep = async (agents: readonly { agentId: string }[]) => {
  await waitFor('heartbeats in pulses or cells', async () => {
    const rosters = await Promise.all(
      [collections.pulses, collections.cells].map(async (name) => {
        const { docs } = await firestore.collection(name).get()
        return docs.map((document) => String(document.get('roster')))
      }),
    )
    return agents.every(({ agentId }) => rosters.flat().some((roster) => roster.includes(agentId))) ? true : undefined
  })
  await fireSchedule('fleet-sweepSilent')
}

/** The silence events of some agents that are published while `during` runs. */
const silencesOf = async (agentIds: readonly string[], during: () => Promise<void>) => {
  const listener = await listenTo(topics.stateChanges.name)
  try {
    await during()
    return listener.messages
      .map(({ data }) => JSON.parse(data.toString()) as AgentEvent & { subject: string })
      .filter(
        ({ subject, type }) => agentIds.includes(subject.slice('agents/'.length)) && !type.startsWith('agent.start'),
      )
  } finally {
    await listener.close()
  }
}

describe('heartbeats', () => {
  it('tell of a silence, with the last will, and of its end, and touch no agent document', async () => {
    const agent = await runningAgent()
    const { agentId, heartbeat, beat } = agent
    const version = (await agentOf(agentId))?.version
    const events = await silencesOf([agentId], async () => {
      await beat(heartbeat({ will: { page: 'ops' } }, longAgoSeconds))
      await sweep([agent])
      await agentWhen(agentId, ({ presence }) => presence?.status === 'silent', deadlineSeconds)
      await beat(heartbeat())
      await agentWhen(agentId, ({ presence }) => presence?.status === 'heard', deadlineSeconds)
    })
    expect(events.map(({ type }) => type)).toEqual(['agent.went-silent.v1', 'agent.heard-again.v1'])
    expect(events[0]?.data).toMatchObject({ silenceBoundSeconds, will: { page: 'ops' } })
    expect((await agentOf(agentId))?.version).toBe((version ?? 0) + 2)
  })

  it('alert people when an agent of a high tier goes silent', async () => {
    const [elite, standard] = [await runningAgent('elite'), await runningAgent()]
    for (const { beat, heartbeat } of [standard, elite]) await beat(heartbeat({}, longAgoSeconds))
    await sweep([elite, standard])
    for (const { agentId } of [standard, elite])
      await agentWhen(agentId, ({ presence }) => presence?.status === 'silent', deadlineSeconds)
    const alertsOf = async ({ agentId }: { agentId: string }) => {
      const found = await firestore.collection(collections.alerts).where('subject', '==', `agents/${agentId}`).get()
      return found.docs.map((alert) => String(alert.get('code')))
    }
    await waitFor('an alert', async () => ((await alertsOf(elite)).length > 0 ? true : undefined), { deadlineSeconds })
    expect([await alertsOf(elite), await alertsOf(standard)]).toEqual([['agent-silent'], []])
  })

  it('of many agents in one message are heard like single ones', async () => {
    const agents = await Promise.all(Array.from({ length: 8 }, () => runningAgent()))
    const [alive, dead] = [agents.slice(0, 4), agents.slice(4)]
    const events = [
      ...agents.map(({ heartbeat }) => heartbeat({}, longAgoSeconds)),
      ...alive.map(({ heartbeat }) => heartbeat()),
    ]
    await publish(topics.healthChecks.name, [{ events }])
    await sweep(agents)
    for (const { agentId } of dead)
      await agentWhen(agentId, ({ presence }) => presence?.status === 'silent', deadlineSeconds)
    for (const { agentId } of alive) expect((await agentOf(agentId))?.presence).toBeNull()
  })

  it('tell of a capability that no longer works apart from its agent', async () => {
    const started = await runningAgent()
    const { agentId, heartbeat, beat } = started
    const capabilities = { gpu: { silenceBoundSeconds }, web: { silenceBoundSeconds: 3600 } }
    await beat(heartbeat({ capabilities }, longAgoSeconds), heartbeat())
    await sweep([started])
    const agent = await agentWhen(agentId, ({ capabilities: known }) => 'gpu' in known, deadlineSeconds)
    expect(agent).toMatchObject({ presence: null, capabilities: { gpu: { status: 'silent' } } })
    expect(Object.keys(agent.capabilities)).toEqual(['gpu'])
  })

  it('that say the agent leaves end the watch, and its will is void', async () => {
    const [left, died] = [await runningAgent(), await runningAgent()]
    const events = await silencesOf([left.agentId, died.agentId], async () => {
      const last = left.heartbeat({ leaving: true }, longAgoSeconds)
      await left.beat(left.heartbeat({ will: { page: 'ops' } }, longAgoSeconds + 1), last)
      await died.beat(died.heartbeat({}, longAgoSeconds))
      await sweep([left, died])
      await agentWhen(died.agentId, ({ presence }) => presence?.status === 'silent', deadlineSeconds)
    })
    expect(events.map(({ subject }) => subject)).toEqual([`agents/${died.agentId}`])
  })
})
