import type { Message } from '@google-cloud/pubsub'
import { parseEvent, subscriptionStartSeconds, type AgentChange, type AgentsChanged } from '@infinity-matrix/contracts'
import { reportJson, waitFor } from '@infinity-matrix/testing'
import { build } from 'hdr-histogram-js'
import { createDistributor } from '../functions/src/events/subscriptions/distributor.ts'
import { loadCompile } from '../functions/src/events/subscriptions/expression.ts'
import { createSubscriptions } from '../functions/src/events/subscriptions/subscriptions.ts'
import { context } from '../functions/src/runtime/context.ts'
import { startEndpoint } from './endpoint.ts'
import { medianOf, row, type Row } from './measure.ts'
import { startServer } from './start-server.ts'

const filter = 'event.type == "agent.step-taken.v1" && state.status == "running" && state.usage.steps > 5.0'
const evaluations = 200_000
const rounds = 3
const agentCount = 200
const eventsPerChange = 20
const changesPerMessage = 20
const singles = 300
const barMs = 500
const endpointTenant = 'bench-endpoint'

const state: AgentChange['state'] = {
  status: 'running',
  run: { kind: 'worker', number: 1, startedAt: new Date().toISOString() },
  usage: { steps: 12, costUsd: 1, tokensIn: 0, tokensOut: 0, observationBytes: 0, toolCalls: {} },
  region: 'us-west1',
  tier: 'standard',
  presence: null,
}

const stepOf = (agentId: string, tenant: string, sequence: number) => {
  const json = reportJson('agent.step-taken.v1', sequence, { step: 'acted' }, { agentId, tenant, timeMs: Date.now() })
  const parsed = parseEvent(json, Date.now())
  if (!parsed.ok) throw new Error(parsed.problem.rule)
  return parsed.value
}

/** How often a second of one core's time a predicate is judged. */
const ratePerCore = (judge: () => unknown): number => {
  const pass = () => {
    const before = process.cpuUsage()
    for (let index = 0; index < evaluations; index++) judge()
    const { user, system } = process.cpuUsage(before)
    return evaluations / ((user + system) / 1e6)
  }
  pass()
  return medianOf(Array.from({ length: rounds }, pass))
}

/** From the moment that something begins to the first time that it is seen to end. */
const createLags = () => {
  const lags = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 60_000_000,
    numberOfSignificantValueDigits: 3,
  })
  const begun = new Map<string, number>()
  return {
    begin: (id: string) => void begun.set(id, performance.now()),
    end: (id: string) => {
      const startedAt = begun.get(id)
      if (startedAt === undefined) return
      begun.delete(id)
      lags.recordValue(Math.round((performance.now() - startedAt) * 1000))
    },
    count: () => lags.totalCount,
    percentileMs: (percent: number) => lags.getValueAtPercentile(percent) / 1000,
  }
}
type Lags = ReturnType<typeof createLags>

const rowsOf = (name: string, { percentileMs }: Lags): Row[] =>
  [50, 95, 99].map((percent) => row(`${name}, p${percent}`, percentileMs(percent), 'ms', barMs))

/**
 * Filters by CEL beside the same predicate in JavaScript, and the distributor: changes of agents with 20 events each, in
 * messages of 20 agents, to one ordered subscriber; then changes of one event alone, from the call to its arrival on a topic,
 * and at an endpoint.
 */
export const subscriptions = async (): Promise<Row[]> => {
  const event = stepOf('a', 'bench', 1)
  const compile = await loadCompile(undefined)
  const compiled = compile(filter)
  if (!compiled.ok) throw new Error(compiled.rule)
  const cel = ratePerCore(() => compiled.evaluate({ event, state }))
  const plain = ratePerCore(
    () => event.type === 'agent.step-taken.v1' && state.status === 'running' && state.usage.steps > 5,
  )

  const [store, broker] = [await startServer('firestore'), await startServer('pubsub')]
  process.env['GCLOUD_PROJECT'] = 'demo-bench'
  process.env['FIRESTORE_EMULATOR_HOST'] = store.address
  process.env['PUBSUB_EMULATOR_HOST'] = broker.address
  const shared = await context()
  try {
    const tenant = 'bench'
    const [topic] = await shared.pubsub.createTopic('bench-target')
    const [listener] = await topic.createSubscription('bench-listener', { enableMessageOrdering: true })
    const [toTopic, toEndpoint] = [createLags(), createLags()]
    let received = 0
    listener.on('message', (message: Message) => {
      received++
      toTopic.end(message.attributes['ce-id'] ?? '')
      message.ack()
    })
    const known = createSubscriptions(shared)
    const endpoint = await startEndpoint(toEndpoint.end)
    const retry = { attemptsMax: 5, hoursMax: 24, backoffSecondsMin: 1, backoffSecondsMax: 600 }
    const wanted = { filter, order: 'agent', retry } as const
    await known.create({ ...wanted, tenant, target: { kind: 'topic', topic: 'bench-target' } })
    await known.create({ ...wanted, tenant: endpointTenant, target: { kind: 'https', url: endpoint.url } })
    const createdAt = new Date(Date.now() + subscriptionStartSeconds * 1000 + 1000).toISOString()
    const changesOf = (agents: readonly string[], from: number, length: number, of = tenant): AgentsChanged => ({
      type: 'fleet.changed.v1',
      tenant: of,
      changes: agents.map((agentId) => ({
        agentId,
        createdAt,
        state,
        events: Array.from({ length }, (_, index) => stepOf(agentId, of, from + index)),
      })),
    })
    const { distribute } = createDistributor(shared, known)
    const agents = Array.from({ length: agentCount }, (_, index) => `a-${index}`)
    const groups = Array.from({ length: agentCount / changesPerMessage }, (_, index) =>
      agents.slice(index * changesPerMessage, (index + 1) * changesPerMessage),
    )
    const rates: number[] = []
    for (let round = 0; round <= rounds; round++) {
      const messages = groups.map((group) => changesOf(group, 1 + round * eventsPerChange, eventsPerChange))
      const before = performance.now()
      await Promise.all(messages.map(distribute))
      if (round > 0) rates.push((agentCount * eventsPerChange) / ((performance.now() - before) / 1000))
    }
    const sent = agentCount * eventsPerChange * (rounds + 1)
    await waitFor('all events at the subscriber', () => (received >= sent ? true : undefined), { deadlineSeconds: 120 })

    const oneByOne = async (of: string, lags: Lags) => {
      for (let index = 0; index < singles; index++) {
        const message = changesOf([`${of}-single-${index}`], 1, 1, of)
        lags.begin(message.changes[0]?.events[0]?.id ?? '')
        await distribute(message)
      }
      await waitFor('the single ones', () => (lags.count() === singles ? true : undefined), { deadlineSeconds: 60 })
    }
    await oneByOne(tenant, toTopic)
    await oneByOne(endpointTenant, toEndpoint)
    await endpoint.close()
    await listener.close()
    return [
      row('filter by CEL, per core', cel, '/s', plain),
      row('the same predicate in JavaScript, per core', plain, '/s', plain),
      row('events through the distributor, in order', medianOf(rates), '/s'),
      ...rowsOf('change to subscriber', toTopic),
      ...rowsOf('change to endpoint', toEndpoint),
      row('events received', received, 'events', sent + singles),
      row('memory of the distributor', process.memoryUsage().rss / 2 ** 20, 'MiB'),
    ]
  } finally {
    await Promise.all([shared.firestore.terminate(), shared.pubsub.close(), shared.batches.close()])
    await Promise.all([store.stop(), broker.stop()])
  }
}
