import { fold, type Delivery, type StoredAgent } from '@infinity-matrix/core/fleet'
import { parseEvent, type AgentDocument } from '@infinity-matrix/contracts'
import { describe, expect, it } from 'vitest'
import { createRandom } from '../random.ts'
import { checkAgent, foldedInOrder } from './check-agents.ts'
import { digitOf } from './digits.ts'
import { createHistories, type AgentHistory, type ReportJson } from './history.ts'

const startMs = Date.UTC(2026, 0, 1)
const histories = createHistories(createRandom(7), { agentCount: 200, eventCount: 8000, startMs, prefix: 'agent' })

const deliveryOf = (report: ReportJson): Delivery => {
  const parsed = parseEvent(report, startMs + 1e7)
  if (!parsed.ok) throw new Error(parsed.problem.rule)
  return { event: parsed.value, raw: JSON.stringify(report), publishedAt: new Date(startMs).toISOString() }
}
/** As the fleet stores it when reports come one by one, in this order. */
const storedAfter = (reports: readonly ReportJson[]): AgentDocument | undefined => {
  let stored: StoredAgent | undefined
  for (const report of reports) stored = fold(stored, [deliveryOf(report)], startMs).agent
  return stored?.document
}
const countsOf = (history: AgentHistory, stored: AgentDocument | undefined) => {
  const findings = checkAgent(history, stored)
  const count = (kind: string) => findings.filter((finding) => finding.kind === kind).length
  return { lost: count('lost'), appliedTwice: count('appliedTwice'), unexplained: count('unexplained') }
}
const nothing = { lost: 0, appliedTwice: 0, unexplained: 0 }

/** The first history with a report that `matches`, and that report; none with a snapshot, which would cover the fault. */
const found = (matches: (report: ReportJson, history: AgentHistory) => boolean) => {
  for (const history of histories) {
    if (history.reports.some(({ type }) => type === 'agent.snapshot.v1')) continue
    const report = history.reports.find((one) => matches(one, history))
    if (report) return { history, report }
  }
  throw new Error('no history has such a report')
}
const isStep = ({ type, sequence }: ReportJson, { illegal }: AgentHistory) =>
  type === 'agent.step-taken.v1' && !illegal.has(sequence)
/** The document with one report's effect on a total changed. */
const withDigit = (document: AgentDocument, report: ReportJson, times: number): AgentDocument => {
  const digit = digitOf(report)
  if (!digit) throw new Error('the report has no digit')
  const { usage } = document.reported
  const changed = { ...usage, [digit.field]: usage[digit.field] + (times - 1) * digit.value }
  return { ...document, reported: { ...document.reported, usage: changed } }
}

const withoutFirstLine = (lines: string) => lines.slice(lines.indexOf('\n') + 1)

describe('a correct state has no findings', () => {
  it('in order', () => {
    for (const history of histories) expect(countsOf(history, storedAfter(history.reports))).toEqual(nothing)
  })

  it('backwards, each report twice', () => {
    for (const history of histories) {
      const backwards = history.reports.toReversed().flatMap((report) => [report, report])
      expect(countsOf(history, storedAfter(backwards))).toEqual(nothing)
    }
  })

  it('without the report that is missing, once the snapshot came', () => {
    const missing = histories.filter((history) => history.missing !== undefined)
    expect(missing.length).toBeGreaterThan(0)
    for (const history of missing) {
      const come = history.reports.filter(({ sequence }) => sequence !== history.missing)
      expect(countsOf(history, storedAfter(come))).toEqual(nothing)
    }
  })
})

describe('a fault is found, by its kind and its report', () => {
  it('an agent that is not there: all its reports are lost', () => {
    const { history } = found(isStep)
    expect(countsOf(history, undefined)).toEqual({ ...nothing, lost: history.reports.length })
  })

  it('a fold that drops a step but moves on', () => {
    const { history, report } = found(isStep)
    const stored = withDigit(foldedInOrder(history), report, 0)
    expect(checkAgent(history, stored)).toMatchObject([
      { kind: 'lost', agentId: history.agentId, sequence: report.sequence, expected: '1 times', stored: '0 times' },
    ])
  })

  it('a fold that applies a step twice', () => {
    const { history, report } = found(isStep)
    const stored = withDigit(foldedInOrder(history), report, 2)
    expect(checkAgent(history, stored)).toMatchObject([
      { kind: 'appliedTwice', agentId: history.agentId, sequence: report.sequence },
    ])
  })

  it('a fold that forgets duplicates: every step sent twice is applied twice', () => {
    const { history } = found(isStep)
    // Each copy has a sequence of its own, so the fold takes it for another report.
    const twice = history.reports
      .flatMap((report) => [report, report])
      .map((report, index) => ({ ...report, sequence: index + 1 }))
    const steps = history.reports.filter((report) => digitOf(report) && !history.illegal.has(report.sequence))
    expect(countsOf(history, storedAfter(twice)).appliedTwice).toBeGreaterThanOrEqual(steps.length / 2)
  })

  it('a start that is applied twice', () => {
    const { history } = found(({ type }) => type === 'agent.started.v1')
    const expected = foldedInOrder(history)
    if (!('run' in expected.reported)) throw new Error('the agent never started')
    const { run } = expected.reported
    const stored = { ...expected, reported: { ...expected.reported, run: { ...run, number: run.number + 1 } } }
    expect(countsOf(history, stored)).toEqual({ ...nothing, appliedTwice: 1 })
  })

  it('the last report, of whatever type', () => {
    for (const history of histories) {
      if (history.reports.some(({ type }) => type === 'agent.snapshot.v1')) continue
      if (history.illegal.has(history.reports.length)) continue
      expect(countsOf(history, storedAfter(history.reports.slice(0, -1)))).toEqual({ ...nothing, lost: 1 })
    }
  })

  it('a refused report that counts', () => {
    const { history, report } = found(({ sequence }, { illegal }) => illegal.has(sequence))
    const stored = withDigit(foldedInOrder(history), report, 2)
    expect(checkAgent(history, stored)).toMatchObject([
      { kind: 'unexplained', sequence: report.sequence, expected: 'refused' },
    ])
  })

  it('a report that waits for ever is lost with all after it', () => {
    const { history } = found(isStep)
    const stored = storedAfter(history.reports.filter(({ sequence }) => sequence !== 2))
    expect(countsOf(history, stored).lost).toBeGreaterThanOrEqual(history.reports.length - 2)
  })

  it.each([
    ['status', (document: AgentDocument) => ({ ...document, status: 'lost' })],
    ['tenant', (document: AgentDocument) => ({ ...document, tenant: 'another' })],
    [
      'transitions',
      (document: AgentDocument) => ({ ...document, transitions: withoutFirstLine(document.transitions) }),
    ],
    ['gapSince', (document: AgentDocument) => ({ ...document, gapSince: document.updatedAt })],
  ])('a %s that nothing accounts for', (field, damage) => {
    const { history } = found(isStep)
    expect(checkAgent(history, damage(foldedInOrder(history)))).toMatchObject([
      { kind: 'unexplained', what: `agent: ${field}` },
    ])
  })
})
