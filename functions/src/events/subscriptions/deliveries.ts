import { PubSubMessage } from '@infinity-matrix/contracts'
import { afterAttempt, type AfterAttempt } from '@infinity-matrix/core/events'
import type { Context as Request, Hono } from 'hono'
import { z } from 'zod'
import type { Context } from '../../runtime/context.ts'
import { unavailable } from '../../runtime/problem.ts'
import { nameIn, readJson } from '../../runtime/request-body.ts'
import { secrets } from '../../runtime/secrets.ts'
import { createFailureNotes } from './failure-notes.ts'
import { createPost, type Post } from './post.ts'
import { createSigning } from './signature.ts'
import { createSubscriptions } from './subscriptions.ts'
import { keepUndelivered } from './undelivered.ts'

/** As Pub/Sub pushes it: https://cloud.google.com/pubsub/docs/push#receive_push */
const Pushed = z.object({ message: PubSubMessage, deliveryAttempt: z.int().default(1) })
type Pushed = z.infer<typeof Pushed>

// A message of Pub/Sub is at most 10 MB, and comes in base64.
const limits = { mediaTypes: ['application/json'], bytesMax: 14_000_000 }

/** Delivers one message that Pub/Sub holds for a subscriber to its endpoint; `again` leaves it with Pub/Sub. */
export const createDeliveries = (context: Context, post: Post) => {
  const { sign } = createSigning(secrets(context), context.nowMs)
  const subscriptions = createSubscriptions(context)
  const noteFailure = createFailureNotes(context, subscriptions)

  return async (id: string, { message, deliveryAttempt }: Pushed): Promise<AfterAttempt> => {
    const subscription = await subscriptions.get(id)
    // Its owner took it away, and its queue goes with it.
    if (subscription?.target.kind !== 'https') return 'taken'
    const { status, disabled, target, retry } = subscription
    if (status === 'disabled') {
      const rule = `was not tried: the endpoint ${disabled?.reason ?? 'is gone'}`
      await keepUndelivered(context, id, message, { code: 'endpoint-gone', rule })
      return 'gone'
    }
    const body = Buffer.from(message.data, 'base64')
    const signature = await sign(id, { id: message.attributes['ce-id'] ?? message.messageId, body })
    const attempted = await post(target, body, { ...message.attributes, ...signature })
    const attempt = {
      number: deliveryAttempt,
      publishedMs: Date.parse(message.publishTime),
      nowMs: context.nowMs(),
    }
    const outcome = afterAttempt(attempted, attempt, retry)
    if (attempted.kind === 'taken' || outcome === 'again') return outcome
    const { reason } = attempted
    const code = outcome === 'gone' ? 'endpoint-gone' : 'not-delivered'
    const rule = `was not taken: the endpoint ${reason}, at attempt ${deliveryAttempt}`
    await keepUndelivered(context, id, message, { code, rule })
    await noteFailure(id, `endpoint: ${reason}`, message.attributes['ce-id'] ?? message.messageId)
    if (outcome === 'gone') await subscriptions.disable(id, reason)
    return outcome
  }
}

/** `/v1/deliveries/{subscription}`, which Pub/Sub pushes to. */
export const serveDeliveries = (app: Hono, context: Context): void => {
  const deliver = createDeliveries(context, createPost())
  const answer = async (request: Request, id: string): Promise<Response> => {
    const outcome = await deliver(id, await readJson(request, Pushed, limits))
    if (outcome === 'again') throw unavailable('The endpoint did not take it: to be tried again.', 1)
    return request.body(null, 204)
  }
  app.post('/v1/deliveries/:id', (request) => answer(request, nameIn(request)))
}
