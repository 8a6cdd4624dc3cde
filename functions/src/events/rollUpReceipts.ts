import { once, type Context } from '../runtime/context.ts'
import { onTick } from '../runtime/on-tick.ts'
import { openReceiptQueue } from './receipts/receipt-queue.ts'
import { createRollups } from './receipts/rollups.ts'

const workSeconds = 45
const rollups = once(async (context: Context) => createRollups(context, await openReceiptQueue(context)))

/** The analytics pipeline: each minute, what waits on `analytics.events` goes into rollups by tenant and minute. */
export const rollUpReceipts = onTick(
  'events-rollUpReceipts',
  { maxInstances: 1, timeoutSeconds: 58, memory: '256MiB' },
  async (context) => (await rollups(context)).work(workSeconds),
)
