import { Firestore } from '@google-cloud/firestore'
import { PubSub } from '@google-cloud/pubsub'
import { Server, type UntypedServiceImplementation } from '@grpc/grpc-js'
import { collections, sealTopic, topics } from '@infinity-matrix/contracts'
import { observationJson, reportJson } from '@infinity-matrix/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { createDistributor } from '../../functions/src/events/subscriptions/distributor.ts'
import { createSubscriptions } from '../../functions/src/events/subscriptions/subscriptions.ts'
import { change, changed, stepsOf } from '../../functions/src/events/subscriptions/testing.ts'
import { context } from '../../functions/src/runtime/context.ts'
import { createGovernor } from '../../functions/src/runtime/governor.ts'
import { createCellStore } from '../../functions/src/fleet/cells/store.ts'
import { createSweeper } from '../../functions/src/fleet/cells/sweeper.ts'
import { onHeartbeat } from '../../functions/src/fleet/onHeartbeat.ts'
import { onStateChange } from '../../functions/src/fleet/onStateChange.ts'
import { createLeases } from '../../functions/src/runtime/lease.ts'
import { deliverTo, startLocalEngines } from '../../functions/src/runtime/testing.ts'
import { factors } from './factors.ts'

/** What the engines were asked, counted where requests come in. */
const asked = { read: new Map<string, number>(), published: new Map<string, number>() }
const written = new Map<string, number>()
const deleted = new Map<string, number>()
const count = (counts: Map<string, number>, name: string, more = 1) => counts.set(name, (counts.get(name) ?? 0) + more)

interface Call {
  request: { documents?: string[]; topic?: string; messages?: unknown[] }
}
const countingCalls = (implementation: UntypedServiceImplementation): UntypedServiceImplementation => {
  const wrapped = (name: string, note: (request: Call['request']) => void) => {
    const handler = implementation[name] as ((call: Call, ...rest: unknown[]) => unknown) | undefined
    if (!handler) return {}
    const counting = (call: Call, ...rest: unknown[]) => {
      note(call.request)
      return handler(call, ...rest)
    }
    return { [name]: counting }
  }
  return {
    ...implementation,
    ...wrapped('BatchGetDocuments', ({ documents = [] }) => {
      for (const name of documents) count(asked.read, name.split('/').at(-2) ?? '')
    }),
    ...wrapped('Publish', ({ topic, messages }) => {
      count(asked.published, topic?.split('/').at(-1) ?? '', messages?.length ?? 0)
    }),
  }
}

const closing: (() => Promise<unknown>)[] = []
let firestore: Firestore

beforeAll(async () => {
  const addService = Reflect.get(Server.prototype, 'addService')
  vi.spyOn(Server.prototype, 'addService').mockImplementation(function (this: Server, service, implementation) {
    addService.call(this, service, countingCalls(implementation))
  })
  const { store, close } = await startLocalEngines('demo-model')
  store.engine.store.onCommit(({ changes }) => {
    for (const { node, after } of changes) count(after.fields ? written : deleted, node.collection?.id ?? '')
  })
  firestore = new Firestore()
  const pubsub = new PubSub()
  await pubsub.createTopic(topics.analytics.name)
  closing.push(
    () => firestore.terminate(),
    () => pubsub.close(),
    close,
  )
})
afterAll(async () => {
  for (const close of closing) await close()
  vi.restoreAllMocks()
})
beforeEach(() => {
  asked.read.clear()
  asked.published.clear()
  written.clear()
  deleted.clear()
})

/** Calls the function as the functions framework does. */
const deliver = (events: readonly object[], messageId: string, handler = onStateChange): Promise<void> => {
  const data = Buffer.from(JSON.stringify({ events })).toString('base64')
  return deliverTo(handler, { messageId, publishTime: new Date().toISOString(), data })
}

describe('the reference load', { timeout: 30_000 }, () => {
  const eventsPerWindow = 20
  const agents = Array.from({ length: 5 }, (_, index) => `agent-${index}`)
  /** A message of 100 events: the next 20 of each of 5 agents. */
  const message = (nth: number) =>
    agents.flatMap((agentId) =>
      Array.from({ length: eventsPerWindow }, (_, index) => {
        const sequence = nth * eventsPerWindow + index + 1
        const overrides = { agentId, timeMs: Date.now() }
        return sequence === 1
          ? reportJson('agent.started.v1', 1, { kind: 'worker' }, overrides)
          : reportJson('agent.step-taken.v1', sequence, { step: 'acted', tool: 'search' }, overrides)
      }),
    )

  it('begins with one more read of each agent that is new, which the model leaves out: was it erased', async () => {
    await deliver(message(0), 'm0')
    expect(asked.read.get(collections.agents)).toBe(agents.length * factors.readsPerAgentWindow)
    expect(asked.read.get(collections.erasedAgents)).toBe(agents.length)
  })

  it('costs what the model counts', async () => {
    const messages = 6
    for (let nth = 1; nth <= messages; nth++) await deliver(message(nth), `m${nth}`)
    const windows = messages * agents.length
    expect((asked.read.get(collections.agents) ?? 0) / windows).toBe(factors.readsPerAgentWindow)
    expect(asked.read.get(collections.erasedAgents)).toBeUndefined()
    expect(Object.fromEntries(written)).toEqual({
      [collections.agents]: windows * factors.writesPerAgentWindow,
      [collections.ledgerWindows]: messages * factors.windowsPerMessage,
      [collections.ledgerIntake]: messages * factors.entriesPerMessage,
    })
    const { [sealTopic]: woken = 0, ...published } = Object.fromEntries(asked.published)
    expect(published).toEqual({ [topics.analytics.name]: messages * factors.receiptsPerMessage })
    // The sealer is woken twice a second at most, which is nothing beside a million events.
    expect(woken).toBeLessThanOrEqual(messages)
    const { docs } = await firestore.collection(collections.agents).get()
    expect(docs.map((agent) => agent.get('lastSequence') as number)).toEqual(
      agents.map(() => (messages + 1) * eventsPerWindow),
    )
  })

  it('delivered again costs reads only', async () => {
    await deliver(message(0), 'm0')
    expect(asked.read.get(collections.agents)).toBe(agents.length)
    expect(written.size).toBe(0)
  })
})

