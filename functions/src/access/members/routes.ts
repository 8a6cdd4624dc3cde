import { MemberGrant, platformTenant, RoleTenant, type Member, type MemberView } from '@infinity-matrix/contracts'
import { decide, mayLeaveEmpty, type MemberDecision } from '@infinity-matrix/core/access'
import type { Context as Request, Hono } from 'hono'
import { z } from 'zod'
import type { Context } from '../../runtime/context.ts'
import { authorise } from '../../runtime/http/authorise.ts'
import { callOf } from '../../runtime/http/call.ts'
import { RequestProblem } from '../../runtime/problem.ts'
import { notValid, readJson, readQuery } from '../../runtime/request-body.ts'
import { openAccountsNow, type Accounts } from './accounts.ts'
import { createMembers, type Members } from './members.ts'

const limits = { mediaTypes: ['application/json'], bytesMax: 10_000 }
const OfTenant = z.strictObject({ tenant: RoleTenant })

const viewOf = ({ uid, roles, changedAt }: Member, tenant: string): MemberView[] => {
  const role = roles[tenant]
  return role === undefined ? [] : [{ uid, tenant, role, changedAt }]
}

/** The platform's own may leave a tenant without an admin. */
const leaveOf = (request: Request, tenant: string) => {
  const { principal, row } = callOf(request)
  const isPlatformAdmin = row !== null && decide(principal, row, { tenant: platformTenant }).isAllowed
  return { mayLeaveEmpty: mayLeaveEmpty(tenant, isPlatformAdmin) }
}

const refuse = (decision: MemberDecision): void => {
  if (decision.kind === 'refused') throw new RequestProblem(409, { errors: [{ field: 'role', rule: decision.rule }] })
}

/** `/v1/members`. */
export const serveMembers = (
  app: Hono,
  context: Context,
  accounts: () => Promise<Accounts> = openAccountsNow,
): void => {
  const members = async (): Promise<Members> => createMembers(context, await accounts())

  const uidOf = async ({ uid, email, tenant }: MemberGrant, store: Members): Promise<string> => {
    const found = email === undefined ? uid : await store.lookUp(email, tenant)
    const field = email === undefined ? 'uid' : 'email'
    if (found === undefined || (email === undefined && !(await (await accounts()).exists(found))))
      throw notValid(422, [{ field, rule: 'must be of an account, which its owner makes by signing in' }])
    return found
  }

  const grant = async (request: Request) => {
    const asked = await readJson(request, MemberGrant, limits)
    const { tenant, role, email } = asked
    authorise(request, { tenant })
    const store = await members()
    const uid = await uidOf(asked, store)
    refuse(await store.grant({ uid, email }, tenant, role, leaveOf(request, tenant)))
    const member = await store.get(uid)
    return request.json(member ? viewOf(member, tenant)[0] : undefined)
  }

  const list = async (request: Request) => {
    const { tenant } = readQuery(request, OfTenant)
    authorise(request, { tenant })
    const found = await (await members()).list(tenant)
    return request.json({ members: found.flatMap((member) => viewOf(member, tenant)) })
  }

  /** The account that a path names, which has a role in the tenant that the query names. */
  const memberOf = async (request: Request) => {
    const { tenant } = readQuery(request, OfTenant)
    authorise(request, { tenant })
    const uid = request.req.param('uid') ?? ''
    const store = await members()
    const member = /^[A-Za-z0-9_-]{1,128}$/.test(uid) ? await store.get(uid) : undefined
    const [view] = member ? viewOf(member, tenant) : []
    if (!view) throw new RequestProblem(404)
    return { view, store }
  }

  const remove = async (request: Request) => {
    const { view, store } = await memberOf(request)
    refuse(await store.remove(view.uid, view.tenant, leaveOf(request, view.tenant)))
    return request.json(view)
  }

  const endSessions = async (request: Request) => {
    const { view, store } = await memberOf(request)
    await store.endSessions(view.uid, view.tenant)
    return request.json(view)
  }

  app.post('/v1/members', (request) => grant(request))
  app.get('/v1/members', (request) => list(request))
  app.delete('/v1/members/:uid', (request) => remove(request))
  app.post('/v1/members/:uid/end-sessions', (request) => endSessions(request))
}
