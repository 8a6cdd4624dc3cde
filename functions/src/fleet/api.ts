import { collections } from '@infinity-matrix/contracts'
import { governor } from '../runtime/governor.ts'
import { onRequest } from '../runtime/on-request.ts'
import { serveAgents } from './api/agents.ts'
import { serveCounts } from './api/counts.ts'
import { serveJobs } from './api/jobs.ts'

// As long as a client would wait for an answer.
const workSeconds = 20

/** The fleet over HTTP: search, desired state, counts and bulk jobs. */
export const api = onRequest(
  'fleet-api',
  { maxInstances: 8, concurrency: 80, memory: '512MiB', cpu: 1, timeoutSeconds: 60 },
  (app, context) => {
    serveAgents(app, context)
    serveCounts(app, context)
    serveJobs(app, context, {
      untilMs: () => context.nowMs() + workSeconds * 1000,
      admit: (writes) => governor(context).admit(collections.agents, writes),
    })
  },
)
