// Local engines for tests of subscriptions: who subscribes, what agents do, and what arrives.
import type { Message } from '@google-cloud/pubsub'
import {
  parseEvent,
  subscriptionStartSeconds,
  type AgentChange,
  type AgentEvent,
  type AgentsChanged,
  type Delivered,
  type SubscriptionDefinition,
} from '@infinity-matrix/contracts'
import { reportJson, testNowMs } from '@infinity-matrix/testing'
import { context, type Context } from '../../runtime/context.ts'
import { startLocalEngines } from '../../runtime/testing.ts'
import { createDistributor } from './distributor.ts'
import { createSubscriptions } from './subscriptions.ts'

let count = 0
export const newName = (kind: string) => `${kind}-${++count}`

const state = (steps: number) =>
  ({
    status: 'running',
    run: { kind: 'worker', number: 1, startedAt: new Date(testNowMs).toISOString() },
    usage: { steps, costUsd: 0, tokensIn: 0, tokensOut: 0, observationBytes: 0, toolCalls: {} },
    region: 'us-west1',
    tier: 'standard',
    presence: null,
  }) satisfies AgentChange['state']

export const eventOf = (json: object): AgentEvent => {
  const parsed = parseEvent(json, testNowMs)
  if (!parsed.ok) throw new Error(parsed.problem.rule)
  return parsed.value
}

/** Reports of an agent that began when its tenant had subscriptions already. */
export const change = (agentId: string, events: AgentEvent[]): AgentChange => ({
  agentId,
  createdAt: new Date(Date.now() + subscriptionStartSeconds * 1000 + 1000).toISOString(),
  state: state(events.length),
  events,
})
export const changed = (tenant: string, ...changes: AgentChange[]): AgentsChanged => ({
  type: 'fleet.changed.v1',
  tenant,
  changes,
})
export const stepsOf = (agentId: string, tenant: string, length: number) =>
  Array.from({ length }, (_, index) =>
    eventOf(reportJson('agent.step-taken.v1', index + 1, { step: 'acted' }, { agentId, tenant })),
  )

/** The first arrival of each report: what is left when a receiver drops what it has seen. */
export const firsts = (received: readonly Delivered[]) =>
  [...new Map(received.toReversed().map((one) => [one.id, one])).values()].toReversed()
export const sequencesOf = (received: readonly Delivered[], agentId: string) =>
  firsts(received.filter(({ subject }) => subject === `agents/${agentId}`)).map(({ sequence }) => sequence)

export const startSubscriberEngines = async (projectId: string) => {
  const engines = await startLocalEngines(projectId)
  const shared = await context()

  /** A subscription to a topic of its own, and what arrives there. */
  const subscribe = async (tenant: string, wanted: Partial<SubscriptionDefinition> = {}) => {
    const topic = newName('target')
    const [created] = await shared.pubsub.createTopic(topic)
    const [listener] = await created.createSubscription(`${topic}-test`, { enableMessageOrdering: true })
    const received: Delivered[] = []
    listener.on('message', (message: Message) => {
      received.push(JSON.parse(message.data.toString()) as Delivered)
      message.ack()
    })
    const subscriptions = createSubscriptions(shared)
    const subscription = await subscriptions.create({
      tenant,
      filter: 'true',
      target: { kind: 'topic', topic },
      order: 'agent',
      retry: { attemptsMax: 5, hoursMax: 24, backoffSecondsMin: 0, backoffSecondsMax: 1 },
      ...wanted,
    })
    return { subscription, subscriptions, received, close: () => listener.close() }
  }

  return {
    shared,
    subscribe,
    /** An instance that knows of all subscriptions that there are. */
    instance: (of: Context = shared) => createDistributor({ ...of }, createSubscriptions(of)),
    close: async () => {
      await Promise.all([shared.firestore.terminate(), shared.pubsub.close(), shared.batches.close()])
      await engines.close()
    },
  }
}
export type SubscriberEngines = Awaited<ReturnType<typeof startSubscriberEngines>>
