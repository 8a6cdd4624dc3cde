import type { Firestore } from '@google-cloud/firestore'
import type { PubSub } from '@google-cloud/pubsub'
import { collections, FoldReceipt, topics } from '@infinity-matrix/contracts'
import { reportJson, waitFor } from '@infinity-matrix/testing'
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

/**
 * Agents report in turn, and beside each report the same goes the shortest way. State: until the snapshot of a listener
 * on the agent's document. Subscriber: until the receipt of its commit reaches a subscriber of it.
 */
export const measurePropagation = async ({ firestore, pubsub }: Place): Promise<Propagation> => {
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
  const [analytics] = await pubsub.topic(topics.analytics.name).get({ autoCreate: true })
  const [receipts] = await analytics.createSubscription(tenant, { filter: `attributes.tenant = "${tenant}"` })
  // A receipt counts reports and does not name them: the nth that was applied is taken for the nth that was sent.
  let applied = 0
  receipts.on('message', (message) => {
    const receipt = FoldReceipt.parse(JSON.parse(message.data.toString('utf8')))
    for (let count = receipt.applied + receipt.released; count > 0; count--) subscriber.stop(String(applied++))
    message.ack()
  })

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
    subscriber.start(String(index))
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
        least.send(keyOf(String(sent), 0))
        send(sent++)
      }
      await seen()
    }
    for (const watch of watches) watch.forget()
    for (let index = 0; index < measuredSeconds * reportsPerSecond; index++) {
      send(sent + index)
      await pause(500 / reportsPerSecond)
      least.send(keyOf(String(index % agentCount), index))
      await pause(500 / reportsPerSecond)
    }
    await seen()
  } finally {
    stopListening()
    await Promise.all([receipts.close(), least.close()])
  }
  return {
    state: { control: state.percentile, least: least.state.percentile },
    subscriber: { control: subscriber.percentile, least: least.subscriber.percentile },
  }
}
