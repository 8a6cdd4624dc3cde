import { platformTenant, type Role } from '@infinity-matrix/contracts'
import { rolesIn, type Principal } from './principal.ts'
import { isForRoles, type RoleRow, type RouteRow } from './policy.ts'

/** `status`: as HTTP tells it. Of another tenant's things nobody hears whether they exist. */
export type Decision = { isAllowed: true } | { isAllowed: false; status: 401 | 403 | 404; reason: RefusalReason }
export type RefusalReason =
  | 'credentials-needed'
  | 'invoker-only'
  | 'other-tenant'
  | 'other-agent'
  | 'role'
  | 'scope'
  | 'second-factor-needed'
  | 'person-only'
  | 'recent-sign-in-needed'

export const allowed: Decision = { isAllowed: true }
const refused = (status: 401 | 403 | 404, reason: RefusalReason): Decision => ({ isAllowed: false, status, reason })

/**
 * What a request is about: a tenant, null for what belongs to the platform; and an agent, where it is about one. What is about
 * none is not for agents.
 */
export interface Target {
  tenant: string | null
  agentId?: string
}

/** Decides by the row of a route, for one tenant. */
export const decide = (principal: Principal, row: RouteRow, { tenant, agentId }: Target): Decision => {
  if (!isForRoles(row)) return decideByKind(principal, row.callers)
  if (principal.kind === 'anonymous') return refused(401, 'credentials-needed')
  const roles = rolesIn(principal, row.tenant === 'platform' ? null : tenant)
  if (roles.length === 0) return refused(row.tenant === 'platform' ? 403 : 404, 'other-tenant')
  if (principal.kind === 'agent' && agentId !== principal.id) return refused(404, 'other-agent')
  return decideByRoles(principal, row, roles)
}

const decideByKind = ({ kind, method }: Principal, callers: 'anyone' | 'invoker' | 'person'): Decision => {
  if (callers === 'anyone') return allowed
  if (callers === 'invoker') return method === 'invoker' ? allowed : refused(403, 'invoker-only')
  if (kind === 'anonymous') return refused(401, 'credentials-needed')
  return kind === 'person' ? allowed : refused(403, 'person-only')
}

/** Whether there is any tenant in which the row lets the principal in: who has none need not be asked which it is. */
export const decideAnywhere = (principal: Principal, row: RouteRow): Decision => {
  if (!isForRoles(row) || row.tenant === 'platform' || principal.kind === 'anonymous')
    return decide(principal, row, { tenant: null })
  return decideByRoles(principal, row, Object.values(principal.roles))
}

/** The tenants in which the row lets the principal in; `all` for who has a role in the platform. */
export const tenantsOf = (principal: Principal, row: RouteRow): 'all' | string[] => {
  if (decide(principal, row, { tenant: null }).isAllowed) return 'all'
  return Object.keys(principal.roles)
    .filter((tenant) => tenant !== platformTenant && decide(principal, row, { tenant }).isAllowed)
    .toSorted()
}

const decideByRoles = (principal: Principal, row: RoleRow, roles: readonly Role[]): Decision => {
  const decisions = roles.map((role) => decideByRole(principal, row, role))
  return decisions.find(({ isAllowed }) => isAllowed) ?? decisions[0] ?? refused(403, 'role')
}

const decideByRole = ({ scopes, hasSecondFactor }: Principal, { callers, scope }: RoleRow, role: Role): Decision => {
  const needsFactor = role === 'admin' && !hasSecondFactor
  // Without a second factor an admin is an editor.
  if (!callers.includes(needsFactor ? 'editor' : role))
    return refused(403, needsFactor && callers.includes('admin') ? 'second-factor-needed' : 'role')
  if (scopes !== null && (scope === null || !scopes.includes(scope))) return refused(403, 'scope')
  return allowed
}
