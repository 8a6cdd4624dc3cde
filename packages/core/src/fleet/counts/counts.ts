import type { AgentCounts, AgentDocument, CountsDocument, CountShard } from '@infinity-matrix/contracts'

/** By group: `agents`, `region:...`, `tier:...`, `status:...`. */
export type Counts = Record<string, number>

const total = 'agents'
type Counted = Pick<AgentDocument, 'tenant' | 'region' | 'tier' | 'status'>

/** An agent that was written: what it was before, what it is now, and when Firestore took the write. */
export interface AgentWritten {
  before: Counted | undefined
  after: Counted | undefined
  writtenAtMs: number
}

export const countGroups = {
  total,
  region: (region: string) => `region:${region}`,
  tier: (tier: string) => `tier:${tier}`,
  status: (status: string) => `status:${status}`,
}

const groupsOf = (agent: Counted | undefined): string[] =>
  agent ? [total, countGroups.region(agent.region), countGroups.tier(agent.tier), countGroups.status(agent.status)] : []

export const minuteOf = (ms: number): number => Math.floor(ms / 60_000)

const addTo = (counts: Counts, group: string, count: number) => {
  counts[group] = (counts[group] ?? 0) + count
}

/** What changed in the counts of one tenant, by the minute of the writes. */
export type CountChanges = Map<number, Counts>

/** What writes of agents change in the counts of their tenants. Most change nothing: an agent that goes on as it was. */
export const countChanges = (written: readonly AgentWritten[]): Map<string, CountChanges> => {
  const byTenant = new Map<string, CountChanges>()
  for (const { before, after, writtenAtMs } of written) {
    const tenant = (after ?? before)?.tenant
    const [had, has] = [groupsOf(before), groupsOf(after)]
    const changed = [
      ...had.filter((group) => !has.includes(group)).map((group) => [group, -1] as const),
      ...has.filter((group) => !had.includes(group)).map((group) => [group, 1] as const),
    ]
    if (tenant === undefined || changed.length === 0) continue
    const ofTenant = byTenant.get(tenant) ?? new Map<number, Counts>()
    byTenant.set(tenant, ofTenant)
    const minute = minuteOf(writtenAtMs)
    const counts = ofTenant.get(minute) ?? {}
    ofTenant.set(minute, counts)
    for (const [group, count] of changed) addTo(counts, group, count)
  }
  return byTenant
}

/**
 * The counts now: those of a moment, and what was written since. What was written before it stands in them already, however
 * late its change comes.
 */
export const countsNow = (
  counted: CountsDocument | undefined,
  shards: readonly CountShard[],
  untilMinute = Infinity,
): Counts => {
  const counts: Counts = { ...counted?.counts }
  for (const { changes } of shards)
    for (const [minute, groups] of Object.entries(changes))
      if (Number(minute) >= (counted?.minute ?? 0) && Number(minute) < untilMinute)
        for (const [group, count] of Object.entries(groups)) addTo(counts, group, count)
  return counts
}

/** Exact counts as of the start of a minute, and how far the counters were off by then. */
export const reconcileCounts = (
  before: CountsDocument | undefined,
  shards: readonly CountShard[],
  exact: Counts,
  minute: number,
): CountsDocument => {
  const expected = countsNow(before, shards, minute)
  const groups = [...new Set([...Object.keys(expected), ...Object.keys(exact)])]
  const drift = groups
    .map((group) => [group, (expected[group] ?? 0) - (exact[group] ?? 0)] as const)
    .filter(([, off]) => off !== 0)
  const there = Object.entries(exact).filter(([, count]) => count !== 0)
  return { minute, counts: Object.fromEntries(there), drift: Object.fromEntries(drift) }
}

const within = (counts: Counts, prefix: string): Counts =>
  Object.fromEntries(
    Object.entries(counts)
      .filter(([group, count]) => group.startsWith(prefix) && count !== 0)
      .map(([group, count]) => [group.slice(prefix.length), count]),
  )

export const countsViewOf = (
  tenant: string,
  counted: CountsDocument | undefined,
  shards: readonly CountShard[],
  asOf: string,
): AgentCounts => {
  const counts = countsNow(counted, shards)
  return {
    tenant,
    agents: counts[total] ?? 0,
    byRegion: within(counts, 'region:'),
    byTier: within(counts, 'tier:'),
    byStatus: within(counts, 'status:'),
    asOf,
    reconciledAt: counted ? new Date(counted.minute * 60_000).toISOString() : null,
    drift: counted ? Math.max(0, ...Object.values(counted.drift).map(Math.abs)) : null,
  }
}
