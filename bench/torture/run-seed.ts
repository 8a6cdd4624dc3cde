import { deadLetterTopic, topics } from '@infinity-matrix/contracts'
import { undeliveredTopic } from '../platform/eventarc.ts'
import type { FaultRates } from '../platform/faulty-firestore.ts'
import { startPlatform, type Platform } from '../platform/platform.ts'
import { createRandom } from '../random.ts'
import { checkAgent } from './check-agents.ts'
import { checkRecord } from './check-records.ts'
import { checkLetters } from './check-letters.ts'
import { checkSubscriber, ofTenant, promised } from './check-subscriber.ts'
import type { Finding } from './finding.ts'
import { createKiller, type Killer } from './killer.ts'
import { listen } from './listeners.ts'
import { createPublisher, type Publisher } from './publisher.ts'
import { createScenario, type Scenario } from './scenario.ts'
import { answerResyncs, drained, gapsClosed, grownTo } from './settle.ts'
import { keptLetters, storedAgents } from './stored.ts'
import { subscribe } from './subscriber.ts'

export interface SeedOptions {
  seed: number
  /** Reports of the fleet. */
  events: number
  agents: number
  /** Function processes to kill on the way. */
  kills: number
  /** At most this many processes of a function. */
  instancesMax: number
  faults: FaultRates
  /** Gives up when nothing moves for so long. */
  idleSecondsMax: number
  /** The folder that is deployed, when it is not what `npm run build` makes. */
  source?: string
  /** Settings of the functions, for that folder. */
  settings?: Record<string, string>
  onProgress: (line: string) => void
}

export interface SeedResult {
  seed: number
  events: number
  findings: Finding[]
  kills: number
  messages: number
  deliveries: number
  redeliveries: number
  duplicates: number
  /** Different reports that the subscriber heard. */
  subscriberHeard: number
  deadLetters: number
  faultsInjected: Record<keyof FaultRates, number>
  seconds: number
  /** Of each process that runs at the end. */
  memoryMiB: Record<string, number>
}

const retryScale = 0.01
const stallMsMax = 2000
const gapBoundSeconds = 2
const progressMs = 5000
const subscribedTenant = 'tenant-1'

/** Plays one seed: publishes its history in all the trouble it draws, and finds what is wrong afterwards. */
export const runSeed = async (options: SeedOptions): Promise<SeedResult> => {
  const { seed, events, agents, source } = options
  const startedAt = performance.now()
  const scenario = createScenario({ seed, events, agents, nowMs: Date.now() })
  const platform = await startPlatform({
    instancesMax: options.instancesMax,
    retryScale,
    faults: { seed, rates: options.faults, stallMsMax },
    settings: { GAP_BOUND_SECONDS: String(gapBoundSeconds), ...options.settings },
    ...(source === undefined ? {} : { source }),
  })
  try {
    const publisher = createPublisher(platform)
    const subscriber = await subscribe(platform, subscribedTenant)
    const killer = createKiller(platform, createRandom(seed), options.kills, scenario.messageCount)
    const heard = await hearDead(platform)
    const resyncs = await answerResyncs(platform, publisher, scenario.histories)
    await play(platform, scenario, { publisher, killer, options })
    const subscribed = ofTenant(scenario.histories, subscribedTenant)
    const toHear = subscribed.flatMap((history) => promised(history).map(({ id }) => id))
    await grownTo(subscriber.heard, toHear, options.idleSecondsMax)
    await Promise.all([resyncs.close(), heard.close(), subscriber.close()])
    const findings = [
      ...(await check(platform, scenario, heard.announced)),
      ...heard.undelivered,
      ...checkSubscriber(subscribed, subscriber.heard),
    ]
    const logs = [...platform.deliveries.values()]
    const usage = Object.entries(await platform.usage())
    return {
      seed,
      events: scenario.eventCount,
      findings,
      kills: killer.kills,
      messages: publisher.published,
      deliveries: logs.reduce((sum, log) => sum + log.deliveries, 0),
      redeliveries: logs.reduce((sum, log) => sum + log.redeliveries, 0),
      duplicates: scenario.duplicates,
      subscriberHeard: subscriber.heard.size,
      deadLetters: scenario.letters.reduce((sum, { count }) => sum + count, 0),
      faultsInjected: platform.faultyFirestore?.injected ?? { before: 0, after: 0, stall: 0 },
      seconds: (performance.now() - startedAt) / 1000,
      memoryMiB: Object.fromEntries(usage.map(([name, { memoryBytes }]) => [name, Math.round(memoryBytes / 2 ** 20)])),
    }
  } finally {
    await platform.stop()
  }
}

/** What is announced as a dead letter, and what Pub/Sub itself gave up. */
const hearDead = async ({ pubsub, deliveries }: Platform) => {
  const announced = new Set<string>()
  const undelivered: Finding[] = []
  const letterTopics = [topics.stateChanges.name, topics.healthChecks.name].map(deadLetterTopic)
  const listeners = await Promise.all([
    ...letterTopics.map((name) =>
      listen(pubsub, name, ({ attributes }) => announced.add(attributes['deadLetterId'] ?? '')),
    ),
    ...[...deliveries.keys()].map((id) =>
      listen(pubsub, undeliveredTopic(id), ({ data }) =>
        undelivered.push({
          kind: 'unexplained',
          what: `${id} never took a message`,
          expected: 'acknowledged',
          stored: data.toString('utf8').slice(0, 300),
        }),
      ),
    ),
  ])
  const close = () => Promise.all(listeners.map((listener) => listener.close()))
  return { announced, undelivered, close }
}

const play = async (
  platform: Platform,
  { acts }: Scenario,
  { publisher, killer, options }: { publisher: Publisher; killer: Killer; options: SeedOptions },
) => {
  const { seed, idleSecondsMax, onProgress } = options
  const each = () => killer.watch(publisher.acknowledged)
  const watch = setInterval(() => {
    const redeliveries = [...platform.deliveries.values()].reduce((sum, log) => sum + log.redeliveries, 0)
    const { published, acknowledged } = publisher
    onProgress(
      `seed ${seed}: ${acknowledged} of ${published} messages settled, ${redeliveries} redeliveries, ${killer.kills} kills`,
    )
  }, progressMs)
  try {
    for (const act of acts) {
      for (const message of act) {
        await publisher.publish(message)
        each()
      }
      // What did not come through will be found missing.
      if (!(await drained(platform, publisher, { idleSecondsMax, each }))) break
    }
    await gapsClosed(platform, publisher, { idleSecondsMax, sweepSeconds: gapBoundSeconds })
  } finally {
    clearInterval(watch)
  }
}

const check = async ({ firestore }: Platform, { histories, letters }: Scenario, announced: ReadonlySet<string>) => {
  const findings: Finding[] = []
  const unseen = new Map(histories.map((history) => [history.agentId, history]))
  for await (const { stored, windows } of storedAgents(firestore)) {
    const history = unseen.get(stored.agentId)
    unseen.delete(stored.agentId)
    if (history) findings.push(...checkAgent(history, stored), ...checkRecord(history, stored, windows))
    else
      findings.push({
        kind: 'unexplained',
        what: 'agent is not in the history',
        agentId: stored.agentId,
        expected: 'no document',
        stored: stored.status,
      })
  }
  for (const history of unseen.values()) findings.push(...checkAgent(history, undefined))
  return [...findings, ...checkLetters(letters, await keptLetters(firestore), announced)]
}
