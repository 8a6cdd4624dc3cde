import { AgentDocument, collections, topics } from '@infinity-matrix/contracts'
import {
  changeDesired,
  desiredPropertiesOf,
  desiredVersionOf,
  desiredViewOf,
  type DesiredChange,
  type DesiredDecision,
} from '@infinity-matrix/core/fleet'
import type { Context } from '../../runtime/context.ts'
import { publishObservation } from '../observations.ts'

export interface ChangedDesired {
  decision: DesiredDecision
  /** The agent as it is after the decision. */
  agent: AgentDocument
}

/**
 * Changes what is desired of an agent, and tells the agent. In a transaction on the agent's document, of which it writes
 * only what belongs to desired: a fold that reads before and writes after it loses its precondition and folds anew.
 *
 * @returns undefined when there is no such agent
 */
export const applyDesiredChange = async (
  context: Context,
  agentId: string,
  change: DesiredChange,
): Promise<ChangedDesired | undefined> => {
  const { firestore, nowMs } = context
  const reference = firestore.collection(collections.agents).doc(agentId)
  const changed = await firestore.runTransaction(async (transaction): Promise<ChangedDesired | undefined> => {
    const snapshot = await transaction.get(reference)
    if (!snapshot.exists) return undefined
    const agent = AgentDocument.parse(snapshot.data())
    const decision = changeDesired(agent, change, nowMs())
    if (decision.kind !== 'changed') return { decision, agent }
    transaction.update(reference, decision.fields)
    return { decision, agent: { ...agent, ...decision.fields } }
  })
  if (changed?.decision.kind === 'changed') await tellDesired(context, changed.agent)
  return changed
}

/**
 * Tells an agent what is desired of it. A crash before it is made up for by `fleet-remindDesired`; an agent that is told
 * twice sees the same version twice.
 */
export const tellDesired = async (context: Context, agent: AgentDocument): Promise<void> => {
  const { agentId, tenant, region, tier } = agent
  await publishObservation(
    context,
    topics.realtimeSync,
    { agentId, tenant, region, tier, atMs: context.nowMs() },
    {
      type: 'agent.desired-changed.v1',
      data: {
        desiredVersion: desiredVersionOf(agent),
        properties: desiredPropertiesOf(agent),
        delta: desiredViewOf(agent).delta,
      },
    },
  )
}
