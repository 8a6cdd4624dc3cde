import type { AgentObservation, AgentReport, TopicName } from '@infinity-matrix/contracts'
import { topics } from '@infinity-matrix/contracts'
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

export const topicOf = ({ type }: WireEvent): TopicName =>
  type === 'agent.heartbeat.v1' ? topics.healthChecks.name : topics.stateChanges.name

/** The envelope's fields once more, as message attributes: subscriptions filter by them without reading the body. */
export const attributesOf = ({ data: _, ...envelope }: WireEvent): Record<string, string> => ({
  ...Object.fromEntries(Object.entries(envelope).map(([name, value]) => [`ce-${name}`, String(value)])),
  'content-type': 'application/cloudevents+json',
})
