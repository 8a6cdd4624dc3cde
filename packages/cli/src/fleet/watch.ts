import type { AgentStatus } from '@infinity-matrix/contracts'
import type { ControlPlane } from '../control-plane.ts'
import { createTally, type Tally } from '../receipts.ts'

/** What is seen of the control plane at one moment. */
export interface Sight {
  uptimeSeconds: number
  /** Over the last ten seconds. */
  eventsPerSecond: number
  byStatus: Record<AgentStatus, number>
  deadLetters: number
  tally: Tally
}

const windowMs = 10_000

/** Watches all agents of the control plane, from now on. */
export const watchControlPlane = async (controlPlane: ControlPlane) => {
  const startedAt = performance.now()
  const tally = createTally()
  const receipts = await controlPlane.onReceipt(tally.add)
  let samples = [{ at: startedAt, delivered: 0 }]

  const look = async (): Promise<Sight> => {
    const [byStatus, deadLetters] = await Promise.all([controlPlane.countByStatus(), controlPlane.countDeadLetters()])
    const now = { at: performance.now(), delivered: tally.delivered() }
    samples = [...samples.filter(({ at }) => at > now.at - windowMs), now]
    const first = samples[0] ?? now
    const seconds = (now.at - first.at) / 1000
    return {
      uptimeSeconds: (now.at - startedAt) / 1000,
      eventsPerSecond: seconds > 0 ? (now.delivered - first.delivered) / seconds : 0,
      byStatus,
      deadLetters,
      tally: tally.read(),
    }
  }

  return { look, close: receipts.close }
}
