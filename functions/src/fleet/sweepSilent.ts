import { sweepsTopic, type SweepOrder } from '@infinity-matrix/contracts'
import { onTick } from '../runtime/on-tick.ts'
import { sweepers } from '../runtime/params.ts'
import { publish } from '../runtime/publish.ts'

/** Sends the sweepers out, each to its share of the shards, at the beginning of each minute. */
export const sweepSilent = onTick(
  'fleet-sweepSilent',
  { maxInstances: 1, timeoutSeconds: 55, memory: '256MiB' },
  async (context) => {
    const of = sweepers.value()
    const orders = Array.from({ length: of }, (_, sweeper): SweepOrder => ({ sweeper, of, atMs: context.nowMs() }))
    await Promise.all(orders.map((order) => publish(context, sweepsTopic, { json: order })))
  },
)
