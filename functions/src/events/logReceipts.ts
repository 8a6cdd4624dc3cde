import { PubSubMessage, topics } from '@infinity-matrix/contracts'
import { rollUp, type PublishedReceipt } from '@infinity-matrix/core/events'
import { logger } from 'firebase-functions/logger'
import { onMessagePublished } from 'firebase-functions/pubsub'
import { once } from '../runtime/context.ts'
import { publishedReceipt } from './receipts/receipt-queue.ts'

// 2 instances with one line of at most 4 KB a second: below 700 MB of logs a day, however much passes.
const lineSeconds = 1
const tenantsMax = 10

const state = once(() => ({ receipts: [] as PublishedReceipt[], writtenAtMs: 0 }))

/**
 * The logger: a structured line about what passed, and what became of it, by tenant. What passes within a second is told in
 * one line, of the tenants with the most; it is telemetry, and a crash loses a second of it.
 */
export const logReceipts = onMessagePublished(
  {
    topic: topics.analytics.name,
    retry: false,
    maxInstances: 2,
    concurrency: 500,
    memory: '256MiB',
    cpu: 1,
    timeoutSeconds: 30,
  },
  ({ data: { message } }) => {
    const log = state(undefined)
    const { data, publishTime } = PubSubMessage.parse(message)
    const receipt = publishedReceipt(Buffer.from(data, 'base64').toString('utf8'), Date.parse(publishTime))
    if (receipt) log.receipts.push(receipt)
    const nowMs = Date.now()
    if (nowMs - log.writtenAtMs < lineSeconds * 1000) return
    const tenants = rollUp(log.receipts).toSorted((a, b) => b.applied - a.applied)
    logger.info('folded', { tenants: tenants.slice(0, tenantsMax), more: Math.max(0, tenants.length - tenantsMax) })
    log.receipts = []
    log.writtenAtMs = nowMs
  },
)
