import { AgentDocument, type FoldReceipt } from '@infinity-matrix/contracts'
import { foldReceipt } from '@infinity-matrix/testing'
import { expect, test } from 'vitest'
import type { WireEvent } from '../events.ts'
import type { RecordedRun } from '../recordings/index.ts'
import { replay, type ReplayOptions } from './replay.ts'

const runs = ['a', 'b'].map((agentId): RecordedRun => ({
  agentId,
  started: { kind: 'test' },
  steps: [{ step: 'thought' }, { step: 'thought' }],
  finished: { outcome: agentId === 'a' ? 'success' : 'failure' },
}))

interface Faults {
  /** The place, from 1, of an event that never arrives. */
  loses?: number
  /** ... and of one that is folded, but its receipt is lost. */
  losesReceiptOf?: number
  /** Reports of others that receipts count too. */
  others?: number
}

/** A control plane in memory: knows each agent's last sequence, and ends an agent as the store would. */
const controlPlaneWith = ({ loses, losesReceiptOf, others = 0 }: Faults = {}) => {
  const stored = new Map<string, AgentDocument>()
  let tell: (receipt: FoldReceipt) => void = () => {}
  let published = 0
  let listeners = 0

  const fold = ({ subject, tenant, sequence = 0, type }: WireEvent) => {
    const agentId = subject.slice('agents/'.length)
    const before = stored.get(agentId)?.lastSequence ?? 0
    if (sequence <= before) return { duplicates: 1 }
    const now = new Date().toISOString()
    const usage = { steps: 0, costUsd: 0, tokensIn: 0, tokensOut: 0, observationBytes: 0, toolCalls: {} }
    const run = { kind: 'test', number: 1, startedAt: now }
    const outcome = agentId === 'a' ? 'success' : 'failure'
    const ended = { status: agentId === 'a' ? 'succeeded' : 'failed', run, usage, finish: { outcome, finishedAt: now } }
    const document = {
      agentId,
      tenant,
      region: 'local',
      tier: 'standard',
      status: 'running',
      reported: type === 'agent.finished.v2' ? ended : { status: 'running', run, usage },
      version: 1,
      lastSequence: sequence,
      parked: [],
      parkedElsewhere: 0,
      gapSince: null,
      hasGap: false,
      resyncRequestedAt: null,
      transitions: '',
      presence: null,
      createdAt: now,
      updatedAt: now,
    }
    stored.set(agentId, AgentDocument.parse(document))
    return { applied: 1, lagMs: [5] }
  }

  return {
    listeners: () => listeners,
    publish: (event: WireEvent) => {
      published += 1
      if (published === loses) return Promise.resolve()
      const receipt = foldReceipt(fold(event))
      if (published !== losesReceiptOf) tell(receipt)
      if (published === 1) tell(foldReceipt({ applied: others }))
      return Promise.resolve()
    },
    onReceipt: (handle: (receipt: FoldReceipt) => void) => {
      tell = handle
      listeners += 1
      return Promise.resolve({ close: () => Promise.resolve(void (listeners -= 1)) })
    },
    readAgents: (ids: readonly string[]) => Promise.resolve(ids.flatMap((id) => stored.get(id) ?? [])),
    countDeadLetters: () => Promise.resolve(4),
  }
}

const replayOn = async (controlPlane: ReturnType<typeof controlPlaneWith>, options: Partial<ReplayOptions> = {}) => {
  const warnings: string[] = []
  const { summary } = await replay(controlPlane, runs, {
    sender: { tenant: 'demo', region: 'local', tier: 'standard' },
    aheadMax: 3,
    idleSecondsMax: 0.5,
    signal: new AbortController().signal,
    onProgress: () => {},
    onWarning: (warning) => void warnings.push(warning),
    ...options,
  })
  return { summary, warnings }
}

test('each event is accounted for, and a second replay is all duplicates', async () => {
  const controlPlane = controlPlaneWith()
  const first = await replayOn(controlPlane)
  expect(first).toEqual({
    warnings: [],
    summary: {
      agents: 2,
      events: 8,
      applied: 8,
      duplicates: 0,
      parked: 0,
      deadLetters: 0,
      outcomes: { success: 1, failure: 1, completed: 0, cancelled: 0 },
      lagMs: { p50: 5, p95: 5, p99: 5 },
    },
  })
  const second = await replayOn(controlPlane)
  expect(second.summary).toMatchObject({ agents: 2, events: 8, applied: 0, duplicates: 8 })
  expect(controlPlane.listeners()).toBe(0)
})

test('an event that never becomes state is told, when nothing happens any more', async () => {
  const controlPlane = controlPlaneWith({ loses: 8 })
  await expect(replayOn(controlPlane)).rejects.toThrow('1 of 8 events have no receipt, and nothing happened for 0.5 s')
  expect(controlPlane.listeners()).toBe(0)
})

test('a lost receipt is a warning, since the runs are stored', async () => {
  const { summary, warnings } = await replayOn(controlPlaneWith({ losesReceiptOf: 5 }))
  expect(summary).toMatchObject({ agents: 2, applied: 7, outcomes: { success: 1, failure: 1 } })
  expect(warnings).toEqual([expect.stringContaining('1 of 8 events have no receipt, though every run is stored')])
})

test('reports of others meanwhile are a warning', async () => {
  const { warnings } = await replayOn(controlPlaneWith({ others: 2 }))
  expect(warnings).toEqual([expect.stringContaining('receipts count 2 events that are not of this replay')])
})

test('a stop ends it and takes the subscription away', async () => {
  const controlPlane = controlPlaneWith({ loses: 1 })
  const stop = new AbortController()
  const ran = replayOn(controlPlane, { signal: stop.signal, idleSecondsMax: 60 })
  stop.abort(new Error('stopped by a test'))
  await expect(ran).rejects.toThrow(/stopped by a test|abort/)
  expect(controlPlane.listeners()).toBe(0)
})
