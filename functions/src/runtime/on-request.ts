import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Hono, MiddlewareHandler } from 'hono'
import type { HttpsFunction } from 'firebase-functions/https'
import { onMessagePublished, type PubSubOptions } from 'firebase-functions/pubsub'
import { z } from 'zod'
import { functionRow, routeRows, type FunctionFiredBy, type RouteRow } from '@infinity-matrix/core/access'
import { actingFor } from './acting.ts'
import { context, once, type Context } from './context.ts'
import { isPassing, messageOf } from './failure.ts'
import { isRangeFull } from './governor.ts'
import { answerFrameworkErrors, unreadBodyOf } from './framework-errors.ts'
import { callOf } from './http/call.ts'
import type { Authenticate } from './http/guard.ts'
import { controlPlaneActor } from './ledger.ts'
import { log } from './log.ts'
import { isRequestProblem, problemResponse, RequestProblem, unavailable } from './problem.ts'

type RequestOptions = Omit<PubSubOptions, 'topic' | 'retry'> & { maxInstances: number; concurrency: number }
type Serve = (app: Hono, context: Context) => void

export interface AppOptions {
  /** The rows of the routes; the policy's own but for tests. */
  rows?: Readonly<Record<string, RouteRow>>
  authenticate?: Authenticate
  /** Of the function: those who call it have a quota of it, which all its instances share. */
  name?: string
  instancesMax?: number
}

/**
 * A function that serves HTTP. Whatever a route throws is answered as problem+json (RFC 9457): a `RequestProblem` as it
 * says, a backend that is overloaded or away as 503, anything else as 500 without its reason, which is logged.
 *
 * @param name as it is deployed; its row in the policy says who reaches it
 * @param serve adds the routes, at the first request of an instance
 */
export const onRequest = (
  name: FunctionFiredBy<'callers' | 'push'>,
  options: RequestOptions,
  serve: Serve,
  appOptions: AppOptions = {},
) => {
  answerFrameworkErrors(undefined)
  const isPrivate = functionRow(name, 'callers', 'push').firedBy === 'push'
  const asItself = { actor: controlPlaneActor(name), trace: null }
  const openApp = async () => {
    const app = await createApp(serve, { ...appOptions, name, instancesMax: options.maxInstances })
    const misplaced = routesOf(app).find((route) => (rowOf(route, appOptions).callers === 'invoker') !== isPrivate)
    if (misplaced !== undefined) throw new Error(`${misplaced} does not belong to ${name}, by the rows of both`)
    return app
  }
  const listener = once(async () => {
    const [{ getRequestListener }, app] = await Promise.all([import('@hono/node-server'), openApp()])
    return getRequestListener(app.fetch, { overrideGlobalObjects: false, errorHandler: answerAdapterError })
  })
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const listen = await listener(undefined)
    await actingFor(asItself, () => listen(request, response))
  }
  const endpoint = endpointOf(options, isPrivate ? 'private' : 'public')
  return Object.assign(handle, { __endpoint: endpoint, deployedAs: name, openApp }) satisfies HttpsFunction
}

/**
 * Routes in an app that answers errors as `onRequest` says, and lets in whom the policy does. Each request passes, in this
 * order: what keeps browsers from being misused, the quota of its address, the record of the call, the guard with the
 * quotas of who makes it, and what the framework said of its body.
 *
 * @throws where a route has no row
 */
export const createApp = async (serve: Serve, options: AppOptions = {}): Promise<Hono> => {
  const [
    { Hono },
    { methodNotAllowed },
    shared,
    { shield },
    { createLimits },
    { guard },
    { recordCalls },
    authentication,
  ] = await Promise.all([
    import('hono'),
    import('hono/method-not-allowed'),
    context(),
    import('./http/shield.ts'),
    import('./http/limits.ts'),
    import('./http/guard.ts'),
    import('./http/record-calls.ts'),
    import('./http/authenticate.ts'),
  ])
  const { rows = routeRows, authenticate = authentication.createAuthenticate(shared) } = options
  const limits = createLimits(shared, options.name ?? 'app', options.instancesMax ?? 1)
  const app = new Hono()
  const onMethodNotAllowed = (_: unknown, methods: string[]) =>
    problemResponse(new RequestProblem(405, {}, { allow: methods.join(', ') }))
  for (const handler of await shield()) app.use(handler)
  app.use(limits.ofAddress)
  app.use(recordCalls(shared, rows))
  app.use(methodNotAllowed({ app, onMethodNotAllowed }))
  app.use(guard(limits.ofPrincipal(authenticate)))
  app.use(refuseUnreadBody)
  app.notFound(() => problemResponse(new RequestProblem(404)))
  app.onError((error, request) => {
    if (!isRequestProblem(error))
      log.error('request failed', { route: callOf(request).route ?? 'none', error: messageOf(error) })
    return problemResponse(problemOf(error))
  })
  serve(app, shared)
  for (const route of routesOf(app)) rowOf(route, options)
  return app
}

// As @hono/node-server hands the request on; a test that asks the app itself has none.
const Incoming = z.object({ incoming: z.unknown() })

const refuseUnreadBody: MiddlewareHandler = async ({ env }, next) => {
  const unread = unreadBodyOf(Incoming.safeParse(env).data?.incoming)
  if (unread) throw unread
  await next()
}

/** The routes of an app, such as `GET /v1/agents`. */
export const routesOf = (app: Hono): string[] => [
  ...new Set(app.routes.filter(({ method }) => method !== 'ALL').map(({ method, path }) => `${method} ${path}`)),
]

const rowOf = (route: string, { rows = routeRows }: AppOptions): RouteRow => {
  const row = Object.hasOwn(rows, route) ? rows[route] : undefined
  if (!row) throw new Error(`${route} has no row in packages/core/src/access/policy.ts`)
  return row
}

// What is wrong before there is a request that the app could see: its URL or its host.
const answerAdapterError = (error: unknown): Response => {
  const isOfRequest = error instanceof Error && error.name === 'RequestError'
  return problemResponse(isOfRequest ? new RequestProblem(400, { detail: 'The URL is not valid.' }) : problemOf(error))
}

const problemOf = (error: unknown): RequestProblem => {
  if (isRequestProblem(error)) return error
  if (isRangeFull(error)) return unavailable(error.message, error.waitSeconds)
  return isPassing(error) ? unavailable('The control plane is busy.', 1) : new RequestProblem(500)
}

// What the SDK's own onRequest declares. Its module loads firebase-admin, which is 200 ms of every cold start of every
// function; the one for topics declares the same but for the trigger.
const endpointOf = (options: RequestOptions, invoker: 'private' | 'public'): HttpsFunction['__endpoint'] => {
  const { eventTrigger: _, ...endpoint } = onMessagePublished({ ...options, topic: 'none' }, () => {}).__endpoint
  return { ...endpoint, httpsTrigger: { invoker: [invoker] } }
}
