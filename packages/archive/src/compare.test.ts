import { parseEvent, type AgentDocument } from '@infinity-matrix/contracts'
import { fold, type Delivery, type StoredAgent } from '@infinity-matrix/core/fleet'
import { history, reportJson, testNowMs, troubled } from '@infinity-matrix/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Archive, ArchivedEvent } from './archive.ts'
import { compareAgents } from './compare.ts'
import { foldHistory, rebuildAgent } from './rebuild.ts'

type Json = Pick<ReturnType<typeof reportJson>, 'sequence'> & { subject: string }

const publishedAt = (index: number) => new Date(testNowMs + index).toISOString()

const archived = (events: readonly Json[]): ArchivedEvent[] =>
  events.map((event, index) => ({
    agentId: event.subject.slice('agents/'.length),
    publishedAt: publishedAt(index),
    raw: JSON.stringify(event),
  }))

/** An archive in memory; it must be given agents together, in the order of their ids. */
const archiveOf = (events: readonly Json[]): Archive => ({
  async *events({ agentIds, untilMs = Infinity } = {}) {
    for (const event of archived(events))
      if ((agentIds?.has(event.agentId) ?? true) && Date.parse(event.publishedAt) <= untilMs) yield event
  },
})

const stored = (events: readonly Json[], nowMs = testNowMs + 1_000_000): StoredAgent => {
  const deliveries = events.map((event, index): Delivery => {
    const parsed = parseEvent(event, testNowMs)
    if (!parsed.ok) throw new Error(parsed.problem.rule)
    return { event: parsed.value, raw: JSON.stringify(event), publishedAt: publishedAt(index) }
  })
  const { agent } = fold(undefined, deliveries, nowMs)
  if (!agent) throw new Error('nothing to store')
  return agent
}

const compare = async (archive: Archive, agents: readonly StoredAgent[]) => {
  const found: Record<string, unknown> = {}
  for await (const { agentId, differences, unseen } of compareAgents(archive, agents))
    found[agentId] = unseen ? { differences, unseen } : differences
  return found
}

const runOf = (agentId: string): Json[] => [
  reportJson('agent.started.v1', 1, { kind: 'worker' }, { agentId }),
  reportJson('agent.step-taken.v1', 2, { step: 'acted', costUsd: 0.25 }, { agentId }),
  reportJson('agent.finished.v2', 3, { outcome: 'success' }, { agentId }),
]

describe('stored agents', () => {
  it('are equal to their histories, in whatever order and however often these were delivered', async () => {
    const everything = history({ lengthMax: 12 }).chain((events) => fc.tuple(fc.constant(events), troubled(events)))
    await fc.assert(
      fc.asyncProperty(everything, async ([events, delivered]) => {
        expect(await compare(archiveOf(events), [stored(delivered)])).toEqual({ 'agent-1': [] })
      }),
    )
  })

  it('with a report missing are equal too', async () => {
    const gap = runOf('a').filter(({ sequence }) => sequence !== 2)
    expect(await compare(archiveOf(gap), [stored(gap)])).toEqual({ a: [] })
  })

  it('that differ in one fact say which', async () => {
    const agent = stored(runOf('a'))
    const changed = (fields: Partial<AgentDocument>) => ({ ...agent, document: { ...agent.document, ...fields } })
    const { reported, transitions } = agent.document
    const facts: Partial<AgentDocument>[] = [
      { tenant: 'other' },
      { region: 'moon' },
      { status: 'failed' },
      { properties: '{"a":1}' },
      { reported: { ...reported, usage: { ...reported.usage, steps: 2 } } },
      { transitions: transitions.slice(transitions.indexOf('\n') + 1) },
    ]
    for (const fields of facts)
      expect(await compare(archiveOf(runOf('a')), [changed(fields)])).toEqual({ a: Object.keys(fields) })
    expect(await compare(archiveOf(runOf('a')), [changed({ version: 9, updatedAt: publishedAt(1) })])).toEqual({
      a: [],
    })
  })

  it('that lost their last report are told, as far as they go and what is missing', async () => {
    expect(await compare(archiveOf(runOf('a')), [stored(runOf('a').slice(0, 2))])).toEqual({
      a: { differences: [], unseen: { from: 3, to: 3 } },
    })
  })

  it('and histories that have no counterpart are told', async () => {
    const archive = archiveOf([...runOf('b'), ...runOf('d')])
    const agents = ['a', 'b', 'c', 'e'].map((agentId) => stored(runOf(agentId)))
    expect(await compare(archive, agents)).toEqual({
      a: ['not archived'],
      b: [],
      c: ['not archived'],
      d: ['not stored'],
      e: ['not archived'],
    })
  })
})

describe('an agent', () => {
  it('is rebuilt as it was at any time', async () => {
    const archive = archiveOf([...runOf('a'), ...runOf('b')])
    const statusAt = async (afterMs?: number) =>
      (await rebuildAgent(archive, 'b', afterMs === undefined ? undefined : testNowMs + afterMs))?.agent?.document
        .status
    expect([await statusAt(2), await statusAt(3), await statusAt(4), await statusAt()]).toEqual([
      undefined,
      'running',
      'running',
      'succeeded',
    ])
  })

  it('with more events than are held at once is rebuilt as one with few', async () => {
    const steps = Array.from({ length: 2500 }, (_, index) =>
      reportJson('agent.step-taken.v1', index + 2, { step: 'acted' }),
    )
    const events = archived([reportJson('agent.started.v1', 1, { kind: 'worker' }), ...steps])
    async function* all() {
      yield* events
    }
    const { agent, events: count } = await foldHistory({ events: all() })
    expect([count, agent?.document.lastSequence, agent?.document.reported.usage.steps]).toEqual([2501, 2501, 2500])
  })
})
