import {
  agentChallengePath,
  agentTokenPath,
  AgentTokenRequest,
  agentTokenSeconds,
  agentTokensMax,
  TenantAgent,
} from '@infinity-matrix/contracts'
import { agentPrincipal } from '@infinity-matrix/core/access'
import type { Context as Request, Hono } from 'hono'
import type { Context } from '../../runtime/context.ts'
import { unauthenticated } from '../../runtime/http/authorise.ts'
import { callOf } from '../../runtime/http/call.ts'
import { RequestProblem } from '../../runtime/problem.ts'
import { readJson } from '../../runtime/request-body.ts'
import { createAgentDesk } from './agent-tokens.ts'

const limits = { mediaTypes: ['application/json'], bytesMax: 10_000 }
// Neither is for anybody's cache.
const uncached = { 'cache-control': 'no-store' }

const tooMany = (freeAt: string, nowMs: number) =>
  new RequestProblem(
    429,
    {
      detail: `An agent has at most ${agentTokensMax} tokens a minute: keep one until it expires.`,
      limit: agentTokensMax,
      value: agentTokensMax + 1,
      resetAt: freeAt,
    },
    { 'retry-after': String(Math.max(1, Math.ceil((Date.parse(freeAt) - nowMs) / 1000))) },
  )

/** `/v1/agent-tokens`: challenges, and tokens for those that are signed. Whoever has no key of an agent learns nothing of it. */
export const serveAgentTokens = (app: Hono, context: Context): void => {
  const desk = createAgentDesk(context)

  const challenge = async (request: Request) =>
    request.json(await desk.challenge(await readJson(request, TenantAgent, limits)), 200, uncached)

  const redeem = async (request: Request) => {
    const call = callOf(request)
    const redeemed = await desk.redeem(await readJson(request, AgentTokenRequest, limits))
    if (redeemed.kind === 'too-many') throw tooMany(redeemed.freeAt, context.nowMs())
    if (redeemed.kind === 'refused') {
      call.refusal = 'bad-credentials'
      throw unauthenticated('The challenge or its signature is not good, or not any more.', 'invalid_token')
    }
    const { agent, token } = redeemed
    call.principal = agentPrincipal(agent)
    call.tenant = agent.tenant
    return request.json({ token, expiresInSeconds: agentTokenSeconds }, 200, uncached)
  }

  app.post(agentChallengePath, (request) => challenge(request))
  app.post(agentTokenPath, (request) => redeem(request))
}
