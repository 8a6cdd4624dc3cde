import type { AgentDocument, AgentObservation, Presence } from '@infinity-matrix/contracts'

/** Capabilities of an agent that it no longer lists are kept up to this many; the one observed longest ago goes. */
export const capabilitiesKept = 32

/** The agent after what was noticed about it; the same object when that is no news: of another tenant, or older than what is known. */
export const observe = (document: AgentDocument, observation: AgentObservation): AgentDocument => {
  if (document.tenant !== observation.tenant) return document
  const observedAt = instant(observation.time)
  const isNews = (known: Presence | null | undefined) => !known || known.observedAt < observedAt
  // A run that is over has nothing to be silent about.
  const isOver = 'finish' in document.reported
  switch (observation.type) {
    case 'agent.went-silent.v1':
    case 'agent.heard-again.v1': {
      const presence = presenceOf(observation, observedAt)
      const isVoid = isOver && presence.status === 'silent'
      return isVoid || !isNews(document.presence) ? document : { ...document, presence }
    }
    case 'agent.capability-went-silent.v1':
    case 'agent.capability-heard-again.v1': {
      const { capability } = observation.data
      const known = Object.hasOwn(document.capabilities, capability) ? document.capabilities[capability] : undefined
      if (isOver || !isNews(known)) return document
      const capabilities = { ...document.capabilities, [capability]: presenceOf(observation, observedAt) }
      return { ...document, capabilities: latest(capabilities) }
    }
    case 'agent.heartbeat.v1':
    case 'agent.resync-requested.v1':
    case 'agent.desired-changed.v1':
      return document
    default:
      return observation satisfies never
  }
}

const instant = (time: string) => new Date(Date.parse(time)).toISOString()

const presenceOf = ({ data }: { data: { lastHeardAt: string } | { heardAt: string } }, observedAt: string): Presence =>
  'heardAt' in data
    ? { status: 'heard', since: instant(data.heardAt), observedAt }
    : { status: 'silent', since: instant(data.lastHeardAt), observedAt }

const latest = (capabilities: Record<string, Presence>): Record<string, Presence> => {
  const entries = Object.entries(capabilities)
  if (entries.length <= capabilitiesKept) return capabilities
  const byAge = entries.toSorted(([, a], [, b]) => (a.observedAt < b.observedAt ? 1 : -1))
  return Object.fromEntries(byAge.slice(0, capabilitiesKept))
}
