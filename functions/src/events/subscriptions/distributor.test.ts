import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Message } from '@google-cloud/pubsub'
import {
  collections,
  parseEvent,
  subscriptionStartSeconds,
  undeliveredTopic,
  type AgentChange,
  type AgentEvent,
  type AgentsChanged,
  type Delivered,
  type SubscriptionDefinition,
  type SubscriptionDocument,
} from '@infinity-matrix/contracts'
import { startFirestoreEngine } from '@infinity-matrix/embedded/firestore'
import { startPubSubEngine } from '@infinity-matrix/embedded/pubsub'
import { history, reportJson, testNowMs, troubled, waitFor } from '@infinity-matrix/testing'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { context, type Context } from '../../runtime/context.ts'
import { createDistributor } from './distributor.ts'
import { onUndelivered } from '../onUndelivered.ts'
import { createSubscriptions } from './subscriptions.ts'

const engines: { close(): Promise<unknown> }[] = []
let shared: Context

beforeAll(async () => {
  const [store, broker] = await Promise.all([
    startFirestoreEngine({ host: '127.0.0.1', port: 0 }),
    startPubSubEngine({ host: '127.0.0.1', port: 0 }),
  ])
  engines.push(store, broker)
  vi.stubEnv('FIRESTORE_EMULATOR_HOST', `${store.host}:${store.port}`)
  vi.stubEnv('PUBSUB_EMULATOR_HOST', `${broker.host}:${broker.port}`)
  vi.stubEnv('GCLOUD_PROJECT', 'demo-distributor')
  shared = await context()
})
afterAll(async () => {
  await Promise.all([shared.firestore.terminate(), shared.pubsub.close(), shared.batches.close()])
  await Promise.all(engines.map((engine) => engine.close()))
  vi.unstubAllEnvs()
})

let count = 0
const newName = (kind: string) => `${kind}-${++count}`
const state = (steps: number) =>
  ({
    status: 'running',
    run: { kind: 'worker', number: 1, startedAt: new Date(testNowMs).toISOString() },
    usage: { steps, costUsd: 0, tokensIn: 0, tokensOut: 0, observationBytes: 0, toolCalls: {} },
    region: 'us-west1',
    tier: 'standard',
    presence: null,
  }) satisfies AgentChange['state']
const eventOf = (json: object): AgentEvent => {
  const parsed = parseEvent(json, testNowMs)
  if (!parsed.ok) throw new Error(parsed.problem.rule)
  return parsed.value
}
/** Reports of an agent that began when its tenant had subscriptions already. */
const change = (agentId: string, events: AgentEvent[]): AgentChange => ({
  agentId,
  createdAt: new Date(Date.now() + subscriptionStartSeconds * 1000 + 1000).toISOString(),
  state: state(events.length),
  events,
})
const changed = (tenant: string, ...changes: AgentChange[]): AgentsChanged => ({
  type: 'fleet.changed.v1',
  tenant,
  changes,
})
const stepsOf = (agentId: string, tenant: string, length: number) =>
  Array.from({ length }, (_, index) =>
    eventOf(reportJson('agent.step-taken.v1', index + 1, { step: 'acted' }, { agentId, tenant })),
  )

/** A subscription to a topic of its own, and what arrives there. */
const subscribe = async (tenant: string, wanted: Partial<SubscriptionDefinition> = {}, of: Context = shared) => {
  const topic = newName('target')
  const [created] = await shared.pubsub.createTopic(topic)
  const [listener] = await created.createSubscription(`${topic}-test`, { enableMessageOrdering: true })
  const received: Delivered[] = []
  listener.on('message', (message: Message) => {
    received.push(JSON.parse(message.data.toString()) as Delivered)
    message.ack()
  })
  const subscriptions = createSubscriptions(of)
  const subscription = await subscriptions.create({
    tenant,
    filter: 'true',
    target: { kind: 'topic', topic },
    order: 'agent',
    retry: { attemptsMax: 5, backoffSecondsMin: 0, backoffSecondsMax: 1 },
    ...wanted,
  })
  return { subscription, subscriptions, received, close: () => listener.close() }
}
/** An instance that knows of all subscriptions that there are. */
const instance = (of: Context = shared) => createDistributor({ ...of }, createSubscriptions(of))
/** The first arrival of each report: what is left when a receiver drops what it has seen. */
const firsts = (received: readonly Delivered[]) =>
  [...new Map(received.toReversed().map((one) => [one.id, one])).values()].toReversed()
const sequencesOf = (received: readonly Delivered[], agentId: string) =>
  firsts(received.filter(({ subject }) => subject === `agents/${agentId}`)).map(({ sequence }) => sequence)

