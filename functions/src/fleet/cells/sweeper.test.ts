import { Firestore } from '@google-cloud/firestore'
import { collections } from '@infinity-matrix/contracts'
import {
  createPulseGatherer,
  latenessSecondsMax,
  shardOf,
  type SilenceEvent,
  type Voice,
} from '@infinity-matrix/core/fleet'
import { testNowMs } from '@infinity-matrix/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { createLeases } from '../../runtime/lease.ts'
import { startLocalEngines, type LocalEngines } from '../../runtime/testing.ts'
import { createCellStore } from './store.ts'
import { createSweeper } from './sweeper.ts'

let engines: LocalEngines
let firestore: Firestore
let atMs: number
let databases = 0

beforeAll(async () => {
  engines = await startLocalEngines('demo-sweeper')
})
afterAll(() => engines.close())
beforeEach(() => {
  firestore = new Firestore({ projectId: `demo-sweeper-${databases++}` })
  atMs = testNowMs
})
afterEach(() => firestore.terminate())

const nowMs = () => atMs
const now = () => atMs / 1000
const pass = (seconds: number) => {
  atMs += seconds * 1000
}
const allShards = Array.from({ length: 16 }, (_, shard) => shard)

/** One sweeper instance, and what it told. */
const instance = (holder: string) => {
  const leases = createLeases({ firestore, nowMs })
  const store = createCellStore(firestore, leases)
  const events: SilenceEvent[] = []
  const sweeper = createSweeper({
    store,
    leases,
    holder,
    nowMs,
    tell: async (event) => {
      events.push(event)
    },
  })
  const told = () => events.map(({ agentId, said }) => `${agentId} ${said.type}`)
  return { ...sweeper, start: (shards = allShards) => sweeper.start(shards, atMs), store, events, told }
}

const voice = (key: string, extra: Partial<Voice> = {}): Voice => ({
  key,
  kind: { tenant: 'acme', region: 'us-west1', tier: 'standard', silenceBoundSeconds: 30 },
  heardAt: Math.floor(now()),
  leftAt: 0,
  will: undefined,
  ...extra,
})
/** Heartbeats as one function instance stores them. */
const hear = async (...voices: Voice[]) => {
  const gatherer = createPulseGatherer()
  voices.forEach(gatherer.add)
  await createCellStore(firestore, createLeases({ firestore, nowMs })).addPulses(gatherer.take(), atMs)
}
const count = async (collection: string) => (await firestore.collection(collection).count().get()).data().count
const bound = 30 + latenessSecondsMax + 0.1

