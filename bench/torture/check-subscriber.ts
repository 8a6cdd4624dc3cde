import type { Finding } from './finding.ts'
import type { AgentHistory, ReportJson } from './history.ts'

/** What is wrong with what a subscriber heard, by the `what` of its findings. */
export const subscriberFaults = { missing: 'subscriberMissing', outOfOrder: 'subscriberOutOfOrder' } as const

/** Histories of a tenant's agents: reports say whose they are. */
export const ofTenant = (histories: readonly AgentHistory[], tenant: string): AgentHistory[] =>
  histories.filter(({ reports }) => reports[0]?.tenant === tenant)

/**
 * The reports of an agent that its subscribers must hear, in this order: those from a snapshot on, which replaces all before
 * it; without one, all of them.
 */
export const promised = ({ reports }: Pick<AgentHistory, 'reports'>): ReportJson[] =>
  reports.slice(
    Math.max(
      0,
      reports.findLastIndex(({ type }) => type === 'agent.snapshot.v1'),
    ),
  )

/**
 * Compares what a subscriber heard with what its tenant's agents reported.
 *
 * @param heard ids of reports in the order in which they first came
 */
export const checkSubscriber = (histories: readonly AgentHistory[], heard: ReadonlySet<string>): Finding[] => {
  const findings: Finding[] = []
  const places = new Map([...heard].map((id, place) => [id, place]))
  const unknown = new Set(heard)
  for (const { agentId, reports } of histories) {
    for (const { id } of reports) unknown.delete(id)
    let last = -1
    for (const { id, sequence } of promised({ reports })) {
      const place = places.get(id)
      const about = { kind: 'unexplained' as const, agentId, sequence }
      if (place === undefined)
        findings.push({ ...about, what: subscriberFaults.missing, expected: 'heard', stored: 'nothing' })
      else if (place < last)
        findings.push({ ...about, what: subscriberFaults.outOfOrder, expected: `after ${last}`, stored: place })
      last = Math.max(last, place ?? last)
    }
  }
  for (const id of unknown)
    findings.push({
      kind: 'unexplained',
      what: 'a subscriber heard what no agent of it said',
      expected: '',
      stored: id,
    })
  return findings
}
