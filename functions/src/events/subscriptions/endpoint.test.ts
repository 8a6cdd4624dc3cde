import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  collections,
  ProblemDetails,
  SigningSecrets,
  SubscriptionDocument,
  DeadLetterGroups,
  type DeadLetterDocument,
  type Delivered,
  type SubscriptionDefinition,
} from '@infinity-matrix/contracts'
import { waitFor } from '@infinity-matrix/testing'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Context } from '../../runtime/context.ts'
import { deliverTo, openApp, serveFunction, type OpenedApp } from '../../runtime/testing.ts'
import { deliver } from '../deliver.ts'
import { serveDeadLetters } from '../letters/routes.ts'
import { onUndelivered } from '../onUndelivered.ts'
import { createDeliveries } from './deliveries.ts'
import { createPost } from './post.ts'
import { serveSubscriptions } from './routes.ts'
import {
  change,
  changed,
  newName,
  sequencesOf,
  startSubscriberEngines,
  stepsOf,
  type SubscriberEngines,
} from './testing.ts'

let engines: SubscriberEngines
let shared: Context
let served: Awaited<ReturnType<typeof serveFunction>>
let app: OpenedApp

beforeAll(async () => {
  engines = await startSubscriberEngines('demo-endpoints')
  shared = engines.shared
  served = await serveFunction('events-deliver', deliver)
  vi.stubEnv('DELIVER_URL', served.origin)
  vi.stubEnv('LOCAL_ENDPOINTS', 'true')
  app = await openApp((routes, of) => {
    serveSubscriptions(routes, of)
    serveDeadLetters(routes, of)
  })
})
afterAll(async () => {
  await engines.close()
  await served.close()
})

interface Request {
  delivered: Delivered
  body: Buffer
  headers: NodeJS.Dict<string | string[]>
}

/** A receiver that answers as a test says, and what it took. */
const listen = async (answer: (delivered: Delivered, attempt: number) => number) => {
  const taken: Delivered[] = []
  const requests: Request[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks)
      const delivered = JSON.parse(body.toString()) as Delivered
      requests.push({ delivered, body, headers: request.headers })
      const status = answer(delivered, requests.filter(({ delivered: { id } }) => id === delivered.id).length)
      if (status < 300) taken.push(delivered)
      response.writeHead(status).end('said')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, taken, requests, close }
}
const endpointOf = (url: string): Partial<SubscriptionDefinition> => ({ target: { kind: 'https', url } })
const lettersOf = async (tenant: string) => {
  const { docs } = await shared.firestore.collection(collections.deadLetters).where('tenant', '==', tenant).get()
  return docs.map((letter) => ({ id: letter.id, ...(letter.data() as DeadLetterDocument) }))
}
const call = async (method: string, path: string, body?: object): Promise<unknown> => {
  const response = await app.request(path, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  })
  return response.json()
}
const groupsOf = async (tenant: string) =>
  DeadLetterGroups.parse(await call('GET', `/v1/dead-letter-groups?tenant=${tenant}`)).groups

