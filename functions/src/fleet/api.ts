import { onRequest } from '../runtime/on-request.ts'
import { serveAgents } from './api/agents.ts'

/** The fleet over HTTP: search, desired state, counts and bulk jobs. */
export const api = onRequest(
  { maxInstances: 8, concurrency: 80, memory: '512MiB', cpu: 1, timeoutSeconds: 60 },
  (app, context) => {
    serveAgents(app, context)
  },
)
