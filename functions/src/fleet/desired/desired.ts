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
import { isAbsence, isContention, overload } from '../../runtime/failure.ts'
import { recordIn, sealSoon } from '../../runtime/ledger.ts'
import { publishObservation } from '../observations.ts'

export interface ChangedDesired {
  decision: DesiredDecision
  /** The agent as it is after the decision. */
  agent: AgentDocument
}

// Each is lost to somebody else's write; a fold writes an agent about once a second.
const attemptsMax = 50

/**
 * Changes what is desired of an agent, and tells the agent. Written under the precondition that nobody wrote the agent
 * since it was read, as the fold writes, and only what belongs to desired: whichever of the two loses reads again and
 * decides anew. A transaction would hold the agent against the fold, and wait a second for each that it meets.
 *
 * @returns undefined when there is no such agent
 * @throws an `overload` when others write the agent all the time
 */
export const applyDesiredChange = async (
  context: Context,
  agentId: string,
  change: DesiredChange,
): Promise<ChangedDesired | undefined> => {
  const reference = context.firestore.collection(collections.agents).doc(agentId)
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const snapshot = await reference.get()
    if (!snapshot.updateTime) return undefined
    const agent = AgentDocument.parse(snapshot.data())
    const decision = changeDesired(agent, change, context.nowMs())
    if (decision.kind !== 'changed') return { decision, agent }
    try {
      const batch = context.firestore.batch()
      batch.update(reference, { ...decision.fields }, { lastUpdateTime: snapshot.updateTime })
      recordIn(context, batch, [
        {
          kind: 'change',
          action: 'desired-changed',
          tenant: agent.tenant,
          subject: reference.path,
          outcome: 'done',
          details: { version: desiredVersionOf({ ...agent, ...decision.fields }) },
        },
      ])
      await batch.commit()
    } catch (error) {
      if (isContention(error) || isAbsence(error)) continue
      throw error
    }
    const changed = { ...agent, ...decision.fields }
    await Promise.all([tellDesired(context, changed), sealSoon(context)])
    return { decision, agent: changed }
  }
  throw overload(`agents/${agentId} was written by others ${attemptsMax} times`)
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
