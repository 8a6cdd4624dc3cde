import {
  Properties,
  propertiesFault,
  type AgentDocument,
  type AgentReport,
  type Problem,
} from '@infinity-matrix/contracts'
import { isInSync, mergePatch } from '../../shared/properties.ts'

type PropertyFields = Pick<AgentDocument, 'properties' | 'seenDesiredVersion' | 'inSync'>
type ReportedProperties = { fields: Partial<PropertyFields>; problem?: Problem }

/** Properties as documents keep them. */
export const propertiesOf = (json: string): Properties => Properties.parse(JSON.parse(json))

const unchanged: ReportedProperties = { fields: {} }

/**
 * What a report makes of an agent's properties: one of properties is merged into them, a snapshot replaces them. Together
 * they are bounded as each report is.
 */
export const reportProperties = (agent: AgentDocument, report: AgentReport): ReportedProperties => {
  if (report.type !== 'agent.properties-reported.v1' && report.type !== 'agent.snapshot.v1') return unchanged
  const { data } = report
  const known = report.type === 'agent.snapshot.v1' ? {} : propertiesOf(agent.properties)
  const properties = mergePatch(known, data.properties ?? {})
  const rule = propertiesFault(properties)
  if (rule !== undefined)
    return {
      fields: {},
      problem: { code: 'too-large', field: 'data.properties', rule: `merged into those before, ${rule}` },
    }
  return {
    fields: {
      properties: JSON.stringify(properties),
      seenDesiredVersion: data.desiredVersion ?? agent.seenDesiredVersion,
      inSync: agent.desired === null || isInSync(propertiesOf(agent.desired.properties), properties),
    },
  }
}
