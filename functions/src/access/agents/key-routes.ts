import { AgentKeyRequest, TenantAgent } from '@infinity-matrix/contracts'
import type { Context as Request, Hono } from 'hono'
import type { Context } from '../../runtime/context.ts'
import { authorise } from '../../runtime/http/authorise.ts'
import { RequestProblem } from '../../runtime/problem.ts'
import { notValid, readJson, readQuery } from '../../runtime/request-body.ts'
import { isStrictPublicKey } from '../../runtime/verify-ed25519.ts'
import { createAgentKeys } from './agent-keys.ts'

const path = '/v1/agent-keys'
const limits = { mediaTypes: ['application/json'], bytesMax: 10_000 }

/** `/v1/agent-keys`: the public keys by which agents show who they are. */
export const serveAgentKeys = (app: Hono, context: Context): void => {
  const keys = createAgentKeys(context)

  const agentIn = (request: Request): TenantAgent => {
    const agent = readQuery(request, TenantAgent)
    authorise(request, { tenant: agent.tenant })
    return agent
  }
  const register = async (request: Request) => {
    const asked = await readJson(request, AgentKeyRequest, limits)
    authorise(request, { tenant: asked.tenant })
    const weak = { field: 'publicKey', rule: 'must be a point of Ed25519 in its one form, and not of small order' }
    if (!isStrictPublicKey(asked.publicKey)) throw notValid(422, [weak])
    const { decision, key } = await keys.add(asked)
    if (decision.kind === 'refused') throw notValid(409, [decision])
    return request.json(key, 201)
  }
  const list = async (request: Request) => request.json({ keys: (await keys.read(agentIn(request))).keys })
  const remove = async (request: Request) => {
    const key = await keys.remove(agentIn(request), request.req.param('id') ?? '')
    if (!key) throw new RequestProblem(404)
    return request.json(key)
  }

  app.post(path, (request) => register(request))
  app.get(path, (request) => list(request))
  app.delete(`${path}/:id`, (request) => remove(request))
}