describe('a sweeper', () => {
  it('tells a silence once, and its end', async () => {
    const sweeper = instance('s1')
    await hear(voice('a', { will: { at: now(), json: '{"page":"ops"}' } }), voice('b', { leftAt: now() + 1 }))
    await sweeper.start()
    await sweeper.sweep()
    expect(sweeper.told()).toEqual([])
    pass(bound)
    await sweeper.sweep()
    await sweeper.sweep()
    expect(sweeper.told()).toEqual(['a agent.went-silent.v1'])
    expect(sweeper.events[0]?.said.data).toMatchObject({ will: { page: 'ops' } })
    await hear(voice('a'))
    await sweeper.sweep()
    await sweeper.sweep()
    expect(sweeper.told()).toEqual(['a agent.went-silent.v1', 'a agent.heard-again.v1'])
  })

  it('hears what several instances stored, in any order and more than once', async () => {
    const sweeper = instance('s1')
    await sweeper.start()
    const first = voice('a')
    pass(20)
    await hear(voice('a'))
    await hear(first)
    await sweeper.sweep()
    await hear(first)
    pass(20)
    await sweeper.sweep()
    expect(sweeper.told()).toEqual([])
    expect(sweeper.size()).toBe(1)
  })

  it('writes each cell once in an interval, however many heartbeats come, and deletes the pulses that are in it', async () => {
    const sweeper = instance('s1')
    const ids = Array.from({ length: 50 }, (_, index) => `agent-${index}`).filter((id) => shardOf(id) === 0)
    await sweeper.start([0])
    const writes = new Set<string>()
    for (let second = 0; second < 60; second += 4) {
      await hear(...ids.map((id) => voice(id)))
      await sweeper.sweep()
      pass(4)
      const digest = await firestore.collection(collections.digests).doc('0000').get()
      writes.add(digest.updateTime?.toDate().toISOString() ?? '')
    }
    // The first at once, then one in each interval.
    expect(writes.size).toBe(3)
    expect(await count(collections.digests)).toBe(1)
    expect(await count(collections.pulses)).toBeLessThan(9)
  })

  it('that ends hands over what it knows: nothing is told again, nothing is lost', async () => {
    const [first, second] = [instance('s1'), instance('s2')]
    await hear(voice('silent'), voice('waiting', { kind: { ...voice('').kind, silenceBoundSeconds: 60 } }))
    await first.start()
    await first.sweep()
    pass(bound)
    await first.sweep()
    await first.stop()
    await second.start()
    await second.sweep()
    expect(second.told()).toEqual([])
    pass(30)
    await second.sweep()
    expect([first.told(), second.told()]).toEqual([['silent agent.went-silent.v1'], ['waiting agent.went-silent.v1']])
  })

  it('that dies is followed by one that tells the same with the same words', async () => {
    const [first, second] = [instance('s1'), instance('s2')]
    await hear(voice('a'))
    await first.start()
    await first.sweep()
    pass(bound)
    vi.spyOn(first.store, 'saveCells').mockRejectedValue(new Error('killed'))
    await expect(first.sweep()).rejects.toThrow('killed')
    pass(15)
    await second.start()
    await second.sweep()
    expect(second.told()).toEqual(['a agent.went-silent.v1'])
    expect(second.events).toEqual(first.events)
  })

  it('does not start on shards that another holds', async () => {
    const [first, second] = [instance('s1'), instance('s2')]
    await first.start([0, 1])
    await second.start([0, 1, 2])
    expect(second.shards()).toEqual([2])
  })

  it('makes up at the next sweep for what failed', async () => {
    const sweeper = instance('s1')
    await hear(voice('a'))
    await sweeper.start()
    vi.spyOn(sweeper.store, 'pulsesAfter').mockRejectedValueOnce(new Error('unavailable'))
    await expect(sweeper.sweep()).rejects.toThrow('unavailable')
    vi.spyOn(sweeper.store, 'saveCells').mockRejectedValueOnce(new Error('unavailable'))
    await expect(sweeper.sweep()).rejects.toThrow('unavailable')
    pass(bound)
    await sweeper.sweep()
    await sweeper.sweep()
    expect(sweeper.told()).toEqual(['a agent.went-silent.v1'])
    expect(await count(collections.pulses)).toBe(0)
  })

  it('that slept through its lease neither tells nor writes nor deletes', async () => {
    const [first, second] = [instance('s1'), instance('s2')]
    const ids = ['a', 'b', 'c']
    await hear(...ids.map((id) => voice(id)))
    await first.start()
    await first.sweep()
    pass(20)
    await second.start()
    await hear(...ids.map((id) => voice(id)))
    await second.sweep()
    pass(16)
    // The second stores what it heard and deletes the pulses, which the first has not seen.
    await hear(...ids.map((id) => voice(id)))
    await second.sweep()
    const cells = await firestore.collection(collections.digests).get()
    await first.sweep()
    expect(first.told()).toEqual([])
    expect(first.shards()).toEqual([])
    const after = await firestore.collection(collections.digests).get()
    expect(after.docs.map(({ updateTime }) => updateTime.toMillis())).toEqual(
      cells.docs.map(({ updateTime }) => updateTime.toMillis()),
    )
  })
})

describe('many agents', () => {
  it('are divided into cells, and come back as they were', async () => {
    const [first, second] = [instance('s1'), instance('s2')]
    const ids: string[] = []
    for (let i = 0; ids.length < 5000; i++) if (shardOf(`agent-${i}`) === 3) ids.push(`agent-${i}`)
    await first.start([3])
    await hear(...ids.slice(0, 1500).map((id) => voice(id)))
    await first.sweep()
    pass(31)
    await hear(...ids.map((id) => voice(id)))
    await first.sweep()
    expect(await count(collections.cells)).toBeGreaterThan(0)
    pass(4)
    await first.sweep()
    await first.stop()
    await second.start([3])
    await second.sweep()
    expect(second.size()).toBe(5000)
    pass(31)
    await hear(...ids.map((id) => voice(id)))
    await second.sweep()
    await second.sweep()
    const { docs } = await firestore.collection(collections.cells).get()
    expect(docs.map(({ id }) => id)).toEqual(['001100', '001101', '001110', '001111'])
    expect(await count(collections.pulses)).toBe(0)
    pass(bound)
    await second.sweep()
    expect(second.told()).toHaveLength(5000)
    expect(new Set(second.events.map(({ agentId }) => agentId)).size).toBe(5000)
  })
})