describe('a subscriber', { timeout: 20_000 }, () => {
  it('hears what its filter lets through, as its projection says', async () => {
    const tenant = newName('t')
    const { received, close } = await subscribe(tenant, {
      filter: 'event.data.costUsd > 1.0',
      projection: '{"cost": event.data.costUsd, "steps": state.usage.steps}',
    })
    const agentId = newName('a')
    const step = (sequence: number, costUsd: number) =>
      eventOf(reportJson('agent.step-taken.v1', sequence, { step: 'acted', costUsd }, { agentId, tenant }))
    await instance().distribute(changed(tenant, change(agentId, [step(1, 1), step(2, 2), step(3, 3)])))
    await waitFor('two messages', () => (received.length >= 2 ? true : undefined))
    expect(received.map(({ sequence, data }) => ({ sequence, data }))).toEqual([
      { sequence: 2, data: { cost: 2, steps: 3 } },
      { sequence: 3, data: { cost: 3, steps: 3 } },
    ])
    await close()
  })

  it('hears of no other tenant, and nothing while it is paused', async () => {
    const tenant = newName('t')
    const { subscription, subscriptions, received, close } = await subscribe(tenant)
    const agentId = newName('a')
    const [first, second] = stepsOf(agentId, tenant, 2)
    if (!first || !second) throw new Error('two steps')
    await instance().distribute(changed(newName('t'), change(newName('a'), [first])))
    await subscriptions.pause(subscription.id)
    await instance().distribute(changed(tenant, change(agentId, [first])))
    await subscriptions.resume(subscription.id)
    await instance().distribute(changed(tenant, { ...change(agentId, [second]), createdAt: subscription.createdAt }))
    await waitFor('the second step', () => received.find(({ sequence }) => sequence === 2))
    expect(received).toHaveLength(1)
    await close()
  })

  it('whose filter fails is told so, and does not hear of the event', async () => {
    const tenant = newName('t')
    const { subscription, subscriptions, received, close } = await subscribe(tenant, { filter: 'state.nothing == 1' })
    const sound = await subscribe(tenant)
    const [event] = stepsOf(newName('a'), tenant, 1)
    if (!event) throw new Error('a step')
    await instance().distribute(changed(tenant, change(event.agentId, [event])))
    expect(await subscriptions.get(subscription.id)).toMatchObject({
      failures: 1,
      lastFailure: { message: 'filter: field not found: nothing', eventId: event.id },
    })
    await waitFor('the event at the sound one', () => sound.received[0])
    expect(received).toEqual([])
    await Promise.all([close(), sound.close()])
  })

  it('whose topic is gone holds up no other, and finds what it missed among the dead letters', async () => {
    const tenant = newName('t')
    const gone = await subscribe(tenant, { target: { kind: 'topic', topic: newName('nowhere') } })
    const { received, close } = await subscribe(tenant)
    const [event] = stepsOf(newName('a'), tenant, 1)
    if (!event) throw new Error('a step')
    await instance().distribute(changed(tenant, change(event.agentId, [event])))
    await waitFor('the event at the other', () => received[0])
    const letters = await shared.firestore.collection(collections.deadLetters).where('tenant', '==', tenant).get()
    expect(letters.docs.map((letter) => letter.get('code') as string)).toEqual(['not-delivered'])
    await Promise.all([close(), gone.close()])
  })
})

describe('order and loss', { timeout: 20_000 }, () => {
  it('duplicates, disorder and instances at once leave each agent in order, with nothing lost', async () => {
    const tenant = newName('t')
    const { received, close } = await subscribe(tenant)
    const instances = [instance(), instance(), instance()]
    const agents = Array.from({ length: 6 }, () => newName('a'))
    const [messages = []] = fc.sample(troubled(agents.flatMap((agentId) => stepsOf(agentId, tenant, 12))), {
      numRuns: 1,
      seed: 7,
    })
    await Promise.all(
      messages.map((event, index) =>
        (instances[index % 3] ?? instance()).distribute(changed(tenant, change(event.agentId, [event]))),
      ),
    )
    const all = Array.from({ length: 12 }, (_, index) => index + 1)
    await waitFor('all steps of all agents', () =>
      agents.every((agentId) => sequencesOf(received, agentId).length === 12) ? true : undefined,
    )
    for (const agentId of agents) expect(sequencesOf(received, agentId)).toEqual(all)
    await close()
  })

  it.each(['publish', 'note'])(
    'an instance that dies before it can %s loses nothing when it is delivered again',
    async (step) => {
      const tenant = newName('t')
      const { received, close } = await subscribe(tenant)
      const agentId = newName('a')
      let isDying = true
      const killed = () => {
        throw new Error('killed')
      }
      const dying: Context = {
        ...shared,
        topic: (name) => (step === 'publish' && isDying && name.startsWith('target') ? killed() : shared.topic(name)),
        batches: {
          ...shared.batches,
          writeAll: (writes) => (step === 'note' && isDying ? killed() : shared.batches.writeAll(writes)),
        },
      }
      const message = changed(tenant, change(agentId, stepsOf(agentId, tenant, 4)))
      await expect(instance(dying).distribute(message)).rejects.toThrow('killed')
      isDying = false
      await instance().distribute(message)
      await waitFor('all steps', () => (sequencesOf(received, agentId).length === 4 ? true : undefined))
      expect(sequencesOf(received, agentId)).toEqual([1, 2, 3, 4])
      await close()
    },
  )

  it('without order there is no channel to read or write', async () => {
    const tenant = newName('t')
    const { received, close } = await subscribe(tenant, { order: 'none' })
    const agentId = newName('a')
    await instance().distribute(changed(tenant, change(agentId, stepsOf(agentId, tenant, 3).slice(1))))
    await waitFor('both steps', () => (received.length === 2 ? true : undefined))
    expect((await shared.firestore.collection(collections.channels).doc(agentId).get()).exists).toBe(false)
    await close()
  })
})

