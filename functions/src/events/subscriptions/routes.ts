import { SubscriptionChange, SubscriptionDefinition, type FieldError } from '@infinity-matrix/contracts'
import type { Context as Request, Hono } from 'hono'
import { z } from 'zod'
import type { Context } from '../../runtime/context.ts'
import { deliverServiceAccount, isLocal } from '../../runtime/params.ts'
import { authorise } from '../../runtime/http/authorise.ts'
import { RequestProblem } from '../../runtime/problem.ts'
import { nameIn, readJson, readQuery } from '../../runtime/request-body.ts'
import { secrets } from '../../runtime/secrets.ts'
import { loadCompile } from './expression.ts'
import { mayBeLocal } from './post.ts'
import { isEndpointRefused, publicAddresses } from './public-address.ts'
import { createSigning } from './signature.ts'
import { createSubscriptions } from './subscriptions.ts'

const limits = { mediaTypes: ['application/json'], bytesMax: 20_000 }
const ofTenant = z.strictObject({
  tenant: z.string({ error: 'is required' }).max(63, { error: 'must be at most 63 characters' }),
})
/** So many subscriptions a tenant may have: each of its events is judged by each of them. */
const subscriptionsMax = 50

/** `/v1/subscriptions`. */
export const serveSubscriptions = (app: Hono, context: Context): void => {
  const subscriptions = createSubscriptions(context)
  const signing = createSigning(secrets(context), context.nowMs)

  const create = async (request: Request) => {
    const definition = await readJson(request, SubscriptionDefinition, limits)
    authorise(request, definition)
    refuseFaults([...(await faultsOf(definition)), ...(await targetFaultsOf(definition))])
    if (definition.target.kind === 'https' && !isLocal() && deliverServiceAccount.value() === '')
      throw new RequestProblem(501, {
        detail: 'Endpoints need the parameter DELIVER_SERVICE_ACCOUNT of the functions.',
      })
    const { length } = await subscriptions.list(definition.tenant)
    if (length >= subscriptionsMax)
      throw new RequestProblem(409, {
        detail: `A tenant has at most ${subscriptionsMax} subscriptions.`,
        limit: subscriptionsMax,
        value: length,
      })
    return subscriptions.create(definition)
  }
  const update = async (request: Request) => {
    const { id } = await subscriptionOf(request)
    const change = await readJson(request, SubscriptionChange, limits)
    refuseFaults(await faultsOf(change))
    return subscriptions.update(id, change)
  }
  const list = async (request: Request) => {
    const { tenant } = readQuery(request, ofTenant)
    authorise(request, { tenant })
    return { subscriptions: await subscriptions.list(tenant) }
  }
  const signingSecrets = async (request: Request) => {
    const { id, target } = await subscriptionOf(request)
    // On a topic it is IAM that says who publishes.
    return target.kind === 'https' ? { secrets: await signing.secretsOf(id) } : undefined
  }
  const command = async (request: Request, name: 'pause' | 'resume' | 'remove') =>
    subscriptions[name]((await subscriptionOf(request)).id)
  /** The subscription that a path names. */
  const subscriptionOf = async (request: Request) => {
    const subscription = await subscriptions.get(nameIn(request))
    if (!subscription) throw new RequestProblem(404)
    authorise(request, { tenant: subscription.tenant })
    return subscription
  }
  const answer = async (request: Request, asked: Promise<object | undefined>, status: 200 | 201 = 200) => {
    const body = await asked
    if (body === undefined) throw new RequestProblem(404)
    return request.json(body, status)
  }

  app.post('/v1/subscriptions', (request) => answer(request, create(request), 201))
  app.get('/v1/subscriptions', (request) => answer(request, list(request)))
  app.get('/v1/subscriptions/:id', (request) => answer(request, subscriptionOf(request)))
  app.get('/v1/subscriptions/:id/signing-secrets', (request) => answer(request, signingSecrets(request)))
  app.patch('/v1/subscriptions/:id', (request) => answer(request, update(request)))
  app.post('/v1/subscriptions/:id/pause', (request) => answer(request, command(request, 'pause')))
  app.post('/v1/subscriptions/:id/resume', (request) => answer(request, command(request, 'resume')))
  app.delete('/v1/subscriptions/:id', (request) => answer(request, command(request, 'remove')))
}

const refuseFaults = (errors: readonly FieldError[]): void => {
  if (errors.length > 0)
    throw new RequestProblem(422, { detail: 'The subscription breaks the rules that are listed.', errors: [...errors] })
}

const faultsOf = async ({ filter, projection }: SubscriptionChange): Promise<FieldError[]> => {
  const compile = await loadCompile(undefined)
  return Object.entries({ filter, projection }).flatMap(([field, text]) => {
    const compiled = text === undefined ? undefined : compile(text)
    return compiled?.ok === false ? [{ field, rule: compiled.rule }] : []
  })
}

// Looked at again at each delivery: a name may come to mean another address.
const targetFaultsOf = async ({ target }: SubscriptionDefinition): Promise<FieldError[]> => {
  if (target.kind === 'topic') return []
  try {
    await publicAddresses(new URL(target.url), { mayBeLocal: mayBeLocal() })
    return []
  } catch (error) {
    if (isEndpointRefused(error)) return [{ field: 'target.url', rule: error.message }]
    throw error
  }
}
