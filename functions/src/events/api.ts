import { onRequest } from '../runtime/on-request.ts'
import { serveErasures } from './retention/routes.ts'
import { serveDeadLetters } from './letters/routes.ts'
import { serveSubscriptions } from './subscriptions/routes.ts'

/** What people and programs may do about events: dead letters, erasures, subscriptions. */
export const api = onRequest(
  'events-api',
  { maxInstances: 4, concurrency: 40, memory: '512MiB', cpu: 1, timeoutSeconds: 60 },
  (app, context) => {
    serveDeadLetters(app, context)
    serveErasures(app, context)
    serveSubscriptions(app, context)
  },
)
