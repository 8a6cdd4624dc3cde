import { http } from '../wire/node-http.ts'
import type { Delivery } from './delivery.ts'
import type { Subscription } from './subscription.ts'

export interface PushBody {
  headers: Record<string, string>
  body: string | Uint8Array
}

// They say how the body is sent, which is not for the publisher to decide.
const RESERVED: ReadonlySet<string> = new Set([
  'authorization',
  'connection',
  'content-length',
  'expect',
  'host',
  'transfer-encoding',
  'upgrade',
])

/** Whether an attribute can be a header: HTTP allows fewer characters than Pub/Sub. */
const isHeader = (name: string, value: string): boolean => {
  if (RESERVED.has(name.toLowerCase())) return false
  try {
    http.validateHeaderName(name)
    http.validateHeaderValue(name, value)
    return true
  } catch {
    return false
  }
}

/** The POST that delivers one message, https://cloud.google.com/pubsub/docs/push#receive_push */
export const pushBody = (subscription: Subscription, delivery: Delivery): PushBody => {
  const { wire, publishedMs } = delivery.message
  const { name, pushConfig } = subscription.resource
  const publishTime = new Date(publishedMs).toISOString()
  if (pushConfig?.noWrapper) {
    const headers: Record<string, string> = {}
    if (pushConfig.noWrapper.writeMetadata) {
      headers['x-goog-pubsub-subscription-name'] = name
      headers['x-goog-pubsub-message-id'] = wire.messageId
      headers['x-goog-pubsub-publish-time'] = publishTime
      if (wire.orderingKey && isHeader('x-goog-pubsub-ordering-key', wire.orderingKey))
        headers['x-goog-pubsub-ordering-key'] = wire.orderingKey
      for (const [key, value] of Object.entries(wire.attributes)) if (isHeader(key, value)) headers[key] = value
    }
    return { headers, body: wire.data }
  }
  const attempt = subscription.deliveryAttempt(delivery)
  return {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      ...(attempt > 0 && { deliveryAttempt: attempt }),
      message: {
        ...(Object.keys(wire.attributes).length > 0 && { attributes: wire.attributes }),
        ...(wire.data.length > 0 && { data: Buffer.from(wire.data).toString('base64') }),
        messageId: wire.messageId,
        message_id: wire.messageId,
        ...(wire.orderingKey && { orderingKey: wire.orderingKey }),
        publishTime,
        publish_time: publishTime,
      },
      subscription: name,
    }),
  }
}
