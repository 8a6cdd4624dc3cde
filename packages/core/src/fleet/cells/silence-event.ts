import type { AgentObservation, VoiceKind } from '@infinity-matrix/contracts'
import type { SilenceNews } from './cell.ts'
import { agentOfKey, capabilityOfKey } from './voice.ts'

type SilenceType =
  | 'agent.went-silent.v1'
  | 'agent.heard-again.v1'
  | 'agent.capability-went-silent.v1'
  | 'agent.capability-heard-again.v1'

/** What a silence's event says. Whoever tells the same silence, and however often, says the same. */
export interface SilenceEvent extends Omit<VoiceKind, 'silenceBoundSeconds'> {
  agentId: string
  atMs: number
  said: { [O in AgentObservation as O['type']]: { type: O['type']; data: O['data'] } }[SilenceType]
}

export const silenceEvent = ({ key, kind, status, lastHeardAt, at, will }: SilenceNews): SilenceEvent => {
  const { silenceBoundSeconds, ...whose } = kind
  const event = { ...whose, agentId: agentOfKey(key), atMs: at * 1000 }
  const capability = capabilityOfKey(key)
  const heard = new Date(lastHeardAt * 1000).toISOString()
  if (status === 'heard')
    return {
      ...event,
      said:
        capability === undefined
          ? { type: 'agent.heard-again.v1', data: { heardAt: heard } }
          : { type: 'agent.capability-heard-again.v1', data: { capability, heardAt: heard } },
    }
  const data = { lastHeardAt: heard, silenceBoundSeconds }
  return {
    ...event,
    said:
      capability === undefined
        ? { type: 'agent.went-silent.v1', data: { ...data, ...(will === null ? {} : { will: willOf(will) }) } }
        : { type: 'agent.capability-went-silent.v1', data: { ...data, capability } },
  }
}

// It was an object when its heartbeat was parsed.
const willOf = (json: string): Record<string, unknown> => ({ ...(JSON.parse(json) as object) })
