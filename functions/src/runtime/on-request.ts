import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Hono } from 'hono'
import type { HttpsFunction } from 'firebase-functions/https'
import { logger } from 'firebase-functions/logger'
import { onMessagePublished, type PubSubOptions } from 'firebase-functions/pubsub'
import { context, once, type Context } from './context.ts'
import { isPassing, messageOf } from './failure.ts'
import { isRangeFull } from './governor.ts'
import { answerFrameworkErrors } from './framework-errors.ts'
import { isRequestProblem, problemResponse, RequestProblem, unavailable } from './problem.ts'

type RequestOptions = Omit<PubSubOptions, 'topic' | 'retry'> & { maxInstances: number; concurrency: number }

/**
 * A function that serves HTTP. Whatever a route throws is answered as problem+json (RFC 9457): a `RequestProblem` as it
 * says, a backend that is overloaded or away as 503, anything else as 500 without its reason, which is logged.
 *
 * Only callers that IAM lets through reach it.
 *
 * @param serve adds the routes, at the first request of an instance
 */
export const onRequest = (options: RequestOptions, serve: (app: Hono, context: Context) => void): HttpsFunction => {
  answerFrameworkErrors(undefined)
  const listener = once(async () => {
    const [{ getRequestListener }, app] = await Promise.all([import('@hono/node-server'), createApp(serve)])
    return getRequestListener(app.fetch, { overrideGlobalObjects: false, errorHandler: answerAdapterError })
  })
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const listen = await listener(undefined)
    await listen(request, response)
  }
  return Object.assign(handle, { __endpoint: endpointOf(options) })
}

/** Routes in an app that answers errors as `onRequest` says. */
export const createApp = async (serve: (app: Hono, context: Context) => void): Promise<Hono> => {
  const [{ Hono }, { methodNotAllowed }, shared] = await Promise.all([
    import('hono'),
    import('hono/method-not-allowed'),
    context(),
  ])
  const app = new Hono()
  const onMethodNotAllowed = (_: unknown, methods: string[]) =>
    problemResponse(new RequestProblem(405, {}, { allow: methods.join(', ') }))
  app.use(async (request, next) => {
    await next()
    request.header('x-content-type-options', 'nosniff')
  })
  app.use(methodNotAllowed({ app, onMethodNotAllowed }))
  app.notFound(() => problemResponse(new RequestProblem(404)))
  app.onError((error, { req }) => {
    if (!isRequestProblem(error)) logger.error('request failed', { path: req.path, error: messageOf(error) })
    return problemResponse(problemOf(error))
  })
  serve(app, shared)
  return app
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
const endpointOf = (options: RequestOptions): HttpsFunction['__endpoint'] => {
  const { eventTrigger: _, ...endpoint } = onMessagePublished({ ...options, topic: 'none' }, () => {}).__endpoint
  return { ...endpoint, httpsTrigger: { invoker: ['private'] } }
}
