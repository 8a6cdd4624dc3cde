import { platformTenant } from '@infinity-matrix/contracts'
import { quotaNameOf, type Principal } from '@infinity-matrix/core/access'
import type { Context as Request, MiddlewareHandler } from 'hono'
import { z } from 'zod'
import type { Context } from '../context.ts'
import { quotas as perMinute } from '../params.ts'
import { RequestProblem } from '../problem.ts'
import { createQuotas, type QuotaUse } from '../quota.ts'
import { callOf } from './call.ts'
import type { Authenticate } from './guard.ts'

type Use = [kind: string, use: QuotaUse]

declare module 'hono' {
  interface ContextVariableMap {
    quotaUses?: Use[]
  }
}

const windowSeconds = 60

// https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
const quotaExceeded = 'https://iana.org/assignments/http-problem-types#quota-exceeded'

/**
 * How often a function is called by whom: a principal, its tenant, and an address whose calls show no good credentials. Refused
 * calls are answered 429 with the limit, what of it is used, and when it is free again.
 *
 * @param name of the function
 * @param instancesMax of it
 */
export const createLimits = (context: Context, name: string, instancesMax: number) => {
  const { count, refusal } = createQuotas(context, name)
  const quotaOf = (kind: keyof typeof perMinute) => {
    const limit = perMinute[kind].value()
    return limit > 0 ? { limit, windowSeconds, instancesMax } : undefined
  }

  /**
   * Counts against the address what turns out to be of nobody that is known; those under way when its quota is used up pass.
   * Nothing of what it refuses is recorded.
   */
  const ofAddress: MiddlewareHandler = async (request, next) => {
    const quota = quotaOf('address')
    const key = `address ${addressOf(request)}`
    const refused = quota && refusal(key, quota)
    if (refused) throw tooMany('address', refused, context.nowMs())
    await next()
    if (quota && callOf(request).principal.kind === 'anonymous') await count(key, quota)
    const uses = request.get('quotaUses') ?? []
    if (uses.length > 0) for (const [field, value] of fieldsOf(uses, context.nowMs())) request.header(field, value)
  }

  const admit = async (request: Request, principal: Principal): Promise<void> => {
    const uses: Use[] = []
    for (const [kind, key] of keysOf(principal)) {
      const quota = quotaOf(kind)
      if (!quota) continue
      const use = await count(key, quota)
      if (!use.isAdmitted) throw tooMany(kind, use, context.nowMs())
      uses.push([kind, use])
    }
    request.set('quotaUses', uses)
  }

  /** Counts whoever is known as soon as they are, whatever they may do. */
  const ofPrincipal =
    (authenticate: Authenticate): Authenticate =>
    async (request) => {
      const principal = await authenticate(request)
      if (principal.kind === 'anonymous') return principal
      callOf(request).principal = principal
      await admit(request, principal)
      return principal
    }

  return { ofAddress, ofPrincipal }
}

/** Who is of one tenant counts against it; who is of many, or of the platform, only against themselves. */
const keysOf = (principal: Principal): ['principal' | 'tenant', string][] => {
  const [only, ...others] = Object.keys(principal.roles)
  const tenant = others.length === 0 && only !== platformTenant ? only : undefined
  return [
    ['principal', quotaNameOf(principal)],
    ...(tenant === undefined ? [] : [['tenant', tenant] as ['tenant', string]]),
  ]
}

// As @hono/node-server hands it on; a test that asks the app itself has none.
const Connection = z.object({ incoming: z.object({ socket: z.object({ remoteAddress: z.string() }) }) })

/** Whoever calls may write the header as they like; the last address is what Google's front end saw. */
const addressOf = (request: Request): string => {
  const forwarded = request.req.header('x-forwarded-for')?.split(',').at(-1)?.trim()
  if (forwarded !== undefined) return forwarded
  const connection = Connection.safeParse(request.env)
  return connection.success ? connection.data.incoming.socket.remoteAddress : 'unknown'
}

const secondsUntil = (atMs: number, nowMs: number) => Math.max(1, Math.ceil((atMs - nowMs) / 1000))

const fieldsOf = (uses: readonly Use[], nowMs: number): [string, string][] => [
  ['ratelimit-policy', uses.map(([kind, { limit, windowSeconds: w }]) => `"${kind}";q=${limit};w=${w}`).join(', ')],
  [
    'ratelimit',
    uses
      .map(([kind, { remaining, resetAtMs }]) => `"${kind}";r=${remaining};t=${secondsUntil(resetAtMs, nowMs)}`)
      .join(', '),
  ],
]

const tooMany = (kind: string, use: QuotaUse, nowMs: number): RequestProblem => {
  const { limit, used, resetAtMs } = use
  const resetAt = new Date(resetAtMs).toISOString()
  return new RequestProblem(
    429,
    {
      type: quotaExceeded,
      detail: `The ${kind} may make ${limit} requests a minute, which are used up until ${resetAt}.`,
      limit,
      value: used,
      resetAt,
    },
    { 'retry-after': String(secondsUntil(resetAtMs, nowMs)), ...Object.fromEntries(fieldsOf([[kind, use]], nowMs)) },
  )
}
