import type { AgentDocument, AgentOutcome, JobCondition, JobDocument, JobProgress } from '@infinity-matrix/contracts'
import { isInSync } from '../../shared/properties.ts'
import { changeDesired, desiredPropertiesOf, desiredVersionOf, type DesiredFields } from '../desired/change.ts'
import { propertiesOf } from '../desired/report.ts'
import { requestOf } from './job.ts'

/** What a job makes of one agent; `fields` are to be written. */
export interface AgentStep {
  outcome: AgentOutcome
  fields?: DesiredFields
}

const unmet = (agent: AgentDocument, condition: JobCondition): string | undefined => {
  const version = desiredVersionOf(agent)
  if (condition.desiredVersion !== undefined && condition.desiredVersion !== version)
    return `its desired version is ${version}, not ${condition.desiredVersion}`
  if (condition.desired && !isInSync(condition.desired, desiredPropertiesOf(agent)))
    return 'it has other desired properties'
  if (condition.reported && !isInSync(condition.reported, propertiesOf(agent.properties)))
    return 'it reports other properties'
  return undefined
}

/** Writes the job's patch, where its condition holds. */
export const patchAgent = (job: JobDocument, agent: AgentDocument, nowMs: number): AgentStep => {
  const { agentId } = agent
  const { patch, condition } = requestOf(job)
  const reason = unmet(agent, condition)
  if (reason !== undefined) return { outcome: { agentId, outcome: 'skipped', reason } }
  const by = { changedBy: `jobs/${job.jobId}`, jobId: job.jobId, ifVersion: undefined }
  const decision = changeDesired(agent, { how: 'merge', properties: patch, ...by }, nowMs)
  switch (decision.kind) {
    case 'changed':
      return { outcome: { agentId, outcome: 'written' }, fields: decision.fields }
    case 'unchanged':
      return { outcome: { agentId, outcome: 'unchanged' } }
    case 'refused':
      return { outcome: { agentId, outcome: 'skipped', reason: `its desired properties ${decision.rule}` } }
    case 'conflict':
      return { outcome: { agentId, outcome: 'skipped', reason: 'its desired version is another one' } }
    default:
      return decision satisfies never
  }
}

const isStillOf = (job: JobDocument, agent: AgentDocument | undefined): agent is AgentDocument =>
  agent?.desired?.jobId === job.jobId

/** Whether an agent that the job wrote came in sync. An agent that is gone, or desired otherwise since, tells nothing. */
export const judgeAgent = (job: JobDocument, written: AgentOutcome, agent: AgentDocument | undefined): AgentOutcome => {
  if (written.outcome !== 'written') return written
  if (!isStillOf(job, agent)) return { ...written, outcome: 'superseded' }
  return { ...written, outcome: agent.inSync ? 'acknowledged' : 'failed' }
}

const wroteIt = new Set<AgentOutcome['outcome']>(['written', 'acknowledged', 'failed', 'superseded'])

/** Restores what the job replaced, where what it wrote still stands; undefined where the job wrote nothing. */
export const restoreAgent = (
  job: JobDocument,
  written: AgentOutcome,
  agent: AgentDocument | undefined,
  nowMs: number,
): AgentStep => {
  if (!wroteIt.has(written.outcome)) return { outcome: written }
  const { agentId } = written
  const replaced = isStillOf(job, agent) ? (agent.desired?.replaced ?? null) : null
  if (agent === undefined || replaced === null) return { outcome: { agentId, outcome: 'conflict' } }
  const by = { changedBy: `jobs/${job.jobId}/roll-back`, jobId: null, ifVersion: undefined }
  const decision = changeDesired(agent, { how: 'replace', properties: propertiesOf(replaced), ...by }, nowMs)
  return decision.kind === 'changed'
    ? { outcome: { agentId, outcome: 'restored' }, fields: decision.fields }
    : { outcome: { agentId, outcome: 'conflict' } }
}

const countNames: Record<AgentOutcome['outcome'], keyof JobProgress> = {
  written: 'written',
  unchanged: 'unchanged',
  skipped: 'skipped',
  acknowledged: 'acknowledged',
  failed: 'failed',
  superseded: 'superseded',
  restored: 'restored',
  conflict: 'conflicts',
}

/** Counts those outcomes that are not what they were before. */
export const countOutcomes = (
  outcomes: readonly AgentOutcome[],
  before: readonly AgentOutcome[] = [],
): Partial<JobProgress> => {
  const counts: Partial<JobProgress> = {}
  outcomes.forEach(({ outcome }, index) => {
    if (before[index]?.outcome === outcome) return
    const name = countNames[outcome]
    counts[name] = (counts[name] ?? 0) + 1
  })
  return counts
}
