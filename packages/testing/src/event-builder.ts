import type { AgentObservation, AgentReport } from '@infinity-matrix/contracts'

/** One instant for tests that need none in particular: 2026-01-01, in milliseconds since 1970. */
export const testNowMs = Date.UTC(2026, 0, 1)

type ReportType = AgentReport['type']
type ObservationType = AgentObservation['type']
type DataOf<Type> = Extract<AgentReport | AgentObservation, { type: Type }>['data']

/** What a test wants different in an event; the rest is filled in. */
export interface EventOverrides {
  agentId?: string
  tenant?: string
  region?: string
  tier?: 'elite' | 'mastery' | 'standard'
  /** When it happened, in milliseconds since 1970. */
  timeMs?: number
  id?: string
}

/** A UUID of version 7 that counts: equal arguments give equal ids. */
export const countingUuid = (timeMs: number, count: number): string => {
  const time = timeMs.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${count.toString(16).padStart(12, '0')}`
}

const header = (type: string, overrides: EventOverrides, count: number) => {
  const { agentId = 'agent-1', tenant = 'acme', region = 'us-west1', tier = 'standard', timeMs = testNowMs } = overrides
  return {
    specversion: '1.0',
    id: overrides.id ?? countingUuid(timeMs, count),
    source: `//agents/${agentId}`,
    type,
    subject: `agents/${agentId}`,
    time: new Date(timeMs).toISOString(),
    tenant,
    region,
    tier,
  }
}

/** A report as its agent would publish it: structured CloudEvents JSON. */
export const reportJson = <Type extends ReportType>(
  type: Type,
  sequence: number,
  data: DataOf<Type>,
  overrides: EventOverrides = {},
) => ({ ...header(type, overrides, sequence), sequence, data })

/** An observation as the control plane, or the agent's own heart, would publish it. */
export const observationJson = <Type extends ObservationType>(
  type: Type,
  data: DataOf<Type>,
  overrides: EventOverrides = {},
) => {
  const json = header(type, overrides, 0)
  return { ...json, source: type === 'agent.heartbeat.v1' ? json.source : '//control-plane/fleet', data }
}
