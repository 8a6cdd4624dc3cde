import { rollUp, type PublishedReceipt } from '@infinity-matrix/core/events'
import { once } from '../runtime/context.ts'
import { log } from '../runtime/log.ts'
import { onTopic } from '../runtime/on-topic.ts'
import { publishedReceipt } from './receipts/receipt-queue.ts'

// 2 instances with one line of at most 4 KB a second: below 700 MB of logs a day, however much passes.
const lineSeconds = 1
const tenantsMax = 10

const state = once(() => ({ receipts: [] as PublishedReceipt[], writtenAtMs: 0 }))

/**
 * The logger: a structured line about what passed, and what became of it, by tenant. What passes within a second is told in
 * one line, of the tenants with the most; it is telemetry, and a crash loses a second of it.
 */
export const logReceipts = onTopic(
  'events-logReceipts',
  { retry: false, maxInstances: 2, concurrency: 500, memory: '256MiB', cpu: 1, timeoutSeconds: 30 },
  ({ data, publishTime }) => {
    const held = state(undefined)
    const receipt = publishedReceipt(Buffer.from(data, 'base64').toString('utf8'), Date.parse(publishTime))
    if (receipt) held.receipts.push(receipt)
    const nowMs = Date.now()
    if (nowMs - held.writtenAtMs < lineSeconds * 1000) return
    const tenants = rollUp(held.receipts).toSorted((a, b) => b.applied - a.applied)
    log.info('folded', { tenants: tenants.slice(0, tenantsMax), more: Math.max(0, tenants.length - tenantsMax) })
    held.receipts = []
    held.writtenAtMs = nowMs
  },
)
