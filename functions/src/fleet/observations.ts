import type { AgentObservation, Topic } from '@infinity-matrix/contracts'
import type { Context } from '../runtime/context.ts'
import { record } from '../runtime/ledger.ts'
import { publish } from '../runtime/publish.ts'

/** The agent it is about; `atMs`: when it happened or was noticed, in milliseconds since 1970. */
interface Address {
  /** A new one, unless what is published again is to be known for the same. */
  id?: string
  agentId: string
  tenant: string
  region: string
  tier: AgentObservation['tier']
  atMs: number
}

type Observed = { [O in AgentObservation as O['type']]: { type: O['type']; data: O['data'] } }[AgentObservation['type']]

/**
 * Publishes what the fleet room noticed about an agent, as a CloudEvent. What changes the agent, or asks something of it, is
 * recorded first: what is told stands in the ledger.
 */
export const publishObservation = async (
  context: Context,
  topic: Topic,
  { id = context.newId(), agentId, tenant, region, tier, atMs }: Address,
  { type, data }: Observed,
): Promise<void> => {
  const header = {
    specversion: '1.0',
    id,
    source: '//control-plane/fleet',
    type,
    subject: `agents/${agentId}`,
    time: new Date(atMs).toISOString(),
    tenant,
    region,
    tier,
  }
  if (type !== 'agent.desired-changed.v1')
    await record(context, [
      {
        kind: 'automation',
        action: 'agent-observed',
        tenant,
        subject: header.subject,
        outcome: 'done',
        details: { type, event: id },
      },
    ])
  const attributes = Object.fromEntries(Object.entries(header).map(([name, value]) => [`ce-${name}`, value]))
  await publish(context, topic.name, { json: { ...header, data }, attributes })
}
