import { ingestPath } from '@infinity-matrix/contracts'
import { onRequest } from '../runtime/on-request.ts'
import { foldWindow } from './fold/agent-fold.ts'
import { createIntake } from './intake.ts'

/** Takes events over HTTP: validates and publishes them, and folds them at once for a client that prefers to wait. */
export const ingest = onRequest(
  'fleet-ingest',
  { maxInstances: 8, concurrency: 80, memory: '512MiB', cpu: 1, timeoutSeconds: 60 },
  (app, context) => {
    const take = createIntake({ context, fold: (delivery) => foldWindow(context).submit(delivery) })
    app.post(ingestPath, (request) => take(request))
  },
)
