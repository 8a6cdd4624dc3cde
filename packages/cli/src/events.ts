import type { AgentObservation, AgentReport } from '@infinity-matrix/contracts'
import type { ReportContent } from '@infinity-matrix/core/reported-state'
import { v7 as uuidv7 } from 'uuid'

/** Whose events they are: what every envelope of one agent says alike. */
export interface Sender {
  agentId: string
  tenant: string
  region: string
  tier: AgentReport['tier']
}

export type Heartbeat = Extract<AgentObservation, { type: 'agent.heartbeat.v1' }>['data']

/** An event as it is published: a CloudEvent in structured JSON. */
export interface WireEvent {
  specversion: '1.0'
  id: string
  source: string
  type: string
  subject: string
  time: string
  datacontenttype: 'application/json'
  tenant: string
  region: string
  tier: string
  sequence?: number
  data: object
}

const envelopeOf = ({ agentId, tenant, region, tier }: Sender, type: string, id: string, time: Date) => ({
  specversion: '1.0' as const,
  id,
  source: `//agents/${agentId}`,
  type,
  subject: `agents/${agentId}`,
  time: time.toISOString(),
  datacontenttype: 'application/json' as const,
  tenant,
  region,
  tier,
})

/** @param sequence the agent's own count of its reports, from 1, without holes */
export const reportEvent = (
  sender: Sender,
  sequence: number,
  { type, data }: ReportContent,
  { id = uuidv7(), time = new Date() }: { id?: string; time?: Date } = {},
): WireEvent => ({ ...envelopeOf(sender, type, id, time), sequence, data })

export const heartbeatEvent = (sender: Sender, data: Heartbeat): WireEvent => ({
  ...envelopeOf(sender, 'agent.heartbeat.v1', uuidv7(), new Date()),
  data,
})
