import {
  AgentDocument,
  amountMax,
  countMax,
  otherTools,
  parkedInDocumentMax,
  parkedMax,
  parseEvent,
  toolsMax,
  transitionsKept,
  transitionsOf,
  type ReportedState,
} from '@infinity-matrix/contracts'
import { history, observationJson, permutations, reportJson, testNowMs, troubled } from '@infinity-matrix/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { newAgent } from '../shared/reported-state.ts'
import { fold, type Delivery, type StoredAgent } from './index.ts'

const publishedAt = new Date(testNowMs).toISOString()

const delivery = (json: object): Delivery => {
  const parsed = parseEvent(json, testNowMs)
  if (!parsed.ok) throw new Error(`test event is not valid: ${parsed.problem.field} ${parsed.problem.rule}`)
  return { event: parsed.value, raw: JSON.stringify(json), publishedAt }
}

/** Folds one by one, each delivery on what the one before it stored. */
const foldEach = (events: readonly object[]) => {
  let stored: StoredAgent | undefined
  const verdicts = []
  const refused = []
  for (const json of events) {
    const folded = fold(stored, [delivery(json)], testNowMs)
    stored = folded.agent
    verdicts.push(...folded.verdicts)
    refused.push(...folded.refused)
  }
  return { document: stored?.document, parkedElsewhere: stored?.parkedElsewhere ?? [], verdicts, refused }
}
const foldTogether = (events: readonly object[]) => fold(undefined, events.map(delivery), testNowMs)

/** What must not depend on the order of arrival. */
const outcomeOf = (stored: StoredAgent | undefined) =>
  stored && {
    reported: stored.document.reported,
    status: stored.document.status,
    lastSequence: stored.document.lastSequence,
    transitions: transitionsOf(stored.document),
    parked: stored.document.parked,
  }

const started = reportJson('agent.started.v1', 1, { kind: 'worker' })
const acted = (sequence: number) => reportJson('agent.step-taken.v1', sequence, { step: 'acted', tool: 'search' })
const finished = (sequence: number) => reportJson('agent.finished.v2', sequence, { outcome: 'success', exitCode: 0 })

describe('in order', () => {
  it('a run from start to end', () => {
    const { document, verdicts } = foldEach([started, acted(2), acted(3), finished(4)])
    expect(verdicts).toEqual(['applied', 'applied', 'applied', 'applied'])
    expect(document).toMatchObject({ status: 'succeeded', lastSequence: 4, version: 4, gapSince: null })
    expect(document?.reported).toMatchObject({
      finish: { outcome: 'success' },
      usage: { steps: 2, toolCalls: { search: 2 } },
    })
    expect(document && transitionsOf(document).map(({ status }) => status)).toEqual([
      'running',
      'running',
      'running',
      'succeeded',
    ])
  })

  it('keeps the last transitions only', () => {
    const { document } = foldEach([started, ...Array.from({ length: 30 }, (_, index) => acted(index + 2))])
    expect(document && transitionsOf(document).map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: transitionsKept }, (_, index) => 12 + index),
    )
  })

  it('an agent that starts again begins its next run', () => {
    const { document } = foldEach([started, finished(2), { ...started, sequence: 3 }])
    expect(document).toMatchObject({ status: 'running', reported: { run: { number: 2 } } })
  })

  it('a report that cannot follow is refused, and takes its place', () => {
    const { document, verdicts, refused } = foldEach([started, finished(2), acted(3), { ...started, sequence: 4 }])
    expect(verdicts).toEqual(['applied', 'applied', 'applied', 'applied'])
    expect(refused).toMatchObject([
      { sequence: 3, raw: JSON.stringify(acted(3)), problem: { code: 'illegal-transition' } },
    ])
    expect(document).toMatchObject({ status: 'running', lastSequence: 4 })
    expect(document && transitionsOf(document)[2]).toMatchObject({
      sequence: 3,
      status: 'succeeded',
      refused: expect.stringContaining('succeeded'),
    })
  })
})