describe('what goes to a subscriber in order', { timeout: 30_000 }, () => {
  it('costs a read and a write of each agent’s channel, as the model counts', async () => {
    const { pubsub, batches, ...rest } = await context()
    closing.unshift(() => batches.close())
    await pubsub.createTopic('subscriber')
    const subscriptions = createSubscriptions({ pubsub, batches, ...rest })
    await subscriptions.create({
      tenant: 'distributed',
      filter: 'true',
      target: { kind: 'topic', topic: 'subscriber' },
      order: 'agent',
      retry: { attemptsMax: 5, hoursMax: 24, backoffSecondsMin: 0, backoffSecondsMax: 1 },
    })
    const { distribute } = createDistributor({ pubsub, batches, ...rest }, subscriptions)
    const [agents, windows, perWindow] = [5, 4, 20]
    const changeOf = (agentId: string, nth: number) => {
      const steps = stepsOf(agentId, 'distributed', (nth + 1) * perWindow)
      return change(agentId, steps.slice(nth * perWindow))
    }
    asked.read.clear()
    written.clear()
    for (let nth = 0; nth < windows; nth++)
      await distribute(
        changed('distributed', ...Array.from({ length: agents }, (_, agent) => changeOf(`distributed-${agent}`, nth))),
      )
    expect(asked.read.get(collections.channels)).toBe(agents * windows * factors.channelReadsPerAgentWindow)
    expect(written.get(collections.channels)).toBe(agents * windows * factors.channelWritesPerAgentWindow)
    expect(asked.published.get('subscriber')).toBe(agents * windows * perWindow)
  })
})

describe('heartbeats that are there together', { timeout: 30_000 }, () => {
  const agents = Array.from({ length: 200 }, (_, index) => `beats-${index}`)

  it('cost a pulse for each shard, and a digest for each cell in its interval, as the model counts', async () => {
    const beat = (agentId: string) =>
      observationJson('agent.heartbeat.v1', { silenceBoundSeconds: 60 }, { agentId, timeMs: Date.now() })
    await Promise.all(agents.map((agentId, index) => deliver([beat(agentId)], `h${index}`, onHeartbeat)))
    expect(written.get(collections.pulses)).toBe(factors.shards)

    let aheadMs = 0
    const nowMs = () => Date.now() + aheadMs
    const leases = createLeases({ firestore, nowMs })
    const store = createCellStore(firestore, leases)
    const sweeper = createSweeper({ store, leases, tell: async () => undefined, holder: 'model', nowMs })
    const shards = Array.from({ length: factors.shards }, (_, shard) => shard)
    await sweeper.start(shards, nowMs())
    written.clear()
    for (let second = 0; second < factors.digestSeconds; second += factors.leaseSeconds) {
      await sweeper.sweep()
      aheadMs += factors.leaseSeconds * 1000
    }
    await sweeper.sweep()
    expect(written.get(collections.digests)).toBe(factors.shards)
    expect(deleted.get(collections.pulses)).toBe(factors.shards)
    const renewals = factors.digestSeconds / factors.leaseSeconds
    expect(written.get(collections.leases)).toBe(factors.shards * renewals)
    await sweeper.stop()
  })
})

describe('a governed instance', { timeout: 30_000 }, () => {
  it('reads and writes as often as the model counts', async () => {
    let atMs = Date.UTC(2026, 0, 1)
    const { admit } = createGovernor(
      { firestore, nowMs: () => atMs, newId: () => 'instance' },
      { ceilingPerSecond: 1e6, sleep: (ms) => Promise.resolve((atMs += ms)) },
    )
    const seconds = 600
    for (let second = 0; second < seconds; second++) {
      await admit('modelled', 100)
      atMs += 1000
    }
    expect((asked.read.get(collections.keyRanges) ?? 0) / seconds).toBeCloseTo(factors.governorPerSecond, 2)
    expect((written.get(collections.keyRanges) ?? 0) / seconds).toBeCloseTo(factors.governorPerSecond, 2)
  })
})
