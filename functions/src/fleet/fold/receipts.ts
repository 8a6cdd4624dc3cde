import type { FoldReceipt } from '@infinity-matrix/contracts'
import type { Verdict } from '@infinity-matrix/core/fleet'
import type { FoldedAgent } from './folded-agent.ts'

/** One receipt of a commit for each tenant that has a share in it. */
export const receiptsOf = (agents: readonly FoldedAgent[], nowMs: number): FoldReceipt[] =>
  [...Map.groupBy(agents, tenantOf)].map(([tenant, ofTenant]) => receiptOf(tenant, ofTenant, nowMs))

// An observation may come before its agent is known; then it says itself whose it is.
const tenantOf = ({ document, deliveries }: FoldedAgent): string =>
  document?.tenant ?? deliveries[0]?.event.tenant ?? ''

const receiptOf = (tenant: string, agents: readonly FoldedAgent[], nowMs: number): FoldReceipt => {
  const counts: Record<Verdict, number> = { applied: 0, duplicate: 0, parked: 0, observed: 0, refused: 0 }
  const lagMs: number[] = []
  const made = (publishedAt: string) => lagMs.push(nowMs - Date.parse(publishedAt))
  let released = 0
  for (const agent of agents) {
    agent.verdicts.forEach((verdict, index) => {
      counts[verdict]++
      const delivery = agent.deliveries[index]
      if (verdict === 'applied' && delivery) made(delivery.publishedAt)
    })
    for (const { publishedAt } of agent.released) made(publishedAt)
    released += agent.released.length
  }
  const { applied, duplicate, parked, observed, refused } = counts
  return { type: 'fleet.folded.v1', tenant, applied, duplicates: duplicate, parked, observed, refused, released, lagMs }
}