describe('an endpoint', { timeout: 30_000 }, () => {
  it('that fails for one agent is tried again for it in order, and holds up no other', async () => {
    const tenant = newName('t')
    const [slow, quick] = [newName('a'), newName('a')]
    const { url, taken, close } = await listen(({ subject, sequence }, attempt) =>
      subject === `agents/${slow}` && sequence === 1 && attempt < 3 ? 503 : 204,
    )
    const subscribed = await engines.subscribe(tenant, endpointOf(url))
    await engines
      .instance()
      .distribute(changed(tenant, change(slow, stepsOf(slow, tenant, 3)), change(quick, stepsOf(quick, tenant, 3))))
    await waitFor('all steps', () =>
      [slow, quick].every((agentId) => sequencesOf(taken, agentId).length === 3) ? true : undefined,
    )
    expect(sequencesOf(taken, slow)).toEqual([1, 2, 3])
    expect(sequencesOf(taken, quick)).toEqual([1, 2, 3])
    await subscribed.subscriptions.remove(subscribed.subscription.id)
    await Promise.all([close(), subscribed.close()])
  })

  it('knows a delivery by the secret that its owner is shown', async () => {
    const [tenant, agentId] = [newName('t'), newName('a')]
    const { url, requests, close } = await listen(() => 204)
    const subscribed = await engines.subscribe(tenant, endpointOf(url))
    const { id } = subscribed.subscription
    await engines.instance().distribute(changed(tenant, change(agentId, stepsOf(agentId, tenant, 1))))
    const { delivered, body, headers } = await waitFor('a step', () => requests[0])
    const shown = SigningSecrets.parse(await call('GET', `/v1/subscriptions/${id}/signing-secrets`))
    const key = Buffer.from(shown.secrets[0]?.secret.replace('whsec_', '') ?? '', 'base64')
    const text = Buffer.concat([Buffer.from(`${delivered.id}.${String(headers['webhook-timestamp'])}.`), body])
    expect(headers).toMatchObject({
      'webhook-id': delivered.id,
      'webhook-signature': `v1,${createHmac('sha256', key).update(text).digest('base64')}`,
    })
    await subscribed.subscriptions.remove(id)
    await Promise.all([close(), subscribed.close()])
  })

  it('that does not take a message in as many attempts as agreed has it as a dead letter, by reason, to be replayed', async () => {
    const tenant = newName('t')
    const agentId = newName('a')
    let isWell = false
    const { url, taken, close } = await listen(({ sequence }) => (sequence === 1 && !isWell ? 500 : 200))
    const subscribed = await engines.subscribe(tenant, endpointOf(url))
    const { id } = subscribed.subscription
    await engines.instance().distribute(changed(tenant, change(agentId, stepsOf(agentId, tenant, 3))))
    await waitFor('the others', () => (taken.length === 2 ? true : undefined))
    expect(sequencesOf(taken, agentId)).toEqual([2, 3])
    const [letter] = await lettersOf(tenant)
    expect(letter).toMatchObject({
      code: 'not-delivered',
      rule: 'was not taken: the endpoint answered 500, at attempt 5',
      topic: `subscriber.${id}`,
      subject: `agents/${agentId}`,
    })
    const known = await subscribed.subscriptions.get(id)
    expect(known).toMatchObject({ failures: 1, lastFailure: { message: 'endpoint: answered 500' } })
    expect(await groupsOf(tenant)).toMatchObject([{ topic: `subscriber.${id}`, code: 'not-delivered', letters: 1 }])

    isWell = true
    expect(await call('POST', `/v1/dead-letters/${letter?.id}/replay`)).toMatchObject({ life: { status: 'replayed' } })
    await waitFor('the replayed one', () => (taken.length === 3 ? true : undefined))
    expect(taken.at(-1)).toMatchObject({ sequence: 1 })
    await subscribed.subscriptions.remove(id)
    expect(await call('POST', `/v1/dead-letters/${letter?.id}/reopen`)).toMatchObject({ life: { status: 'open' } })
    const refused = ProblemDetails.parse(await call('POST', `/v1/dead-letters/${letter?.id}/replay`))
    expect(refused).toMatchObject({ status: 409, detail: 'The letter is of a subscription that is gone.' })
    expect(await lettersOf(tenant)).toMatchObject([{ life: { status: 'open' } }])
    await Promise.all([close(), subscribed.close()])
  })

  it('that is gone (410) disables its subscription, which says so, until its owner makes it active again', async () => {
    const tenant = newName('t')
    const agentId = newName('a')
    let isGone = true
    const { url, taken, requests, close } = await listen(() => (isGone ? 410 : 204))
    const subscribed = await engines.subscribe(tenant, endpointOf(url))
    const { id } = subscribed.subscription
    const [first, second, third] = stepsOf(agentId, tenant, 3)
    if (!first || !second || !third) throw new Error('three steps')
    const unaware = engines.instance()
    await unaware.distribute(changed(tenant, change(agentId, [first])))
    const disabled = await waitFor('the subscription to be disabled', async () => {
      const seen = SubscriptionDocument.parse(await call('GET', `/v1/subscriptions/${id}`))
      return seen.status === 'disabled' ? seen : undefined
    })
    expect(disabled.disabled).toEqual({ reason: 'answered 410', at: expect.stringMatching(/^\d{4}-.*Z$/) })
    // An instance that does not know yet: what it publishes is kept, and not tried.
    await unaware.distribute(changed(tenant, change(agentId, [second])))
    await waitFor('two letters', async () => ((await lettersOf(tenant)).length === 2 ? true : undefined))
    expect(await groupsOf(tenant)).toMatchObject([{ topic: `subscriber.${id}`, code: 'endpoint-gone', letters: 2 }])
    expect(requests).toHaveLength(1)
    await engines.instance().distribute(changed(tenant, change(agentId, [third])))

    isGone = false
    const resumed = SubscriptionDocument.parse(await call('PATCH', `/v1/subscriptions/${id}`, { status: 'active' }))
    expect(resumed).toMatchObject({ status: 'active', disabled: null })
    for (const letter of await lettersOf(tenant)) await call('POST', `/v1/dead-letters/${letter.id}/replay`)
    await waitFor('what was missed', () => (taken.length === 2 ? true : undefined))
    expect(new Set(taken.map(({ sequence }) => sequence))).toEqual(new Set([1, 2]))
    await subscribed.subscriptions.remove(id)
    await Promise.all([close(), subscribed.close()])
  })

  it('that fails for longer than its subscriber waits has the message as a dead letter', async () => {
    const tenant = newName('t')
    const [event] = stepsOf(newName('a'), tenant, 1)
    const { url, close } = await listen(() => 503)
    const retry = { attemptsMax: 100, hoursMax: 2, backoffSecondsMin: 600, backoffSecondsMax: 600 }
    const subscribed = await engines.subscribe(tenant, { ...endpointOf(url), retry })
    const { id } = subscribed.subscription
    const publishedMs = Date.now()
    const tried = (hours: number) =>
      createDeliveries({ ...shared, nowMs: () => publishedMs + hours * 3_600_000 }, createPost())(id, {
        message: {
          messageId: newName('m'),
          data: Buffer.from(JSON.stringify({ id: event?.id, tenant })).toString('base64'),
          attributes: { 'ce-id': event?.id ?? '', subscription: id },
          publishTime: new Date(publishedMs).toISOString(),
        },
        deliveryAttempt: 9,
      })
    expect(await tried(1.9)).toBe('again')
    expect(await lettersOf(tenant)).toEqual([])
    expect(await tried(2)).toBe('dead')
    expect(await lettersOf(tenant)).toMatchObject([{ topic: `subscriber.${id}` }])
    await subscribed.subscriptions.remove(id)
    await Promise.all([close(), subscribed.close()])
  })

  it('whose name comes to mean an address that is not public is not posted to', async () => {
    const { url, requests, close } = await listen(() => 204)
    const { port } = new URL(url)
    const named = { kind: 'https' as const, url: `http://rebound.example:${port}/` }
    const resolve = (address: string) => async () => [{ address, family: 4 }]
    const body = Buffer.from('{"id":"1"}')
    expect(await createPost(resolve('127.0.0.1'))(named, body, {})).toEqual({ kind: 'taken' })
    expect(await createPost(resolve('169.254.169.254'))(named, body, {})).toMatchObject({ kind: 'failed' })
    vi.stubEnv('LOCAL_ENDPOINTS', 'false')
    expect(await createPost(resolve('127.0.0.1'))(named, body, {})).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('must be https, of a host whose addresses are all public'),
    })
    vi.stubEnv('LOCAL_ENDPOINTS', 'true')
    expect(requests).toHaveLength(1)
    await close()
  })

  it('that redirects is not followed', async () => {
    const { url, requests, close } = await listen(() => 307)
    expect(await createPost()({ kind: 'https', url }, Buffer.from('{"id":"1"}'), {})).toEqual({
      kind: 'failed',
      reason: 'answered 307',
    })
    expect(requests).toHaveLength(1)
    await close()
  })

  it('knows by an identity token for its audience who calls', async () => {
    const { url, requests, close } = await listen(() => 204)
    const asked: string[] = []
    const claims = { aud: 'x', exp: Math.floor(Date.now() / 1000) + 3600 }
    const token = ['{}', JSON.stringify(claims), 's'].map((part) => Buffer.from(part).toString('base64url')).join('.')
    // As the metadata server of Cloud Run answers: https://cloud.google.com/run/docs/container-contract#metadata-server
    const metadata = createServer(({ url: path = '', headers }, response) => {
      if (headers['metadata-flavor'] === 'Google') asked.push(path)
      response.writeHead(200, { 'metadata-flavor': 'Google', 'content-type': 'text/plain' }).end(token)
    })
    await new Promise<void>((resolve) => metadata.listen(0, '127.0.0.1', resolve))
    vi.stubEnv('GCE_METADATA_HOST', `127.0.0.1:${(metadata.address() as AddressInfo).port}`)
    vi.stubEnv('DELIVER_SERVICE_ACCOUNT', 'deliver@demo-endpoints.iam.gserviceaccount.com')
    const post = createPost()
    const body = Buffer.from('{"id":"1"}')
    await post({ kind: 'https', url, audience: 'https://hooks.example/?a&b' }, body, { 'ce-id': '1' })
    await post({ kind: 'https', url, audience: 'https://hooks.example/?a&b' }, body, { 'ce-id': '1' })
    await post({ kind: 'https', url }, body, {})
    vi.stubEnv('DELIVER_SERVICE_ACCOUNT', '')
    await post({ kind: 'https', url }, body, {})
    expect(requests.map(({ headers }) => headers['authorization'])).toEqual([
      ...Array.from({ length: 3 }, () => `Bearer ${token}`),
      undefined,
    ])
    expect(requests[0]?.headers).toMatchObject({ 'content-type': 'application/json', 'ce-id': '1' })
    const audiences = asked.map((path) => new URL(path, 'http://metadata').searchParams.get('audience'))
    expect(audiences).toEqual(['https://hooks.example/?a&b', url])
    await new Promise((resolve) => metadata.close(resolve))
    await close()
  })

  it('is pushed to with the identity that may call the function that posts', async () => {
    vi.stubEnv('DELIVER_SERVICE_ACCOUNT', 'deliver@demo-endpoints.iam.gserviceaccount.com')
    const subscribed = await engines.subscribe(newName('t'), endpointOf('http://127.0.0.1:9/'))
    vi.stubEnv('DELIVER_SERVICE_ACCOUNT', '')
    const { id } = subscribed.subscription
    const [{ pushConfig, retryPolicy }] = await shared.pubsub.subscription(`subscriber.${id}`).getMetadata()
    expect(pushConfig).toMatchObject({
      pushEndpoint: `${served.origin}/v1/deliveries/${id}`,
      oidcToken: {
        serviceAccountEmail: 'deliver@demo-endpoints.iam.gserviceaccount.com',
        audience: served.origin,
      },
    })
    expect(retryPolicy).toMatchObject({ maximumBackoff: { seconds: '1' } })
    await subscribed.subscriptions.remove(id)
    await subscribed.close()
  })
})

