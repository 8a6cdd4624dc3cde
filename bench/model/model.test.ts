import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { messageBytesMax } from '@infinity-matrix/contracts'
import { describe, expect, it } from 'vitest'
import { eventsOf } from '../../packages/cli/src/recordings/run.ts'
import { readRecordings } from '../../packages/cli/src/recordings/files.ts'
import { documentBytes } from './document-size.ts'
import { eventarcMessageBytes } from './limits.ts'
import { costs, heartbeatCosts, naiveCosts, rampMinutes, scale, sum, type Deployment, type Load } from './model.ts'
import { factors } from './factors.ts'
import {
  distributedPerCoreSecond,
  eventsPerCoreSecond,
  orchestrator,
  reference,
  transactionsPerCoreSecond,
} from './reference.ts'

// Numbers that can be followed by hand.
const load: Load = {
  agents: 1000,
  eventsPerSecond: 1000,
  eventsPerMessage: 100,
  eventsPerAgentWindow: 20,
  heartbeatSeconds: 30,
  heartbeatsPerMessage: 1,
  distributedShare: 0,
  subscribers: 1,
  edition: 'standard',
  regions: 1,
  archiveDays: 30,
}
const measures = {
  eventBytes: 400,
  heartbeatBytes: 300,
  pulseBytesPerAgent: 40,
  agentDocumentBytes: 4500,
  channelBytes: 300,
  agentJsonBytes: 5000,
  receiptBytes: () => 400,
  windowBytes: () => 600,
  entryBytes: 500,
  eventsPerCoreSecond: 4000,
  distributedPerCoreSecond: 1000,
}
const deployment: Deployment = { maxInstances: 8, cpu: 1, memoryGib: 0.5, concurrency: 500, utilisation: 0.5 }

describe('dollars per million events', () => {
  const items = costs(load, factors, measures, deployment)
  it('count bytes of messages with their envelope', () => {
    // 10,000 messages of 100 lines of 400 bytes, 99 bytes between them, and 37 of id and time.
    expect(items.pubsubIn).toBeCloseTo((10_000 * 40_136 * 40) / 2 ** 40, 9)
    expect(items.archiveSubscription).toBeCloseTo((10_000 * 40_136 * 50) / 2 ** 40, 9)
  })
  it('count one read and one write for each agent in a window', () => {
    expect(items.firestoreReads).toBeCloseTo(0.05 * 0.3, 9)
    expect(items.firestoreWrites).toBeCloseTo(0.05 * 0.9, 9)
  })
  it('count a request for each message, and an instance’s time for as long as the events take', () => {
    expect(items.functionRequests).toBeCloseTo(0.004, 9)
    // One instance is enough for 1,000 events/s, of which a million take 1,000 s.
    expect(items.functionVcpu).toBeCloseTo(1000 * 0.000024, 9)
    expect(items.functionMemory).toBeCloseTo(500 * 0.0000025, 9)
  })
  it('count the ledger: a window and an entry written, which is read and deleted, and a sealer awake all the time', () => {
    expect(items.ledger).toBeCloseTo(0.01 * (2 * 0.9 + 0.3 + 0.1), 9)
    expect(items.sealer).toBeCloseTo(1000 * (2 * 3 * 0.9e-6 + 0.00002525), 9)
  })
  it('count a receipt as the 1,000 bytes that a request has at least, and a governor’s read and write in 15 seconds', () => {
    expect(items.receipts).toBeCloseTo((10_000 * 1000 * 40) / 2 ** 40, 9)
    expect(items.governor).toBeCloseTo((1000 / 15) * 1.2e-6, 9)
  })
  it('count units of Enterprise edition by size', () => {
    const enterprise = costs({ ...load, edition: 'enterprise' }, factors, measures, deployment)
    expect(enterprise.firestoreReads).toBeCloseTo(0.05 * 2 * 0.05, 9)
    expect(enterprise.firestoreWrites).toBeCloseTo(0.05 * 5 * 0.26, 9)
  })
  it('count what is distributed twice to the distributor, and once to each subscriber', () => {
    const distributed = { ...load, distributedShare: 0.5, subscribers: 3 }
    const { changeFeed, channels, distributorTime } = costs(distributed, factors, measures, deployment)
    const bytes = 100 * 400 + 5 * 5000 + 37
    expect(changeFeed).toBeCloseTo(0.5 * 10_000 * ((5 * bytes * 40) / 2 ** 40 + 0.4e-6), 9)
    expect(channels).toBeCloseTo(0.5 * 0.05 * 1.2, 9)
    expect(distributorTime).toBeCloseTo(0.5 * 2000 * (0.000024 + 0.5 * 0.0000025), 9)
  })
  it('count a heartbeat alone as a request of 1,000 bytes, and its write with those of others', () => {
    const million = { ...load, agents: 1_000_000 }
    const beats = heartbeatCosts(million, factors, measures, deployment)
    expect(beats.pubsubIn).toBeCloseTo((1e9 * 40) / 2 ** 40, 9)
    expect(beats.functionRequests).toBeCloseTo(0.4, 9)
    // 33,333 heartbeats/s: 17 instances, each with 16 pulses a second; 512 cells in 30 s.
    expect(beats.pulses).toBeCloseTo((17 * 16 * 1.3) / (1e6 / 30), 9)
    expect(beats.digests).toBeCloseTo(((512 / 30) * 0.9) / (1e6 / 30), 9)
  })
})

