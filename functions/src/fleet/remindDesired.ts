import { AgentDocument } from '@infinity-matrix/contracts'
import type { Context } from '../runtime/context.ts'
import { onTick } from '../runtime/on-tick.ts'
import { agentsAfter, agentsMatching } from './agents.ts'
import { tellDesired } from './desired/desired.ts'

const pageSize = 500
// Who was told just now has not had its time yet.
const graceSeconds = 60

/** Tells every agent that is not in sync what is desired of it; in parts, each after the one before is told. */
export const remindAll = async (context: Context): Promise<void> => {
  const { firestore, nowMs } = context
  const outOfSync = await agentsMatching(firestore, { inSync: false })
  for (let after: string | null = null; ;) {
    const { docs } = await agentsAfter(outOfSync, after, pageSize).get()
    const agents = docs.map((one) => AgentDocument.parse(one.data()))
    const due = agents.filter(
      ({ desired }) => desired !== null && nowMs() - Date.parse(desired.changedAt) >= graceSeconds * 1000,
    )
    await Promise.all(due.map((agent) => tellDesired(context, agent)))
    const last = agents.at(-1)
    if (!last || agents.length < pageSize) return
    after = last.agentId
  }
}

/**
 * Reminds agents that are not in sync: one that was away, and one of which nobody said what is desired because whoever
 * wrote it died before. A read and a message for each of them, every ten minutes.
 */
export const remindDesired = onTick(
  'fleet-remindDesired',
  { maxInstances: 1, timeoutSeconds: 540, memory: '256MiB' },
  remindAll,
)