describe('whatever the order', () => {
  const short = [
    started,
    acted(2),
    reportJson('agent.status-changed.v1', 3, { status: 'waiting' }),
    finished(4),
    acted(5),
  ]

  it('every permutation of a short history gives the same state, one by one and together', () => {
    const expected = outcomeOf(foldTogether(short).agent)
    for (const order of permutations(short)) {
      const { document, parkedElsewhere } = foldEach(order)
      expect(outcomeOf(document && { document, parkedElsewhere })).toEqual(expected)
      expect(outcomeOf(foldTogether(order).agent)).toEqual(expected)
    }
  })

  it('any history, duplicated and reordered, applies each report once', () => {
    const cases = history({ lengthMax: 12 }).chain((events) =>
      fc.record({
        events: fc.constant(events),
        delivered: troubled(events),
        cuts: fc.array(fc.nat(30), { maxLength: 6 }),
      }),
    )
    fc.assert(
      fc.property(cases, ({ events, delivered, cuts }) => {
        let stored: StoredAgent | undefined
        let applied = 0
        let refused = 0
        const bounds = [
          0,
          ...cuts.map((cut) => Math.min(cut, delivered.length)).sort((a, b) => a - b),
          delivered.length,
        ]
        bounds.slice(1).forEach((end, index) => {
          const folded = fold(stored, delivered.slice(bounds[index], end).map(delivery), testNowMs)
          stored = folded.agent
          applied += folded.verdicts.filter((verdict) => verdict === 'applied').length + folded.released.length
          refused += folded.refused.length
        })
        const plain = foldTogether(events)
        expect(outcomeOf(stored)).toEqual(outcomeOf(plain.agent))
        expect(applied).toBe(events.length)
        expect(refused).toBe(plain.refused.length)
      }),
    )
  })

  it('a duplicate changes nothing', () => {
    const first = foldTogether([started, acted(2)])
    const again = fold(first.agent, [delivery(started), delivery(acted(2))], testNowMs + 1000)
    expect(again).toMatchObject({ changed: false, verdicts: ['duplicate', 'duplicate'] })
    expect(again.agent).toBe(first.agent)
  })
})

describe('gaps', () => {
  it('an early report is parked, and its gap is dated', () => {
    const { document, verdicts } = foldEach([started, acted(3)])
    expect(verdicts).toEqual(['applied', 'parked'])
    expect(document).toMatchObject({ lastSequence: 1, gapSince: publishedAt, hasGap: true, parked: [{ sequence: 3 }] })
  })

  it('a parked report that comes again is a duplicate', () => {
    expect(foldEach([started, acted(3), acted(3)]).verdicts).toEqual(['applied', 'parked', 'duplicate'])
  })

  it('late arrival heals it', () => {
    const { document } = foldEach([started, acted(4), acted(3), acted(2)])
    expect(document).toMatchObject({
      lastSequence: 4,
      gapSince: null,
      hasGap: false,
      resyncRequestedAt: null,
      parked: [],
    })
  })

  it('a new gap behind a healed one is dated anew', () => {
    const first = fold(undefined, [started, acted(3), acted(5)].map(delivery), testNowMs)
    const second = fold(first.agent, [delivery(acted(2))], testNowMs + 5000)
    expect(second.agent?.document).toMatchObject({
      lastSequence: 3,
      gapSince: new Date(testNowMs + 5000).toISOString(),
    })
  })

  it('a snapshot heals it, and what it replaces is a duplicate from then on', () => {
    const state: ReportedState = {
      status: 'running',
      run: { kind: 'worker', number: 1, startedAt: publishedAt },
      usage: { ...newAgent.usage, steps: 7 },
    }
    const snapshot = reportJson('agent.snapshot.v1', 8, { state })
    const { document, verdicts } = foldEach([started, acted(5), acted(9), snapshot, acted(2), acted(8)])
    expect(verdicts).toEqual(['applied', 'parked', 'parked', 'applied', 'duplicate', 'duplicate'])
    expect(document).toMatchObject({ lastSequence: 9, gapSince: null, parked: [], reported: { usage: { steps: 8 } } })
  })

  it('a snapshot older than the state is a duplicate', () => {
    const snapshot = reportJson('agent.snapshot.v1', 2, { state: newAgent })
    expect(foldEach([started, acted(2), acted(3), snapshot]).verdicts.at(-1)).toBe('duplicate')
  })

  it('more parked reports than the document holds go elsewhere, and come back', () => {
    const early = Array.from({ length: parkedInDocumentMax + 10 }, (_, index) => acted(index + 3))
    const parked = foldTogether([started, ...early])
    expect(parked.agent?.document.parked).toHaveLength(parkedInDocumentMax)
    expect(parked.agent?.document.parkedElsewhere).toBe(10)
    expect(parked.agent?.parkedElsewhere.map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 10 }, (_, index) => parkedInDocumentMax + 3 + index),
    )
    const healed = fold(parked.agent, [delivery(acted(2))], testNowMs)
    expect(healed.agent).toMatchObject({
      document: { lastSequence: early.length + 2, parked: [], parkedElsewhere: 0 },
      parkedElsewhere: [],
    })
  })

  it('reports too large for the document go elsewhere', () => {
    const large = (sequence: number) => ({ ...acted(sequence), padding: 'x'.repeat(150_000) })
    const { agent } = foldTogether([started, large(3), large(4)])
    expect(agent?.document.parked.map(({ sequence }) => sequence)).toEqual([3])
    expect(agent?.parkedElsewhere.map(({ sequence }) => sequence)).toEqual([4])
  })

  it('beyond the most that may wait, a report becomes a dead letter', () => {
    const early = Array.from({ length: parkedMax + 1 }, (_, index) => acted(index + 3))
    const { verdicts, refused } = foldTogether([started, ...early])
    expect(verdicts.at(-1)).toBe('refused')
    expect(refused).toMatchObject([{ sequence: parkedMax + 3, problem: { code: 'gap-too-wide', field: 'sequence' } }])
  })
})

