import type { AgentCount, AgentCounts, AgentPage, AgentView, DesiredView } from '@infinity-matrix/contracts'
import colors from 'picocolors'
import { tableOf } from '../table.ts'

const labelsText = (labels: Record<string, string>) =>
  Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')

export const agentsTable = ({ agents, nextPageToken }: AgentPage): string => {
  const table = tableOf(
    ['agent', 'tenant', 'region', 'tier', 'status', 'kind', 'labels', 'in sync', 'presence', 'changed', 'reports'],
    10,
    agents.map((agent) => [
      agent.agentId,
      agent.tenant,
      agent.region,
      agent.tier,
      agent.status,
      agent.kind ?? '',
      labelsText(agent.labels),
      agent.inSync ? 'yes' : colors.yellow('no'),
      agent.presence?.status ?? '',
      agent.updatedAt,
      agent.lastSequence,
    ]),
  )
  return nextPageToken === undefined ? table : `${table}\nmore: --page-token ${nextPageToken}`
}

/** Counts of a tenant by group, or of any other filter as a whole. */
export const countsText = (counts: AgentCounts | AgentCount): string => {
  if (!('byStatus' in counts)) return `${counts.agents} agents, counted at ${counts.asOf}`
  const { byRegion, byTier, byStatus, asOf, reconciledAt, drift } = counts
  const groups = Object.entries({ region: byRegion, tier: byTier, status: byStatus })
  const rows = groups.flatMap(([by, some]) => Object.entries(some).map(([name, agents]) => [by, name, agents]))
  const compared =
    reconciledAt === null ? 'not compared with the agents yet' : `compared at ${reconciledAt}, ${drift} off then`
  return [tableOf(['by', 'is', 'agents'], 2, [['all', '', counts.agents], ...rows]), `as of ${asOf}; ${compared}`].join(
    '\n',
  )
}

const json = (value: object) => JSON.stringify(value)

export const desiredText = ({ agentId, desired, delta, inSync }: DesiredView): string => {
  const by = desired.changedAt === null ? '' : `, by ${desired.changedBy} at ${desired.changedAt}`
  return [
    `${colors.bold(agentId)} desired version ${desired.version}${by}`,
    json(desired.properties),
    inSync ? colors.green('in sync') : `${colors.yellow('not reported yet')} ${json(delta)}`,
  ].join('\n')
}

/** An agent in full, with its latest transitions. */
export const agentText = (agent: AgentView): string => {
  const { reported, desired, delta, properties, presence, parked, parkedElsewhere, seenDesiredVersion } = agent
  const place = `${agent.tenant} · ${agent.region} · ${agent.tier}`
  const waiting = parked.length + parkedElsewhere
  return [
    `${colors.bold(agent.agentId)} ${agent.status} · ${place} · ${agent.lastSequence} reports`,
    ...(presence ? [`${presence.status} since ${presence.since}`] : []),
    ...(agent.gapSince === null
      ? []
      : [colors.yellow(`${waiting} reports wait for a missing one since ${agent.gapSince}`)]),
    ...(Object.keys(agent.labels).length === 0 ? [] : [`labels   ${labelsText(agent.labels)}`]),
    `state    ${json(reported)}`,
    `reported ${json(properties)}`,
    `desired  ${json(desired.properties)}, version ${desired.version}, of which it has seen ${seenDesiredVersion}`,
    ...(agent.inSync ? [] : [`delta    ${colors.yellow(json(delta))}`]),
    tableOf(
      ['report', 'type', 'status', 'happened', 'folded', 'refused'],
      6,
      agent.transitions.map((one) => [one.sequence, one.type, one.status, one.at, one.foldedAt, one.refused ?? '']),
    ),
  ].join('\n')
}
