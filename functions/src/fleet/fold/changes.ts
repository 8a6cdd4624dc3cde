import {
  changesLengthMax,
  isReport,
  parseEvent,
  topics,
  type AgentChange,
  type AgentEvent,
  type AgentsChanged,
} from '@infinity-matrix/contracts'
import type { Context } from '../../runtime/context.ts'
import { publish } from '../../runtime/publish.ts'
import { subscribedTenants } from '../../runtime/subscribed-tenants.ts'
import type { FoldedAgent } from './folded-agent.ts'

/**
 * Tells on `firebase.realtime-sync` what agents did, for tenants that have subscriptions: at least once, since events that
 * are delivered again are told again. For other tenants it costs a look into a map.
 */
export const publishChanges = async (context: Context, folded: readonly FoldedAgent[]): Promise<void> => {
  const since = await subscribedTenants(context)()
  const told = folded.filter(({ document }) => document !== undefined && Object.hasOwn(since, document.tenant))
  if (told.length === 0) return
  const byTenant = Map.groupBy(told, ({ document }) => document?.tenant ?? '')
  const messages = [...byTenant].flatMap(([tenant, agents]) => messagesOf(tenant, agents.flatMap(changeOf)))
  await Promise.all(
    messages.map((message) =>
      publish(context, topics.realtimeSync.name, {
        json: message,
        attributes: { 'ce-type': message.type, 'ce-tenant': message.tenant },
      }),
    ),
  )
}

/** What is to be told of an agent; nothing when all of it waits, or was refused. */
const changeOf = ({ agentId, document, deliveries, verdicts, released }: FoldedAgent): AgentChange[] => {
  if (!document) return []
  const delivered = deliveries.flatMap(({ event }, index): AgentEvent[] => {
    const verdict = verdicts[index]
    if (!isReport(event)) return verdict === 'observed' ? [event] : []
    // A duplicate may be one that was stored before a crash, and never told.
    const isStored = verdict === 'applied' || (verdict === 'duplicate' && event.sequence <= document.lastSequence)
    return isStored ? [event] : []
  })
  const parked = released.flatMap(({ raw, publishedAt }) => {
    const parsed = parseEvent(JSON.parse(raw), Date.parse(publishedAt))
    return parsed.ok ? [parsed.value] : []
  })
  const events = [...delivered, ...parked].toSorted((a, b) => sequenceOf(a) - sequenceOf(b))
  if (events.length === 0) return []
  const { createdAt, reported, region, tier, presence } = document
  return [{ agentId, createdAt, state: { ...reported, region, tier, presence: presence?.status ?? null }, events }]
}

/** Observations have no place in the order, and come last. */
const sequenceOf = (event: AgentEvent): number => (isReport(event) ? event.sequence : Infinity)

const messagesOf = (tenant: string, changes: readonly AgentChange[]): AgentsChanged[] => {
  const messages: AgentsChanged[] = []
  let length = 0
  for (const change of changes.flatMap(split)) {
    const size = JSON.stringify(change).length
    const last = messages.at(-1)
    if (last && length + size <= changesLengthMax) last.changes.push(change)
    else {
      messages.push({ type: 'fleet.changed.v1', tenant, changes: [change] })
      length = 0
    }
    length += size
  }
  return messages
}

// An agent of which a commit held very many events goes into several messages.
const split = (change: AgentChange): AgentChange[] => {
  const { events } = change
  if (events.length === 1 || JSON.stringify(change).length <= changesLengthMax) return [change]
  const half = events.length >> 1
  return [events.slice(0, half), events.slice(half)].flatMap((part) => split({ ...change, events: part }))
}
