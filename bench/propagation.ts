import { Firestore } from '@google-cloud/firestore'
import { PubSub, type Message, type Subscription } from '@google-cloud/pubsub'
import { collections, topics } from '@infinity-matrix/contracts'
import { reportJson, waitFor } from '@infinity-matrix/testing'
import { v7 as uuidv7 } from 'uuid'
import { startSuite } from '../packages/cli/src/suite/suite.ts'
import { readSettings } from '../packages/cli/src/settings.ts'
import { row, type Row } from './measure.ts'
import { startPlatform } from './platform/platform.ts'

/** Where the control plane runs, as an agent and a watcher reach it. */
interface Place {
  firestore: Firestore
  pubsub: PubSub
}

const agentCount = 20
const reportsPerSecond = 10
const warmUpBursts = 30
const burstSize = 6
const measuredSeconds = 60
const visibleSecondsMax = 30

/** Each thing that was published, until it is seen; what it took, in milliseconds. */
const createStopwatch = () => {
  const startedAt = new Map<string, number>()
  const tookMs: number[] = []
  return {
    start: (key: string) => startedAt.set(key, performance.now()),
    /** Only the first time counts: what comes twice was visible before. */
    stop(key: string) {
      const started = startedAt.get(key)
      if (started === undefined) return
      startedAt.delete(key)
      tookMs.push(performance.now() - started)
    },
    forget() {
      startedAt.clear()
      tookMs.length = 0
    },
    isDone: () => startedAt.size === 0,
    percentile: (share: number) =>
      tookMs.toSorted((a, b) => a - b)[Math.min(tookMs.length - 1, Math.floor(tookMs.length * share))] ?? NaN,
  }
}
type Stopwatch = ReturnType<typeof createStopwatch>

const patience = { deadlineSeconds: visibleSecondsMax, pauseMs: 5 }
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const keyOf = (agentId: string, sequence: number) => `${agentId} ${sequence}`

const subscribe = async (pubsub: PubSub, topic: string, hear: (message: Message) => void): Promise<Subscription> => {
  const [there] = await pubsub.topic(topic).get({ autoCreate: true })
  const [subscription] = await there.createSubscription(`propagation-${uuidv7()}`)
  subscription.on('message', (message: Message) => {
    hear(message)
    message.ack()
  })
  return subscription
}

/**
 * From an agent's publish to the snapshot of a listener on its document; and beside it, in turn, the least that this can
 * take: from a publish to a plain subscriber, its one write, and the snapshot of a listener on that.
 */
const measure = async ({ firestore, pubsub }: Place) => {
  const tenant = `propagation-${Date.now()}`
  const bareTopic = `propagation-bare-${Date.now()}`
  const [state, bare] = [createStopwatch(), createStopwatch()]
  const bareSubscription = await subscribe(pubsub, bareTopic, ({ data }) => {
    const key = data.toString('utf8')
    void firestore
      .collection(bareTopic)
      .doc(key.split(' ')[0] ?? '')
      .set({ key })
  })
  const stopState = firestore
    .collection(collections.agents)
    .where('tenant', '==', tenant)
    .onSnapshot((snapshot) => {
      // A snapshot may bring several reports of an agent at once.
      for (const { doc } of snapshot.docChanges()) {
        const last = doc.get('lastSequence') as number
        for (let sequence = last; sequence > Math.max(0, last - reportsPerSecond); sequence--)
          state.stop(keyOf(doc.id, sequence))
      }
    })
  const stopBare = firestore.collection(bareTopic).onSnapshot((snapshot) => {
    for (const { doc } of snapshot.docChanges()) bare.stop(doc.get('key') as string)
  })

  // At once, as an agent that has one thing to say.
  const at = { batching: { maxMessages: 1 } }
  const [reports, bareMessages] = [pubsub.topic(topics.stateChanges.name, at), pubsub.topic(bareTopic, at)]
  const publish = (index: number) => {
    const agentId = `${tenant}-${index % agentCount}`
    const sequence = 1 + Math.floor(index / agentCount)
    const overrides = { agentId, tenant, timeMs: Date.now() }
    const json =
      sequence === 1
        ? reportJson('agent.started.v1', 1, { kind: 'bench' }, overrides)
        : reportJson('agent.step-taken.v1', sequence, { step: 'acted', tool: 'search' }, overrides)
    state.start(keyOf(agentId, sequence))
    void reports.publishMessage({ json })
    return () => {
      bare.start(keyOf(agentId, sequence))
      void bareMessages.publishMessage({ data: Buffer.from(keyOf(agentId, sequence)) })
    }
  }
  const seen = () => waitFor('what was published', () => (state.isDone() && bare.isDone()) || undefined, patience)

  // A few at once: the functions emulator has a process for each, which takes seconds to start.
  const warmUp = warmUpBursts * burstSize
  for (let burst = 0; burst < warmUpBursts; burst++) {
    for (let index = 0; index < burstSize; index++) publish(burst * burstSize + index)()
    await seen()
  }
  for (const watch of [state, bare]) watch.forget()
  for (let index = 0; index < measuredSeconds * reportsPerSecond; index++) {
    const publishBare = publish(warmUp + index)
    await pause(500 / reportsPerSecond)
    publishBare()
    await pause(500 / reportsPerSecond)
  }
  await seen()
  stopState()
  stopBare()
  await bareSubscription.close()
  return { state, bare }
}

const rowsOf = (where: string, { state, bare }: Record<'state' | 'bare', Stopwatch>): Row[] =>
  [0.5, 0.95, 0.99].map((share) =>
    row(`${where}, publish to state, p${share * 100}`, state.percentile(share), 'ms', bare.percentile(share)),
  )

const direct = async (): Promise<Row[]> => {
  const platform = await startPlatform({ instancesMax: 2, retryScale: 1 })
  try {
    const rows = rowsOf('direct', await measure(platform))
    const usage = await platform.usage()
    const memory = usage['fleet-onStateChange#1']?.memoryBytes ?? NaN
    return [...rows, row('direct, memory of fleet-onStateChange', memory / 2 ** 20, 'MiB')]
  } finally {
    await platform.stop()
  }
}

const suite = async (): Promise<Row[]> => {
  const started = await startSuite(readSettings(), {
    whenTaken: 'use-free-ports',
    signal: new AbortController().signal,
  })
  const { projectId, firestoreHost = '', pubsubHost = '' } = started.place
  const firestore = new Firestore({ projectId, host: firestoreHost, ssl: false })
  const pubsub = new PubSub({ projectId, apiEndpoint: pubsubHost, emulatorMode: true })
  try {
    return rowsOf('suite', await measure({ firestore, pubsub }))
  } finally {
    await Promise.all([firestore.terminate(), pubsub.close()])
    await started.stop()
  }
}

/**
 * From an agent's publish to what others see, at a low steady load: on the built functions as real processes behind push
 * subscriptions ("direct"), and through the emulator suite.
 */
export const propagation = async (): Promise<Row[]> => [...(await direct()), ...(await suite())]
