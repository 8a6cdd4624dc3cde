import { platformTenant, Slug } from '@infinity-matrix/contracts'
import { formatTraceparent } from '@infinity-matrix/core/trace-context'
import type { MiddlewareHandler } from 'hono'
import type { RouteRow } from '@infinity-matrix/core/access'
import type { Context } from '../context.ts'
import { record, type Happening } from '../ledger.ts'
import { actorOf } from './authorise.ts'
import { beginCall, type Call } from './call.ts'

const subjectLengthMax = 300

/**
 * Begins a call with its trace, and appends it to the ledger before its answer leaves: what could not be recorded is not
 * answered.
 */
export const recordCalls =
  (context: Context, rows: Readonly<Record<string, RouteRow>>): MiddlewareHandler =>
  async (request, next) => {
    const { matchedRoutes } = await import('hono/route')
    const call = beginCall(request, matchedRoutes(request), rows)
    request.set('call', call)
    await next()
    const isStatic = call.row?.callers === 'anyone' && call.row.isStatic === true
    if (!isStatic) await record(context, [happeningOf(call, request.req.path, request.res.status)])
    request.header('x-request-id', call.trace.traceId)
    request.header('traceparent', formatTraceparent(call.trace, call.spanId))
  }

const kindOf = ({ refusal }: Call, status: number): Happening['kind'] => {
  if (refusal === 'bad-credentials' || refusal === 'credentials-needed') return 'authentication'
  if (refusal !== null) return 'authorisation'
  return status >= 500 ? 'error' : 'api-call'
}

const happeningOf = (call: Call, path: string, status: number): Happening => {
  const { principal, route, tenant, refusal, trace } = call
  return {
    kind: kindOf(call, status),
    action: 'api-called',
    actor: actorOf(principal),
    // What events name as theirs may be anything.
    tenant: Slug.safeParse(tenant).data ?? platformTenant,
    // What no route knows may be anything.
    subject: route === null ? 'unknown' : path.slice(0, subjectLengthMax),
    outcome: refusal === null ? (status >= 400 ? 'failed' : 'done') : 'denied',
    reason: refusal,
    trace: trace.traceId,
    details: { route: route ?? 'none', status, method: principal.method },
  }
}
