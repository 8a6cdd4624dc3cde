import { AgentDocument, collections, topics } from '@infinity-matrix/contracts'
import { needsResync } from '@infinity-matrix/core/fleet'
import type { Context } from '../runtime/context.ts'
import { onTick } from '../runtime/on-tick.ts'
import { gapBoundSeconds } from '../runtime/params.ts'
import { publishObservation } from './observations.ts'

const pageSize = 500

const requestResync = async (
  context: Context,
  { agentId, tenant, region, tier, lastSequence, gapSince }: AgentDocument,
) => {
  if (gapSince === null) return
  const nowMs = context.nowMs()
  await publishObservation(
    context,
    topics.realtimeSync,
    { agentId, tenant, region, tier, atMs: nowMs },
    {
      type: 'agent.resync-requested.v1',
      data: { afterSequence: lastSequence, gapSince },
    },
  )
  // Noted after it is published: a crash in between asks twice, and an agent may answer twice.
  const agent = context.firestore.collection(collections.agents).doc(agentId)
  await agent.update({ resyncRequestedAt: new Date(nowMs).toISOString() })
}

/** Asks agents whose missing report did not come within the bound for a snapshot, and asks again while it does not come. */
export const sweepGaps = onTick(
  'fleet-sweepGaps',
  { maxInstances: 1, timeoutSeconds: 55, memory: '256MiB' },
  async (context) => {
    const nowMs = context.nowMs()
    const boundMs = gapBoundSeconds.value() * 1000
    // By whether there is one, not by its time: an index of times that only grow takes 500 writes a second.
    const withGap = context.firestore.collection(collections.agents).where('hasGap', '==', true).limit(pageSize)
    let page = await withGap.get()
    for (;;) {
      const agents = page.docs.map((snapshot) => AgentDocument.parse(snapshot.data()))
      const due = agents.filter((agent) => needsResync(agent, nowMs, boundMs))
      await Promise.all(due.map((agent) => requestResync(context, agent)))
      const last = page.docs.at(-1)
      if (!last || page.size < pageSize) return
      page = await withGap.startAfter(last).get()
    }
  },
)
