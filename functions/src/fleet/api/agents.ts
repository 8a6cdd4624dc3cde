import {
  AgentId,
  Properties,
  propertiesLengthMax,
  transitionsOf,
  type AgentDocument,
  type AgentPage,
  type AgentView,
} from '@infinity-matrix/contracts'
import { desiredVersionOf, desiredViewOf, type DesiredChange } from '@infinity-matrix/core/fleet'
import type { Context as Request, Hono } from 'hono'
import type { Context } from '../../runtime/context.ts'
import { authorise, callerOf, tenantOfList } from '../../runtime/http/authorise.ts'
import { RequestProblem } from '../../runtime/problem.ts'
import { readJson, readQuery } from '../../runtime/request-body.ts'
import { readAgent, searchAgents } from '../agents.ts'
import { applyDesiredChange } from '../desired/desired.ts'
import { FilterQuery } from './filter.ts'
import { PageQuery, tokenOf } from './paging.ts'

const etagOf = (agent: AgentDocument) => `"${desiredVersionOf(agent)}"`
const ifMatchRule = 'must be the ETag of the desired state that you changed, such as "3", or * for whatever it is'

/** The version that a change is meant under; undefined for any. */
const ifVersionOf = (request: Request): number | undefined => {
  const condition = request.req.header('if-match')
  const errors = [{ field: 'if-match', rule: ifMatchRule }]
  if (condition === undefined) throw new RequestProblem(428, { detail: 'A change is conditional.', errors })
  if (condition === '*') return undefined
  const [, version] = /^"(\d{1,15})"$/.exec(condition) ?? []
  if (version === undefined) throw new RequestProblem(400, { errors })
  return Number(version)
}

const noAgent = () => new RequestProblem(404, { detail: 'There is no such agent.' })
const conflictOf = (agent: AgentDocument, ifVersion: number | undefined) => {
  const { desired } = desiredViewOf(agent)
  const last = desired.changedAt === null ? 'never changed' : `changed by ${desired.changedBy} at ${desired.changedAt}`
  const detail = `The change is meant under version ${ifVersion}, and the desired state has version ${desired.version}, ${last}.`
  return new RequestProblem(412, { detail, current: desired }, { etag: etagOf(agent) })
}

// What people send may be spaced out; what is stored is not.
const bytesMax = propertiesLengthMax * 4
const bodies = {
  replace: { mediaTypes: ['application/json'], bytesMax },
  merge: { mediaTypes: ['application/merge-patch+json', 'application/json'], bytesMax },
}

/** Agents as people and other systems find them, and what they desire of them. */
export const serveAgents = (app: Hono, context: Context): void => {
  const { firestore } = context
  const agentOf = async (request: Request) => {
    const agentId = request.req.param('agentId') ?? ''
    const agent = AgentId.safeParse(agentId).success ? await readAgent(firestore, agentId) : undefined
    if (!agent) throw noAgent()
    authorise(request, { tenant: agent.tenant, agentId }, noAgent())
    return agent
  }

  const search = async (request: Request) => {
    const { pageSize, pageToken } = readQuery(request, PageQuery)
    const asked = readQuery(request, FilterQuery)
    const tenant = tenantOfList(request, asked.tenant)
    const filter = tenant === undefined ? asked : { ...asked, tenant }
    const agents = await searchAgents(firestore, filter, { pageSize, afterAgentId: pageToken })
    const last = agents.length === pageSize ? agents.at(-1) : undefined
    return request.json({ agents, ...(last ? { nextPageToken: tokenOf(last.agentId) } : {}) } satisfies AgentPage)
  }

  const show = async (request: Request) => {
    const agent = await agentOf(request)
    const { desired, reported, delta } = desiredViewOf(agent)
    return request.json({
      ...agent,
      properties: reported.properties,
      desired,
      delta,
      parked: agent.parked.map(({ sequence }) => sequence),
      transitions: transitionsOf(agent),
    } satisfies AgentView)
  }

  const showDesired = async (request: Request) => {
    const agent = await agentOf(request)
    return request.json(desiredViewOf(agent), 200, { etag: etagOf(agent) })
  }

  const change = async (request: Request, how: DesiredChange['how']) => {
    const { agentId } = await agentOf(request)
    const ifVersion = ifVersionOf(request)
    const properties = await readJson(request, Properties, bodies[how])
    const changedBy = callerOf(request)
    const changed = await applyDesiredChange(context, agentId, { how, properties, changedBy, ifVersion, jobId: null })
    if (!changed) throw noAgent()
    const { decision, agent } = changed
    if (decision.kind === 'conflict') throw conflictOf(agent, ifVersion)
    if (decision.kind === 'refused') throw new RequestProblem(422, { errors: [{ field: '', rule: decision.rule }] })
    return request.json(desiredViewOf(agent), 200, { etag: etagOf(agent) })
  }

  app.get('/v1/agents', (request) => search(request))
  app.get('/v1/agents/:agentId', (request) => show(request))
  app.get('/v1/agents/:agentId/desired', (request) => showDesired(request))
  app.put('/v1/agents/:agentId/desired', (request) => change(request, 'replace'))
  app.patch('/v1/agents/:agentId/desired', (request) => change(request, 'merge'))
}
