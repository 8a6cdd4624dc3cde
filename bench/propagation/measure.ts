import type { Firestore } from '@google-cloud/firestore'
import type { PubSub } from '@google-cloud/pubsub'
import {
  collections,
  SubscriptionDocument,
  tenantTopicPrefix,
  topics,
  type Delivered,
} from '@infinity-matrix/contracts'
import { idToken, reportJson, waitFor } from '@infinity-matrix/testing'
import { startLeast } from './least.ts'
import { createStopwatch, type Stopwatch } from './stopwatch.ts'

/** Percentiles in milliseconds, of the control plane, and of the least that it could take. */
type Compared = Record<'control' | 'least', Stopwatch['percentile']>
export interface Propagation {
  state: Compared
  subscriber: Compared
}

/** Where the control plane runs, as an agent and a watcher reach it. */
export interface Place {
  firestore: Firestore
  pubsub: PubSub
  /** Where a function that takes requests is called. */
  url: (functionId: string) => string
}

const agentCount = 20
const reportsPerSecond = 10
const measuredSeconds = 60
const warmUpBursts = [1, 1, 1, 2, 2, 3, 3, 4, 4, 4, 4, 4]
const patience = { deadlineSeconds: 120, pauseMs: 5 }
// No more of an agent's reports come in one snapshot.
const reportsSeenAtOnceMax = 50

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const keyOf = (agentId: string, sequence: number) => `${agentId} ${sequence}`

/** What a tenant's subscriber is sent, on a topic of its own, from when the subscription is active. */
const subscribe = async ({ pubsub, url }: Place, tenant: string, hear: (delivered: Delivered) => void) => {
  const name = tenantTopicPrefix(tenant) + 'changes'
  const [topic] = await pubsub.createTopic(name)
  const [subscription] = await topic.createSubscription(`${tenant}-changes`)
  subscription.on('message', (message) => {
    hear(JSON.parse(message.data.toString('utf8')) as Delivered)
    message.ack()
  })
  const response = await fetch(`${url('events-api')}/v1/subscriptions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${idToken({ projectId: 'demo-infinity-matrix' })}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ tenant, target: { kind: 'topic', topic: name } }),
  })
  if (!response.ok) throw new Error(`no subscription: ${response.status} ${await response.text()}`)
  const { activeFrom } = SubscriptionDocument.parse(await response.json())
  await pause(Math.max(0, Date.parse(activeFrom) - Date.now()))
  return subscription
}

/**
 * Agents report in turn, and beside each report the same goes the shortest way. State: until the snapshot of a listener
 * on the agent's document. Subscriber: until a subscriber of the tenant's agents, in each agent's order, has the report.
 */
export const measurePropagation = async (place: Place): Promise<Propagation> => {
  const { firestore, pubsub } = place
  const tenant = `propagation-${Date.now()}`
  const [state, subscriber] = [createStopwatch(), createStopwatch()]
  const least = await startLeast(firestore, pubsub, tenant)

  const stopListening = firestore
    .collection(collections.agents)
    .where('tenant', '==', tenant)
    .onSnapshot((snapshot) => {
      for (const { doc } of snapshot.docChanges()) {
        const last = doc.get('lastSequence') as number
        for (let seen = 0; seen < reportsSeenAtOnceMax; seen++) state.stop(keyOf(doc.id, last - seen))
      }
    })
  const subscription = await subscribe(place, tenant, ({ subject, sequence }) =>
    subscriber.stop(keyOf(subject.slice('agents/'.length), sequence ?? 0)),
  )

  // At once, as an agent does that has one thing to say.
  const reports = pubsub.topic(topics.stateChanges.name, { batching: { maxMessages: 1 } })
  const send = (index: number) => {
    const agentId = `${tenant}-${index % agentCount}`
    const sequence = 1 + Math.floor(index / agentCount)
    const overrides = { agentId, tenant, timeMs: Date.now() }
    const json =
      sequence === 1
        ? reportJson('agent.started.v1', 1, { kind: 'bench' }, overrides)
        : reportJson('agent.step-taken.v1', sequence, { step: 'acted', tool: 'search' }, overrides)
    state.start(keyOf(agentId, sequence))
    subscriber.start(keyOf(agentId, sequence))
    void reports.publishMessage({ json })
  }
  const watches = [state, subscriber, least.state, least.subscriber]
  const seen = () =>
    waitFor('what was published', () => watches.every((watch) => watch.isIdle()) || undefined, patience)

  try {
    // One, then a few at once: the functions emulator has a process for each, which takes seconds to start.
    let sent = 0
    for (const size of warmUpBursts) {
      for (let index = 0; index < size; index++) {
        least.send(String(sent))
        send(sent++)
      }
      await seen()
    }
    for (const watch of watches) watch.forget()
    for (let index = 0; index < measuredSeconds * reportsPerSecond; index++) {
      send(sent + index)
      await pause(500 / reportsPerSecond)
      least.send(String(sent + index))
      await pause(500 / reportsPerSecond)
    }
    await seen()
  } finally {
    stopListening()
    await Promise.all([subscription.close(), least.close()])
  }
  return {
    state: { control: state.percentile, least: least.state.percentile },
    subscriber: { control: subscriber.percentile, least: least.subscriber.percentile },
  }
}
