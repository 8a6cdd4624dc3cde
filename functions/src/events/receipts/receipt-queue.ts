import { FoldReceipt, topicRetentionDays, topics } from '@infinity-matrix/contracts'
import type { PublishedReceipt } from '@infinity-matrix/core/events'
import type { Context } from '../../runtime/context.ts'
import { isAbsence, isExisting } from '../../runtime/failure.ts'
import { ensureTopic } from '../../runtime/publish.ts'

export const rollupSubscription = 'analytics-rollup'
const ackSeconds = 60

/** A receipt that waits, as Pub/Sub names it: the same however often it is delivered. */
export interface QueuedReceipt {
  messageId: string
  ackId: string
  /** Undefined for a message that is no receipt. */
  published: PublishedReceipt | undefined
}

/** The analytics pipeline's own subscription to `analytics.events`, pulled in batches. */
export const openReceiptQueue = async (context: Context) => {
  const { pubsub } = context
  const { v1 } = await import('@google-cloud/pubsub')
  const client = new v1.SubscriberClient({ ...(await pubsub.getClientConfig()) })
  const name = client.subscriptionPath(await client.getProjectId(), rollupSubscription)

  const create = async (): Promise<void> => {
    await ensureTopic(context, topics.analytics.name)
    await pubsub
      .topic(topics.analytics.name)
      .createSubscription(rollupSubscription, {
        ackDeadlineSeconds: ackSeconds,
        // What is acknowledged does not come again.
        enableExactlyOnceDelivery: true,
        messageRetentionDuration: { seconds: topicRetentionDays * 86_400 },
        expirationPolicy: {},
      })
      .catch((error: unknown) => {
        if (!isExisting(error)) throw error
      })
  }

  /** What waits, at most so many; empty when nothing comes within a moment. */
  const pull = async (maxMessages: number): Promise<QueuedReceipt[]> => {
    const [{ receivedMessages }] = await client
      .pull({ subscription: name, maxMessages, returnImmediately: true })
      .catch(async (error: unknown) => {
        if (!isAbsence(error)) throw error
        await create()
        return [{ receivedMessages: [] }]
      })
    return (receivedMessages ?? []).map(({ ackId, message }) => ({
      messageId: message?.messageId ?? '',
      ackId: ackId ?? '',
      published: publishedReceipt(String(message?.data ?? ''), Number(message?.publishTime?.seconds ?? 0) * 1000),
    }))
  }

  const acknowledge = async (queued: readonly QueuedReceipt[]): Promise<void> => {
    await client.acknowledge({ subscription: name, ackIds: queued.map(({ ackId }) => ackId) })
  }

  return { pull, acknowledge, close: () => client.close() }
}

export type ReceiptQueue = Awaited<ReturnType<typeof openReceiptQueue>>

/** A receipt from a message's text; undefined when it is none. */
export const publishedReceipt = (text: string, publishedMs: number): PublishedReceipt | undefined => {
  try {
    const parsed = FoldReceipt.safeParse(JSON.parse(text))
    return parsed.success ? { receipt: parsed.data, publishedMs } : undefined
  } catch {
    return undefined
  }
}
