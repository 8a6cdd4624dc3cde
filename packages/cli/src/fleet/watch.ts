import type { AgentStatus } from '@infinity-matrix/contracts'
import type { ControlPlane } from '../control-plane.ts'
import { createLag, type LagMs } from '../lag.ts'
import { createTally, type Tally } from '../receipts.ts'

/** What is seen of the control plane at one moment. */
export interface Sight {
  uptimeSeconds: number
  /** Over the last ten seconds. */
  eventsPerSecond: number
  /** Of the last ten seconds too; `tally` has that of the whole time, function instances' cold starts included. */
  lagMs: LagMs
  byStatus: Record<AgentStatus, number>
  deadLetters: number
  tally: Tally
}

const windowMs = 10_000

/** Watches all agents of the control plane, from now on. */
export const watchControlPlane = async (controlPlane: ControlPlane) => {
  const startedAt = performance.now()
  const tally = createTally()
  let recent: { at: number; lagMs: readonly number[] }[] = []
  const receipts = await controlPlane.onReceipt((receipt) => {
    tally.add(receipt)
    recent.push({ at: performance.now(), lagMs: receipt.lagMs })
  })
  let samples = [{ at: startedAt, delivered: 0 }]

  const look = async (): Promise<Sight> => {
    const [byStatus, deadLetters] = await Promise.all([controlPlane.countByStatus(), controlPlane.countDeadLetters()])
    const now = { at: performance.now(), delivered: tally.delivered() }
    samples = [...samples.filter(({ at }) => at > now.at - windowMs), now]
    const first = samples[0] ?? now
    const seconds = (now.at - first.at) / 1000
    recent = recent.filter(({ at }) => at > now.at - windowMs)
    const lag = createLag()
    for (const { lagMs } of recent) lag.record(lagMs)
    return {
      uptimeSeconds: (now.at - startedAt) / 1000,
      eventsPerSecond: seconds > 0 ? (now.delivered - first.delivered) / seconds : 0,
      lagMs: lag.percentiles(),
      byStatus,
      deadLetters,
      tally: tally.read(),
    }
  }

  return { look, close: receipts.close }
}
