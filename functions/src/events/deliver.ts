import { onRequest } from '../runtime/on-request.ts'
import { serveDeliveries } from './subscriptions/deliveries.ts'

/** Posts what Pub/Sub holds for a subscriber to its endpoint. Only Pub/Sub calls it. */
export const deliver = onRequest(
  'events-deliver',
  { maxInstances: 20, concurrency: 100, memory: '512MiB', cpu: 1, timeoutSeconds: 30 },
  serveDeliveries,
)
