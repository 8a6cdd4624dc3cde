import { decideAnywhere, isForRoles, type Principal } from '@infinity-matrix/core/access'
import type { Context as Request, MiddlewareHandler } from 'hono'
import { isRequestProblem, RequestProblem } from '../problem.ts'
import { actingFor } from '../acting.ts'
import { log } from '../log.ts'
import { actorOf, requireAllowed } from './authorise.ts'
import { callOf } from './call.ts'
import { identifyInvoker } from './invoker.ts'

export type Authenticate = (request: Request) => Promise<Principal>

/**
 * Lets nobody through whom the row of the route does not: 401 without good credentials, 403 without the role anywhere. In
 * which tenant it is, only the route knows, and says so to `authorise`; one that answers without having done so is not let
 * answer.
 */
export const guard =
  (authenticate: Authenticate): MiddlewareHandler =>
  async (request, next) => {
    const call = callOf(request)
    const { row } = call
    // No route: what there is not, or not by this method, is told to everyone.
    if (call.route === null) return next()
    if (row === null) throw new Error(`${call.route} has no row in the policy`)
    if (row.callers !== 'anyone') {
      try {
        call.principal = row.callers === 'invoker' ? identifyInvoker(request) : await authenticate(request)
      } catch (error) {
        if (isRequestProblem(error) && error.details.status === 401) call.refusal = 'bad-credentials'
        throw error
      }
      requireAllowed(request, decideAnywhere(call.principal, row))
    }
    await actingFor({ actor: actorOf(call.principal), trace: call.trace.traceId }, next)
    if (!isForRoles(row) || row.tenant !== 'checked' || call.isChecked || request.res.status >= 400) return
    log.error('answered without a check of the tenant', { route: call.route })
    request.res = undefined
    throw new RequestProblem(500)
  }