describe('declared', () => {
  const declare = (url: string) => call('POST', '/v1/subscriptions', { tenant: newName('t'), ...endpointOf(url) })

  it.each([
    'http://10.0.0.1/',
    'https://10.0.0.1/',
    'https://169.254.169.254/',
    'http://example.com/',
    'https://[::1]/',
  ])('an endpoint that is not public is refused: %s', async (url) => {
    vi.stubEnv('LOCAL_ENDPOINTS', 'false')
    const problem = ProblemDetails.parse(await declare(url))
    vi.stubEnv('LOCAL_ENDPOINTS', 'true')
    expect(problem).toMatchObject({ status: 422, errors: [{ field: 'target.url' }] })
  })

  it.each(['tenant.another.changes', 'tenant.a.changes', 'changes'])(
    "a topic that is not of the tenant's own is refused: %s",
    async (topic) => {
      const definition = { tenant: 'a-b', target: { kind: 'topic', topic } }
      const problem = ProblemDetails.parse(await call('POST', '/v1/subscriptions', definition))
      const errors = [{ field: 'target.topic', rule: 'must begin with tenant.a-b.' }]
      expect(problem).toMatchObject({ status: 422, errors })
    },
  )

  it('a topic of its own is taken', async () => {
    const definition = { tenant: 'a-b', target: { kind: 'topic', topic: 'tenant.a-b.changes' } }
    const made = SubscriptionDocument.parse(await call('POST', '/v1/subscriptions', definition))
    expect(made.target).toEqual(definition.target)
    await call('DELETE', `/v1/subscriptions/${made.id}`)
  })

  it('an endpoint of this machine is taken where that is allowed, and only there', async () => {
    const made = SubscriptionDocument.parse(await declare('http://localhost:9/'))
    vi.stubEnv('LOCAL_ENDPOINTS', 'false')
    const problem = ProblemDetails.parse(await declare('http://localhost:9/'))
    vi.stubEnv('LOCAL_ENDPOINTS', 'true')
    expect(problem).toMatchObject({ status: 422, errors: [{ field: 'target.url' }] })
    await call('DELETE', `/v1/subscriptions/${made.id}`)
  })
})

it('what Pub/Sub itself gave up is a dead letter of its subscriber', async () => {
  const tenant = newName('t')
  const message = {
    messageId: newName('m'),
    publishTime: new Date().toISOString(),
    data: Buffer.from(JSON.stringify({ tenant, subject: 'agents/a' })).toString('base64'),
    attributes: { subscription: 'gave-up', 'ce-id': newName('event') },
  }
  await deliverTo(onUndelivered, message)
  await deliverTo(onUndelivered, message)
  expect(await lettersOf(tenant)).toMatchObject([{ code: 'not-delivered', topic: 'subscriber.gave-up' }])
})
