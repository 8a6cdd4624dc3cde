import { onRequest } from '../runtime/on-request.ts'
import { serveAgentTokens } from './agents/token-routes.ts'

/** Tokens for agents. They are many: so they have a function of their own, whose quotas are not those of people. */
export const agentTokens = onRequest(
  'access-agentTokens',
  { maxInstances: 8, concurrency: 80, memory: '512MiB', cpu: 1, timeoutSeconds: 60 },
  serveAgentTokens,
)
