import { randomUUID } from 'node:crypto'
import {
  amountMax,
  collections,
  countMax,
  deadLetterTopic,
  parseEvent,
  topics,
  transitionsOf,
  deadLetterIdOf,
} from '@infinity-matrix/contracts'
import { fold, type Delivery } from '@infinity-matrix/core/fleet'
import { reportJson, waitFor } from '@infinity-matrix/testing'
import { afterAll, describe, expect, it } from 'vitest'
import { advanceClock, fireSchedule, listSchedules } from './clock.ts'
import {
  agentOf,
  agentWhen,
  deadLettersOf,
  deadLetterWhen,
  firestore,
  fresh,
  listenTo,
  listenToDeadLetters,
  publish,
  pubsub,
  uniqueTenant,
} from './suite.ts'

const stateChanges = topics.stateChanges.name
const newAgentId = () => `agent-${randomUUID()}`

/** A run of `length` reports, first to last. */
const runOf = (agentId: string, length: number, tenant = uniqueTenant()) => {
  const overrides = { agentId, tenant }
  const steps = Array.from({ length: length - 2 }, (_, index) =>
    fresh(reportJson('agent.step-taken.v1', index + 2, { step: 'acted', tool: 'search', costUsd: 0.25 }, overrides)),
  )
  return [
    fresh(reportJson('agent.started.v1', 1, { kind: 'worker' }, overrides)),
    ...steps,
    fresh(reportJson('agent.finished.v2', length, { outcome: 'success', exitCode: 0 }, overrides)),
  ]
}
type Json = ReturnType<typeof runOf>[number]

/** What the pure fold makes of the same events in their order. */
const pureFold = (events: readonly Json[]) => {
  const deliveries = events.map((json): Delivery => {
    const parsed = parseEvent(json, Date.now())
    if (!parsed.ok) throw new Error(`test event is not valid: ${parsed.problem.rule}`)
    return { event: parsed.value, raw: JSON.stringify(json), publishedAt: json.time }
  })
  return fold(undefined, deliveries, Date.now()).agent?.document
}

const shuffled = <T>(items: readonly T[]): T[] =>
  items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)

afterAll(async () => {
  await pubsub.close()
  await firestore.terminate()
})

describe('a published report', () => {
  it('is folded into its agent', async () => {
    const agentId = newAgentId()
    const events = runOf(agentId, 4)
    await publish(stateChanges, events)
    const agent = await agentWhen(agentId, ({ lastSequence }) => lastSequence === 4)
    expect(agent).toMatchObject({
      status: 'succeeded',
      gapSince: null,
      reported: { usage: { steps: 2, costUsd: 0.5 }, finish: { outcome: 'success', exitCode: 0 } },
    })
    expect(transitionsOf(agent).map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4])
  })

  it('of a batch is folded like one that came alone', async () => {
    const [one, two] = [newAgentId(), newAgentId()]
    await publish(stateChanges, [{ events: shuffled([...runOf(one, 6), ...runOf(two, 5)]) }])
    expect((await agentWhen(one, ({ lastSequence }) => lastSequence === 6)).status).toBe('succeeded')
    expect((await agentWhen(two, ({ lastSequence }) => lastSequence === 5)).status).toBe('succeeded')
  })
})

describe('an agent that reports the largest figures there are', () => {
  it('can still be read, and goes on', async () => {
    const agentId = newAgentId()
    const overrides = { agentId, tenant: uniqueTenant() }
    const most = { costUsd: amountMax, tokensIn: countMax, tokensOut: countMax, observationBytes: countMax }
    const step = (sequence: number) =>
      fresh(reportJson('agent.step-taken.v1', sequence, { step: 'acted', ...most }, overrides))
    // One by one, so that each is folded on what the one before it stored.
    for (const event of [
      fresh(reportJson('agent.started.v1', 1, { kind: 'worker' }, overrides)),
      step(2),
      step(3),
      step(4),
    ]) {
      await publish(stateChanges, [event])
      await agentWhen(agentId, ({ lastSequence }) => lastSequence === event.sequence)
    }
    expect((await agentOf(agentId))?.reported.usage).toMatchObject({ ...most, steps: 3 })
  })
})