describe('what is stored can be read again', () => {
  const readable = (events: readonly object[]) => {
    const { document } = foldEach(events)
    expect(AgentDocument.parse(document)).toEqual(document)
    return document
  }
  const extreme = { costUsd: amountMax, tokensIn: countMax, tokensOut: countMax, observationBytes: countMax }

  it('when totals reach their bound, where they stay', () => {
    const step = (sequence: number) => reportJson('agent.step-taken.v1', sequence, { step: 'acted', ...extreme })
    const document = readable([
      started,
      step(2),
      step(3),
      { ...finished(4), data: { outcome: 'success', costUsd: amountMax } },
    ])
    expect(document?.reported.usage).toMatchObject({ ...extreme, steps: 2 })
  })

  it('when a snapshot was at every bound before', () => {
    const toolCalls = Object.fromEntries(Array.from({ length: toolsMax }, (_, index) => [`tool-${index}`, countMax]))
    const usage = { ...extreme, steps: countMax, toolCalls }
    const state: ReportedState = {
      status: 'running',
      run: { kind: 'worker', number: countMax, startedAt: publishedAt },
      usage,
    }
    const snapshot = reportJson('agent.snapshot.v1', 2, { state })
    const step = (sequence: number, tool: string) =>
      reportJson('agent.step-taken.v1', sequence, { step: 'acted', tool })
    const document = readable([started, snapshot, step(3, 'new'), step(4, 'tool-0'), { ...started, sequence: 5 }])
    expect(document?.reported.usage.toolCalls).toMatchObject({ 'tool-0': countMax, [otherTools]: 1 })
  })

  it('and the tools beyond the last one named are no tool themselves', () => {
    const names = Array.from({ length: toolsMax - 1 }, (_, index) => `tool-${index}`)
    const toolCalls = Object.fromEntries([...names, otherTools].map((tool) => [tool, 1]))
    const run = { kind: 'worker', number: 1, startedAt: publishedAt }
    const state: ReportedState = { status: 'running', run, usage: { ...newAgent.usage, toolCalls } }
    const last = reportJson('agent.step-taken.v1', 3, { step: 'acted', tool: 'last' })
    const document = readable([started, reportJson('agent.snapshot.v1', 2, { state }), last])
    expect(document?.reported.usage.toolCalls).toMatchObject({ last: 1, [otherTools]: 1 })
  })

  it('when it was heard in the last hours of the year 9999', () => {
    const lastHeardAt = '9999-12-31T23:59:59+00:00'
    const silent = observationJson('agent.went-silent.v1', { lastHeardAt, silenceBoundSeconds: 30 })
    expect(readable([started, silent])?.presence?.since).toBe('9999-12-31T23:59:59.000Z')
  })
})

describe('who may change an agent', () => {
  it('another tenant is refused', () => {
    const foreign = reportJson('agent.step-taken.v1', 2, { step: 'acted' }, { tenant: 'other' })
    const { document, verdicts, refused } = foldEach([started, foreign, acted(2)])
    expect(verdicts).toEqual(['applied', 'refused', 'applied'])
    expect(refused).toMatchObject([{ tenant: 'other', problem: { code: 'tenant-mismatch', field: 'tenant' } }])
    expect(document).toMatchObject({ tenant: 'acme', lastSequence: 2 })
  })
})

describe('presence', () => {
  const silentAt = (seconds: number) =>
    observationJson(
      'agent.went-silent.v1',
      { lastHeardAt: publishedAt, silenceBoundSeconds: 30 },
      { timeMs: testNowMs + seconds * 1000 },
    )
  const heardAt = (seconds: number) =>
    observationJson('agent.heard-again.v1', { heardAt: publishedAt }, { timeMs: testNowMs + seconds * 1000 })

  it('the newest observation wins, whatever the order', () => {
    for (const order of permutations([silentAt(30), heardAt(60), silentAt(90)]))
      expect(foldEach([started, ...order]).document?.presence).toMatchObject({
        status: 'silent',
        observedAt: new Date(testNowMs + 90_000).toISOString(),
      })
  })

  it('silence after the end means nothing, and nobody is made up from an observation', () => {
    expect(foldEach([started, finished(2), silentAt(30)]).document?.presence).toBeNull()
    expect(foldEach([silentAt(30)]).document).toBeUndefined()
  })
})