describe('scale', () => {
  it('tells writes a second, of a document too, and instances', () => {
    expect(scale({ ...load, eventsPerSecond: 10_000, regions: 2 }, factors, measures, deployment)).toMatchObject({
      instancesPerRegion: 3,
      collections: [
        { collection: 'agents', writesPerSecond: 250, writesPerSecondPerDocument: 0.5, rampMinutes: 0 },
        { collection: 'pulses' },
        { collection: 'digests', writesPerSecondPerDocument: 1 / 30 },
        { collection: 'leases', writesPerSecond: 3.2, writesPerSecondPerDocument: 0.2 },
      ],
    })
  })
  it('tells what breaks first, and when', () => {
    const [first] = scale(load, factors, measures, deployment).breaksFirst
    expect(first).toMatchObject({ eventsPerSecondMax: 8 * 4000 * 0.5 })
    const [alone] = scale({ ...load, agents: 1 }, factors, measures, deployment).breaksFirst
    expect(alone).toMatchObject({ what: 'one agent’s document', eventsPerSecondMax: 20 })
  })
  it('tells how long the ramp is', () => {
    expect([500, 501, 750, 751, 10_000].map(rampMinutes)).toEqual([0, 5, 5, 10, 40])
  })
})

describe('the reference point', () => {
  const deployed = orchestrator()
  const asDeployed = { ...deployment, maxInstances: deployed.maxInstances, utilisation: 0.7 }
  const ours = {
    ...reference(),
    eventsPerCoreSecond: eventsPerCoreSecond(load.eventsPerMessage).value,
    distributedPerCoreSecond: distributedPerCoreSecond().value,
  }
  const atReference = { ...load, agents: 100_000, eventsPerSecond: 10_000 }
  it('is within 15 cents per million events', () => {
    expect(sum(costs(atReference, factors, ours, asDeployed))).toBeLessThanOrEqual(0.15)
  })
  it('is beside $2.61 of the naive form', () => {
    expect(sum(naiveCosts(atReference, ours, asDeployed, transactionsPerCoreSecond))).toBeCloseTo(2.61, 1)
  })
})

describe('what is measured', () => {
  it('is a document as Firestore’s own example counts it', () => {
    const task = { type: 'Personal', done: false, priority: 1, description: 'Learn Cloud Firestore' }
    expect(documentBytes('users/jeff/tasks/my_task_id', task)).toBe(147)
  })
  it('is a message that functions take', () => {
    expect(eventarcMessageBytes).toBe(messageBytesMax)
    expect(scale(load, factors, reference0(), deployment).messageBytes).toBeLessThan(messageBytesMax)
  })
  const reference0 = () => ({ ...measures, ...reference() })

  const data = resolve(import.meta.dirname, '../../../shared/data/tau-bench')
  const absent = existsSync(data) ? '' : ` (skipped: ${data} is absent, it is not part of the repository)`
  it.skipIf(absent)(`is an event as recorded agents send them${absent}`, async () => {
    const runs = await readRecordings([data])
    const sender = { tenant: 'acme', region: 'us-central1', tier: 'standard' } as const
    const sizes = runs.flatMap((run) =>
      eventsOf(run, sender, new Date(0)).map((event) => Buffer.byteLength(JSON.stringify(event))),
    )
    const recorded = sizes.reduce((total, size) => total + size, 0) / sizes.length
    expect(reference().eventBytes / recorded).toBeGreaterThan(0.95)
    expect(reference().eventBytes / recorded).toBeLessThan(1.05)
  })
})