describe('trouble on the way', () => {
  it('duplicates and reordering leave each agent as the pure fold says', async () => {
    const histories = Array.from({ length: 12 }, () => runOf(newAgentId(), 12))
    const all = histories.flat()
    await publish(stateChanges, shuffled([...all, ...shuffled(all).slice(0, all.length / 2)]))
    for (const events of histories) {
      const expected = pureFold(events)
      const agent = await agentWhen(expected?.agentId ?? '', ({ lastSequence }) => lastSequence === 12, 60)
      expect(agent.reported).toEqual(expected?.reported)
      expect(agent.parked).toEqual([])
      expect(agent.gapSince).toBeNull()
      expect(transitionsOf(agent).map(({ sequence }) => sequence)).toEqual(
        expected && transitionsOf(expected).map(({ sequence }) => sequence),
      )
    }
  })

  it('function instances that fold one agent at once lose nothing', async () => {
    const agentId = newAgentId()
    const events = runOf(agentId, 80)
    await publish(stateChanges, shuffled(events))
    const agent = await agentWhen(agentId, ({ lastSequence }) => lastSequence === 80, 60)
    expect(agent.reported).toEqual(pureFold(events)?.reported)
  })

  it('a gap is dated, and healed by late arrival', async () => {
    const agentId = newAgentId()
    const [first, second, ...rest] = runOf(agentId, 6)
    await publish(
      stateChanges,
      [first, ...rest].filter((event) => event !== undefined),
    )
    const waiting = await agentWhen(agentId, ({ parked, lastSequence }) => parked.length === 4 && lastSequence === 1)
    expect(waiting.status).toBe('running')
    expect(waiting.gapSince).not.toBeNull()
    if (second) await publish(stateChanges, [second])
    expect(await agentWhen(agentId, ({ lastSequence }) => lastSequence === 6)).toMatchObject({
      status: 'succeeded',
      gapSince: null,
      parked: [],
    })
  })

  it('a gap with more waiting reports than the document holds is healed too', async () => {
    const agentId = newAgentId()
    const [first, second, ...rest] = runOf(agentId, 60)
    if (!first || !second) throw new Error('a run of 60 has a beginning')
    await publish(stateChanges, [{ events: [first, ...rest] }])
    expect(await agentWhen(agentId, ({ parkedElsewhere }) => parkedElsewhere === 26)).toMatchObject({ lastSequence: 1 })
    await publish(stateChanges, [second])
    await agentWhen(agentId, ({ lastSequence }) => lastSequence === 60)
    const left = await firestore.collection(collections.agents).doc(agentId).collection(collections.parked).get()
    expect(left.size).toBe(0)
  })

  it('a gap that outlives its bound is healed by the snapshot that the agent is asked for', async () => {
    const agentId = newAgentId()
    const tenant = uniqueTenant()
    const [first, , third] = runOf(agentId, 5, tenant)
    if (!first || !third) throw new Error('a run of 5 has three reports')
    await publish(stateChanges, [first, third])
    await agentWhen(agentId, ({ parked }) => parked.length === 1)
    const hourAgo = new Date(Date.now() - 3_600_000).toISOString()
    await firestore.collection(collections.agents).doc(agentId).update({ gapSince: hourAgo })

    const requests = await listenTo(topics.realtimeSync.name)
    await fireSchedule('fleet-sweepGaps')
    const request = await waitFor('a request for a snapshot', () =>
      requests.messages.find(({ attributes }) => attributes['ce-subject'] === `agents/${agentId}`),
    )
    await requests.close()
    expect(JSON.parse(request.data.toString())).toMatchObject({
      type: 'agent.resync-requested.v1',
      tenant,
      data: { afterSequence: 1, gapSince: hourAgo },
    })
    await agentWhen(agentId, ({ resyncRequestedAt }) => resyncRequestedAt !== null)

    const state = {
      status: 'running',
      run: { kind: 'worker', number: 1, startedAt: first.time },
      usage: { steps: 1, costUsd: 0.25, tokensIn: 0, tokensOut: 0, observationBytes: 0, toolCalls: {} },
    } as const
    await publish(stateChanges, [fresh(reportJson('agent.snapshot.v1', 2, { state }, { agentId, tenant }))])
    expect(await agentWhen(agentId, ({ lastSequence }) => lastSequence === 3)).toMatchObject({
      gapSince: null,
      resyncRequestedAt: null,
      reported: { usage: { steps: 2 } },
    })
  })
})

