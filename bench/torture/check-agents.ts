import { isDeepStrictEqual } from 'node:util'
import { parseEvent, transitionsOf, type AgentDocument } from '@infinity-matrix/contracts'
import { fold, type Delivery } from '@infinity-matrix/core/fleet'
import { digitOf, timesIn } from './digits.ts'
import type { Finding } from './finding.ts'
import type { AgentHistory, ReportJson } from './history.ts'

/** The state that a history must end in: each report folded once, in order. */
export const foldedInOrder = ({ reports }: Pick<AgentHistory, 'reports'>): AgentDocument => {
  const deliveries = reports.map((report): Delivery => {
    const parsed = parseEvent(report, Date.parse(report.time))
    if (!parsed.ok) throw new Error(`report ${report.sequence} of a history is no event: ${parsed.problem.rule}`)
    return { event: parsed.value, raw: JSON.stringify(report), publishedAt: report.time }
  })
  const { agent } = fold(undefined, deliveries, 0)
  if (!agent) throw new Error('a history is empty')
  return agent.document
}

/** What must not depend on how the reports travelled. */
const comparable = (document: AgentDocument, history: AgentHistory) => {
  const { tenant, region, tier, status, reported, lastSequence, parked, parkedElsewhere, gapSince } = document
  // Reports that a snapshot overtook were never applied one by one.
  const isOvertaken = history.reports.some(({ type }) => type === 'agent.snapshot.v1')
  const transitions = transitionsOf(document).map(({ publishedAt: _p, foldedAt: _f, ...rest }) => rest)
  return {
    ...{ tenant, region, tier, status, reported, lastSequence, parked, parkedElsewhere, gapSince },
    ...(isOvertaken ? {} : { transitions }),
  }
}

const runsIn = ({ reported }: AgentDocument) => ('run' in reported ? reported.run.number : 0)

/**
 * What is wrong with one agent's stored state.
 *
 * A report with a digit of its own (a step, a finish that has a cost) is lost when its digit is below that of the fold in
 * order, and applied twice when it is above. Starts are counted by the number of the run. A report without either is
 * lost when the state ends before its sequence. A refused report that counts, and any other difference, is unexplained.
 */
export const checkAgent = (history: AgentHistory, stored: AgentDocument | undefined): Finding[] => {
  const { agentId, reports, illegal } = history
  const finding = (
    kind: Finding['kind'],
    report: ReportJson | undefined,
    expected: unknown,
    found: unknown,
  ): Finding => ({
    kind,
    agentId,
    ...(report ? { sequence: report.sequence, what: report.type } : { what: 'agent' }),
    expected,
    stored: found,
  })
  if (!stored) return reports.map((report) => finding('lost', report, 'in state', 'no document'))
  const expected = foldedInOrder(history)

  const findings = reports.flatMap((report): Finding[] => {
    const digit = digitOf(report)
    if (!digit)
      return report.sequence > stored.lastSequence && report.type !== 'agent.started.v1'
        ? [finding('lost', report, 'in state', `state ends at ${stored.lastSequence}`)]
        : []
    const [wanted, found] = [timesIn(expected.reported.usage, digit), timesIn(stored.reported.usage, digit)]
    if (found === wanted) return []
    if (illegal.has(report.sequence)) return [finding('unexplained', report, 'refused', `applied ${found} times`)]
    return [finding(found < wanted ? 'lost' : 'appliedTwice', report, `${wanted} times`, `${found} times`)]
  })
  const [runs, runsStored] = [runsIn(expected), runsIn(stored)]
  for (let run = runsStored; run < runs; run++)
    findings.push(finding('lost', undefined, `${runs} starts`, `${runsStored}`))
  for (let run = runs; run < runsStored; run++)
    findings.push(finding('appliedTwice', undefined, `${runs} starts`, `${runsStored}`))
  if (findings.length > 0) return findings

  const [wanted, found] = [comparable(expected, history), comparable(stored, history)]
  return isDeepStrictEqual(wanted, found)
    ? []
    : [{ ...finding('unexplained', undefined, wanted, found), ...differing(wanted, found) }]
}

const differing = (wanted: object, found: object) => {
  const stored = new Map<string, unknown>(Object.entries(found))
  const fields = Object.entries(wanted).filter(([field, value]) => !isDeepStrictEqual(value, stored.get(field)))
  return {
    what: `agent: ${fields.map(([field]) => field).join(', ')}`,
    expected: Object.fromEntries(fields),
    stored: Object.fromEntries(fields.map(([field]) => [field, stored.get(field)])),
  }
}
