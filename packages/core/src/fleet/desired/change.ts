import {
  propertiesFault,
  type AgentDocument,
  type DesiredState,
  type DesiredView,
  type Properties,
} from '@infinity-matrix/contracts'
import { deltaOf, isEqual, isInSync, mergePatch } from '../../shared/properties.ts'
import { propertiesOf } from './report.ts'

/** How an operator or a job changes what is desired of an agent. */
export interface DesiredChange {
  /** `replace`: these are the properties; `merge`: a merge patch on those desired before. */
  how: 'replace' | 'merge'
  properties: Properties
  changedBy: string
  /** Under which version the change is meant; undefined: whatever it is. */
  ifVersion: number | undefined
  /** The job that makes it: the properties it replaces are kept, for its roll back. */
  jobId: string | null
}

/** What a change of desired writes into an agent's document. */
export type DesiredFields = Pick<AgentDocument, 'desired' | 'inSync' | 'version' | 'updatedAt'> & {
  desired: DesiredState
}

export type DesiredDecision =
  | { kind: 'changed'; fields: DesiredFields }
  /** It is desired already: nothing is written, and the version stays. */
  | { kind: 'unchanged' }
  /** Somebody changed it since the version that the change is meant under. */
  | { kind: 'conflict' }
  | { kind: 'refused'; rule: string }

export const desiredVersionOf = ({ desired }: Pick<AgentDocument, 'desired'>): number => desired?.version ?? 0
export const desiredPropertiesOf = ({ desired }: Pick<AgentDocument, 'desired'>): Properties =>
  desired === null ? {} : propertiesOf(desired.properties)

/** Decides a change of what is desired of an agent: it has no effect unless the version is the one it is meant under. */
export const changeDesired = (agent: AgentDocument, change: DesiredChange, nowMs: number): DesiredDecision => {
  const version = desiredVersionOf(agent)
  if (change.ifVersion !== undefined && change.ifVersion !== version) return { kind: 'conflict' }
  const before = desiredPropertiesOf(agent)
  // Merged into nothing, a patch loses its nulls: what is stored has none.
  const properties = mergePatch(change.how === 'merge' ? before : {}, change.properties)
  const rule = propertiesFault(properties)
  if (rule !== undefined) return { kind: 'refused', rule }
  if (agent.desired !== null && isEqual(before, properties)) return { kind: 'unchanged' }
  const now = new Date(nowMs).toISOString()
  return {
    kind: 'changed',
    fields: {
      desired: {
        version: version + 1,
        properties: JSON.stringify(properties),
        changedAt: now,
        changedBy: change.changedBy,
        jobId: change.jobId,
        replaced: change.jobId === null ? null : JSON.stringify(before),
      },
      inSync: isInSync(properties, propertiesOf(agent.properties)),
      version: agent.version + 1,
      updatedAt: now,
    },
  }
}

/** Desired, reported and the delta between them. */
export const desiredViewOf = (agent: AgentDocument): DesiredView => {
  const [desired, reported] = [desiredPropertiesOf(agent), propertiesOf(agent.properties)]
  return {
    agentId: agent.agentId,
    desired: {
      version: desiredVersionOf(agent),
      properties: desired,
      changedAt: agent.desired?.changedAt ?? null,
      changedBy: agent.desired?.changedBy ?? null,
      jobId: agent.desired?.jobId ?? null,
    },
    reported: { properties: reported, seenDesiredVersion: agent.seenDesiredVersion },
    delta: deltaOf(desired, reported),
    inSync: agent.inSync,
  }
}
