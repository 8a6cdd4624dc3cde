import {
  decide,
  nameOf,
  tenantsOf,
  type Decision,
  type Principal,
  type RefusalReason,
  type Target,
} from '@infinity-matrix/core/access'
import type { Context as Request } from 'hono'
import { RequestProblem } from '../problem.ts'
import { notValid } from '../request-body.ts'
import { callOf } from './call.ts'

export type { Target }

const details: Readonly<Record<RefusalReason, string>> = {
  'credentials-needed': 'Credentials are needed.',
  'invoker-only': 'Only Google calls this.',
  'other-tenant': 'You have no role in the platform, which this is of.',
  'other-agent': 'An agent may do this for itself only.',
  role: 'Your role does not allow this.',
  scope: 'The scopes of these credentials do not include this.',
  'second-factor-needed': 'A second factor is needed: sign in with one.',
  'person-only': 'Only people do this, for their own account.',
  'recent-sign-in-needed': 'Sign in again: for the first passkey that must be at most 5 minutes ago.',
}

const challenge = 'Bearer realm="infinity-matrix"'

/** Without credentials that are good: 401, with the scheme that is wanted. */
export const unauthenticated = (detail: string, error?: 'invalid_token'): RequestProblem =>
  new RequestProblem(401, { detail }, { 'www-authenticate': error ? `${challenge}, error="${error}"` : challenge })

/** @throws {RequestProblem} 401, 403 or 404 unless it is allowed */
export const requireAllowed = (request: Request, decision: Decision, missing?: RequestProblem): void => {
  if (decision.isAllowed) return
  const { status, reason } = decision
  callOf(request).refusal = reason
  if (status === 401) throw unauthenticated(details[reason])
  if (status === 404) throw missing ?? new RequestProblem(404)
  throw new RequestProblem(403, { detail: details[reason] })
}

/** Whether the caller may do what the route does, to this. */
export const mayDo = (request: Request, target: Target): Decision => {
  const { principal, row } = callOf(request)
  return row ? decide(principal, row, target) : { isAllowed: false, status: 403, reason: 'role' }
}

/**
 * Every route that answers of a tenant calls this before it does, or before it changes anything.
 *
 * @param missing what is answered where nothing is there, so that another tenant's things look the same
 * @throws {RequestProblem} 403 or 404 unless the caller may do what the route does in that tenant
 */
export const authorise = (request: Request, target: Target, missing?: RequestProblem): void => {
  const call = callOf(request)
  call.tenant = target.tenant
  requireAllowed(request, mayDo(request, target), missing)
  call.isChecked = true
}

/**
 * The tenant that a list is restricted to: the one that is asked for, or the caller's only one; undefined, which is all, for
 * who has a role in the platform.
 *
 * @throws {RequestProblem} as `authorise`; 400 where the caller has several tenants and names none
 */
export const tenantOfList = (request: Request, asked: string | undefined): string | undefined => {
  const { principal, row } = callOf(request)
  if (asked !== undefined || !row) {
    authorise(request, { tenant: asked ?? null })
    return asked
  }
  const tenants = tenantsOf(principal, row)
  const [only, ...others] = tenants === 'all' ? [] : tenants
  if (tenants !== 'all' && only !== undefined && others.length > 0)
    throw notValid(400, [{ field: 'tenant', rule: `must be given, as one of ${tenants.join(', ')}` }])
  authorise(request, { tenant: only ?? null })
  return only
}

/** Who asks, as entries and documents name them. */
export const callerOf = (request: Request): string => nameOf(callOf(request).principal)

/** Who asks, as an actor of the ledger. */
export const actorOf = ({ kind, id }: Pick<Principal, 'kind' | 'id'>) => ({ kind, id: id.slice(0, 128) })
