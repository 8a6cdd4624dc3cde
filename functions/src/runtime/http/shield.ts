import type { MiddlewareHandler } from 'hono'
import { corsOrigins } from '../params.ts'
import { RequestProblem } from '../problem.ts'

const changing = new Set(['POST', 'PUT', 'PATCH', 'DELETE'])
const corsSecondsMax = 600

const allowedOrigins = (): string[] =>
  corsOrigins
    .value()
    .split(',')
    .map((origin) => origin.trim())
    .filter((origin) => origin !== '')

/**
 * What keeps browsers from being used against the API, before anything else looks at a request: pages of origins that are
 * not declared cannot read an answer (CORS), nor have a signed-in user's browser change anything (CSRF), and nothing that is
 * answered is ever run, framed or guessed to be something else. There are no cookies: credentials are in `authorization`,
 * which no browser sends by itself.
 */
export const shield = async (): Promise<MiddlewareHandler[]> => {
  const [{ cors }, { secureHeaders }] = await Promise.all([import('hono/cors'), import('hono/secure-headers')])
  const origins = allowedOrigins()
  const headers = secureHeaders({
    contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"], sandbox: [] },
    strictTransportSecurity: 'max-age=63072000; includeSubDomains',
    xFrameOptions: 'DENY',
    // Whoever may read an answer is told by CORS.
    crossOriginResourcePolicy: origins.length === 0 ? 'same-origin' : 'cross-origin',
  })
  const noStore: MiddlewareHandler = async (request, next) => {
    await next()
    if (!request.res.headers.has('cache-control')) request.header('cache-control', 'no-store')
  }
  // The same JSON without anything that a browser, were it to take it for HTML, could read as mark-up.
  const withoutMarkup: MiddlewareHandler = async (request, next) => {
    await next()
    const { res } = request
    if (!/^application\/(?:[\w.-]+\+)?json\b/.test(res.headers.get('content-type') ?? '')) return
    const text = await res.clone().text()
    if (!/[<>]/.test(text)) return
    const escaped = text.replaceAll('<', String.raw`\u003c`).replaceAll('>', String.raw`\u003e`)
    request.res = undefined
    request.res = new Response(escaped, { status: res.status, headers: withoutLength(res.headers) })
  }
  const crossOrigin = cors({
    origin: (origin) => (origins.includes(origin) ? origin : null),
    allowMethods: ['GET', 'HEAD', ...changing],
    allowHeaders: ['authorization', 'content-type', 'if-match', 'prefer', 'traceparent'],
    exposeHeaders: [
      'etag',
      'location',
      'preference-applied',
      'ratelimit',
      'ratelimit-policy',
      'retry-after',
      'x-request-id',
    ],
    maxAge: corsSecondsMax,
  })
  return [
    headers,
    noStore,
    withoutMarkup,
    ...(origins.length === 0 ? [] : [crossOrigin]),
    refuseForeignChanges(origins),
  ]
}

const withoutLength = (headers: Headers): Headers => {
  const kept = new Headers(headers)
  kept.delete('content-length')
  return kept
}

/** A browser says from where a request comes; whatever is no browser says nothing. */
const refuseForeignChanges =
  (origins: readonly string[]): MiddlewareHandler =>
  async ({ req }, next) => {
    const [origin, site] = [req.header('origin'), req.header('sec-fetch-site')]
    const isDeclared = origin !== undefined && origins.includes(origin)
    const isForeign =
      origin !== undefined ? !isSameOrigin(origin, req.url) : site === 'cross-site' || site === 'same-site'
    if (changing.has(req.method) && isForeign && !isDeclared)
      throw new RequestProblem(403, {
        detail: 'Pages of this origin may not call the API.',
        errors: [{ field: 'origin', rule: 'must be one of CORS_ORIGINS' }],
      })
    await next()
  }

const isSameOrigin = (origin: string, url: string): boolean =>
  URL.canParse(origin) && new URL(origin).host === new URL(url).host