describe('what cannot be accepted', () => {
  it('is kept with its reason and original bytes, and announced on the dead-letter topic', async () => {
    const dead = await listenToDeadLetters()
    const bad = { ...fresh(reportJson('agent.started.v1', 1, { kind: 'worker' })), tier: 'gold' }
    const bytes = Buffer.from(JSON.stringify(bad))
    const [messageId = ''] = await publish(stateChanges, [bytes])
    const letter = await deadLetterWhen(messageId)
    expect(letter).toMatchObject({
      topic: stateChanges,
      code: 'bad-envelope',
      field: 'tier',
      rule: 'must be one of elite, mastery, standard',
      subject: 'agents/agent-1',
    })
    expect(Buffer.from(letter.original ?? []).equals(bytes)).toBe(true)
    const announced = await waitFor(`a message on ${deadLetterTopic(stateChanges)}`, () =>
      dead.messages.find(({ attributes }) => attributes['deadLetterId'] === deadLetterIdOf(messageId, 0)),
    )
    await dead.close()
    expect(announced.data.equals(bytes)).toBe(true)
    expect(announced.attributes).toMatchObject({ deadLetterCode: 'bad-envelope' })
  })

  it('in a batch leaves the rest of it alone', async () => {
    const agentId = newAgentId()
    const [first, second] = runOf(agentId, 4)
    const [messageId = ''] = await publish(stateChanges, [{ events: [first, { nonsense: true }, second] }])
    await agentWhen(agentId, ({ lastSequence }) => lastSequence === 2)
    expect(await deadLetterWhen(messageId, 1)).toMatchObject({ code: 'bad-envelope', field: 'specversion' })
  })

  it('an illegal transition takes its place in the order and is kept', async () => {
    const agentId = newAgentId()
    const run = runOf(agentId, 3)
    const late = fresh(
      reportJson('agent.step-taken.v1', 4, { step: 'acted' }, { agentId, tenant: run[0]?.tenant ?? '' }),
    )
    await publish(stateChanges, [{ events: [...run, late] }])
    const agent = await agentWhen(agentId, ({ lastSequence }) => lastSequence === 4)
    expect(transitionsOf(agent).at(-1)).toMatchObject({
      status: 'succeeded',
      refused: expect.stringContaining('agent.step-taken.v1'),
    })
    const [letter] = await deadLettersOf(agentId)
    expect(letter).toMatchObject({ code: 'illegal-transition', subject: `agents/${agentId}` })
  })

  it('of another tenant leaves the agent alone', async () => {
    const agentId = newAgentId()
    const tenant = uniqueTenant()
    const [start] = runOf(agentId, 3, tenant)
    if (!start) throw new Error('a run has a start')
    const foreign = { ...start, tenant: uniqueTenant() }
    await publish(stateChanges, [start])
    await agentWhen(agentId, ({ lastSequence }) => lastSequence === 1)
    await publish(stateChanges, [{ ...foreign, sequence: 2 }])
    const letter = await waitFor('a tenant mismatch', async () => (await deadLettersOf(agentId))[0])
    expect(letter).toMatchObject({ field: 'tenant', tenant: foreign.tenant })
    expect((await agentOf(agentId))?.lastSequence).toBe(1)
  })
})

describe('schedules', () => {
  it('are fired by the clock of the local engines, each minute', async () => {
    const schedules = await listSchedules()
    expect(schedules.map(({ name }) => name)).toEqual(expect.arrayContaining(['fleet-sweepGaps', 'fleet-sweepSilent']))
    const fired = await advanceClock(120)
    expect(fired.filter(({ name }) => name === 'fleet-sweepSilent').length).toBeGreaterThanOrEqual(2)
  })
})
