import { onRequest } from '../runtime/on-request.ts'
import { serveDeadLetters } from './letter-routes.ts'

/** What people and programs may do about events: dead letters. */
export const api = onRequest(
  { maxInstances: 4, concurrency: 40, memory: '512MiB', cpu: 1, timeoutSeconds: 60 },
  serveDeadLetters,
)