describe('an endpoint', { timeout: 30_000 }, () => {
  /** A receiver that answers as a test says, and what it took. */
  const listen = async (answer: (delivered: Delivered, attempt: number) => number) => {
    const taken: Delivered[] = []
    const attempts = new Map<string, number>()
    const server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const delivered = JSON.parse(Buffer.concat(chunks).toString()) as Delivered
        const attempt = (attempts.get(delivered.id) ?? 0) + 1
        attempts.set(delivered.id, attempt)
        const status = answer(delivered, attempt)
        if (status < 300) taken.push(delivered)
        response.writeHead(status).end()
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    return { url, taken, close: () => new Promise((resolve) => server.close(resolve)) }
  }
  const endpointOf = (url: string): Partial<SubscriptionDefinition> => ({ target: { kind: 'https', url } })
  const removed = ({
    subscriptions,
    subscription,
  }: {
    subscriptions: ReturnType<typeof createSubscriptions>
    subscription: SubscriptionDocument
  }) => subscriptions.remove(subscription.id)

  it('that fails for one agent is tried again for it in order, and holds up no other', async () => {
    const tenant = newName('t')
    const [slow, quick] = [newName('a'), newName('a')]
    const { url, taken, close } = await listen(({ subject, sequence }, attempt) =>
      subject === `agents/${slow}` && sequence === 1 && attempt < 3 ? 503 : 204,
    )
    const subscribed = await subscribe(tenant, endpointOf(url))
    await instance().distribute(
      changed(tenant, change(slow, stepsOf(slow, tenant, 3)), change(quick, stepsOf(quick, tenant, 3))),
    )
    await waitFor('all steps', () =>
      [slow, quick].every((agentId) => sequencesOf(taken, agentId).length === 3) ? true : undefined,
    )
    expect(sequencesOf(taken, slow)).toEqual([1, 2, 3])
    expect(sequencesOf(taken, quick)).toEqual([1, 2, 3])
    await removed(subscribed)
    await Promise.all([close(), subscribed.close()])
  })

  it('that does not take a message in as many attempts as agreed has it as a dead letter, and the order moves on', async () => {
    const tenant = newName('t')
    const agentId = newName('a')
    const { url, taken, close } = await listen(({ sequence }) => (sequence === 1 ? 500 : 204))
    const subscribed = await subscribe(tenant, endpointOf(url))
    const [undelivered] = await shared.pubsub.topic(undeliveredTopic).createSubscription(newName('undelivered'))
    const dead: Message[] = []
    undelivered.on('message', (message: Message) => {
      dead.push(message)
      message.ack()
    })
    await instance().distribute(changed(tenant, change(agentId, stepsOf(agentId, tenant, 3))))
    const message = await waitFor('the undelivered message', () =>
      dead.find(({ attributes }) => attributes['ce-tenant'] === tenant),
    )
    await waitFor('the others', () => (firsts(taken).length === 2 ? true : undefined))
    expect(sequencesOf(taken, agentId)).toEqual([2, 3])
    const call = onUndelivered as unknown as (event: object) => Promise<unknown>
    await call({
      data: {
        message: {
          messageId: message.id,
          publishTime: new Date().toISOString(),
          data: message.data.toString('base64'),
          attributes: message.attributes,
        },
      },
    })
    const letters = await shared.firestore.collection(collections.deadLetters).where('tenant', '==', tenant).get()
    expect(letters.docs.map((letter) => letter.data())).toMatchObject([
      { code: 'not-delivered', topic: `subscriber.${subscribed.subscription.id}`, subject: `agents/${agentId}` },
    ])
    await undelivered.close()
    await removed(subscribed)
    await Promise.all([close(), subscribed.close()])
  })
})

it('histories of any kind are what subscribers hear, whole and in order', { timeout: 30_000 }, async () => {
  const tenant = newName('t')
  const { received, close } = await subscribe(tenant)
  const histories = fc.sample(history({ lengthMax: 10, overrides: { tenant } }), { numRuns: 5, seed: 3 })
  for (const json of histories) {
    const agentId = newName('a')
    const events = json.map((one: object) =>
      eventOf({ ...one, subject: `agents/${agentId}`, source: `//agents/${agentId}` }),
    )
    const [order = []] = fc.sample(troubled(events), { numRuns: 1, seed: count })
    const one = instance()
    for (const event of order) await one.distribute(changed(tenant, change(agentId, [event])))
    await waitFor(`the history of ${agentId}`, () =>
      sequencesOf(received, agentId).length === events.length ? true : undefined,
    )
    expect(sequencesOf(received, agentId)).toEqual(events.map((_, index) => index + 1))
  }
  await close()
})
