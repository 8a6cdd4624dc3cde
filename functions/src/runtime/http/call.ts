import { randomBytes } from 'node:crypto'
import { anonymous, type Principal, type RefusalReason, type RouteRow } from '@infinity-matrix/core/access'
import { parseTraceparent, type TraceContext } from '@infinity-matrix/core/trace-context'
import type { Context as Request } from 'hono'
import type { RouterRoute } from 'hono/types'

/** What is known of a request beside the request itself. */
export interface Call {
  trace: TraceContext
  /** Our own span, which what is called from here has as its parent. */
  spanId: string
  /** Method and path of the route that serves it, such as `GET /v1/agents/:agentId`; null where none does. */
  route: string | null
  row: RouteRow | null
  principal: Principal
  /** The tenant of what was asked for, once it was checked; null for the platform. */
  tenant: string | null
  isChecked: boolean
  /** Why it was refused; null unless it was. */
  refusal: RefusalReason | 'bad-credentials' | null
}

declare module 'hono' {
  interface ContextVariableMap {
    call: Call
  }
}

export const callOf = (request: Request): Call => request.get('call')

/** A call as it begins: nothing is known of who makes it. @param matched the routes that hono matched to it */
export const beginCall = (
  request: Request,
  matched: readonly RouterRoute[],
  rows: Readonly<Record<string, RouteRow>>,
): Call => {
  const served = matched.findLast(({ method }) => method !== 'ALL')
  const route = served ? `${served.method} ${served.path}` : null
  return {
    trace: parseTraceparent(request.req.header('traceparent') ?? '') ?? {
      traceId: randomBytes(16).toString('hex'),
      parentSpanId: null,
      flags: '01',
    },
    spanId: randomBytes(8).toString('hex'),
    route,
    row: route === null ? null : (rows[route] ?? null),
    principal: anonymous,
    tenant: null,
    isChecked: false,
    refusal: null,
  }
}
