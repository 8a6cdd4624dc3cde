import { setTimeout as delay } from 'node:timers/promises'
import { parseJson, SweepOrder, topics, type PubSubMessage } from '@infinity-matrix/contracts'
import { alarmOf, shardCount, sweepPeriodSeconds, type SilenceEvent } from '@infinity-matrix/core/fleet'
import type { z } from 'zod'
import { context, type Context } from '../runtime/context.ts'
import { tellCriticalError } from '../runtime/critical-errors.ts'
import { messageOf } from '../runtime/failure.ts'
import { createLeases } from '../runtime/lease.ts'
import { log } from '../runtime/log.ts'
import { onTopic } from '../runtime/on-topic.ts'
import { createCellStore } from './cells/store.ts'
import { silenceId } from './cells/silence-id.ts'
import { createSweeper } from './cells/sweeper.ts'
import { publishObservation } from './observations.ts'

const minuteMs = 60_000
// The next minute's sweeper has been sent out by then, and waits for this one to end.
const overlapMs = 2000
const handOverMsMax = 5000

const tell = async (shared: Context, event: SilenceEvent): Promise<void> => {
  await publishObservation(shared, topics.stateChanges, { ...event, id: silenceId(event) }, event.said)
  const alarm = alarmOf(event)
  if (alarm !== undefined) await tellCriticalError(shared, `agents/${event.agentId}`, 'agent-silent', alarm)
}

/**
 * Watches a share of the shards until the minute is over: a silence is to be told within ten seconds of its bound, and Cloud
 * Scheduler fires once a minute. With nobody to watch it ends.
 */
export const sweepCells = onTopic(
  'fleet-sweepCells',
  { maxInstances: 16, concurrency: 1, memory: '1GiB', cpu: 1, timeoutSeconds: 120 },
  async (message) => {
    const shared = await context()
    const { nowMs } = shared
    const order = orderIn(message)
    if (!order) return
    const untilMs = (Math.floor(order.atMs / minuteMs) + 1) * minuteMs + overlapMs
    // Another minute has an order of its own.
    if (nowMs() >= untilMs) return
    const leases = createLeases(shared)
    const sweeper = createSweeper({
      store: createCellStore(shared.firestore, leases),
      leases,
      tell: (event) => tell(shared, event),
      holder: shared.newId(),
      nowMs,
    })
    const shards = Array.from({ length: shardCount }, (_, shard) => shard).filter(
      (shard) => shard % order.of === order.sweeper,
    )
    await sweeper.start(shards, nowMs() + handOverMsMax)
    do {
      const startedMs = nowMs()
      await sweeper.sweep().catch((error: unknown) => log.error('a sweep failed', { error: messageOf(error) }))
      if (sweeper.size() === 0) break
      await delay(Math.max(0, startedMs + sweepPeriodSeconds * 1000 - nowMs()))
    } while (nowMs() < untilMs)
    await sweeper.stop()
  },
)

/** What is no order would be none however often it came again. */
const orderIn = ({ messageId, data }: z.infer<typeof PubSubMessage>): SweepOrder | undefined => {
  const json = parseJson(Buffer.from(data, 'base64').toString())
  const order = SweepOrder.safeParse(json.ok ? json.value : undefined)
  if (!order.success) log.warn('a message that is no order to sweep', { messageId })
  return order.data
}
