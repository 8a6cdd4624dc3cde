import type { DigestDocument, CellDocument } from '@infinity-matrix/contracts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  agentHash,
  cellVoicesMax,
  cellsWrittenPerSweep,
  createShard,
  digestIntervalSeconds,
  leftKeptSeconds,
  shardCount,
  shardOf,
  type CellEntry,
  type Shard,
  type Voice,
} from '../index.ts'

const kind = { tenant: 'acme', region: 'us-west1', tier: 'standard' as const, silenceBoundSeconds: 30 }
const voice = (key: string, heardAt = 100, extra: Partial<Voice> = {}): Voice => ({
  key,
  kind,
  heardAt,
  leftAt: 0,
  will: undefined,
  ...extra,
})
const idsOf = (shard: number, count: number, prefix = 'agent') => {
  const ids: string[] = []
  for (let i = 0; ids.length < count; i++) if (shardOf(`${prefix}-${i}`) === shard) ids.push(`${prefix}-${i}`)
  return ids
}
const shardWith = (ids: readonly string[]) => {
  const shard = createShard(0)
  shard.hear(
    ids.map((id) => voice(id)),
    100,
  )
  return shard
}
const entriesOf = (shard: Shard): CellEntry[] =>
  shard
    .cells()
    .flatMap((cell) => cell.entries())
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
const prefixesOf = (shard: Shard) => shard.cells().map(({ prefix }) => prefix)

/** Firestore, as far as a shard's cells go. */
const createStore = () => {
  const cells = new Map<string, CellDocument>()
  const digests = new Map<string, DigestDocument>()
  let digestWrites = 0
  const store = (shard: Shard, now: number, which: 'due' | 'told' = 'due') => {
    const saves = shard.toStore(now, which)
    for (const { prefix, cell, digest } of saves) {
      if (cell) cells.set(prefix, cell)
      digests.set(prefix, digest)
      digestWrites++
    }
    shard.noteStored(saves)
  }
  const load = (now: number): Shard => {
    const shard = createShard(0)
    shard.load(
      [...cells].flatMap(([prefix, cell]) => {
        const digest = digests.get(prefix)
        return digest ? [{ prefix, cell, digest }] : []
      }),
      now,
    )
    return shard
  }
  return { cells, digests, store, load, digestWrites: () => digestWrites }
}

describe('shards', () => {
  it('share agents evenly, and each agent is always in the same', () => {
    const counts = new Uint32Array(shardCount)
    for (let i = 0; i < 32_000; i++) counts[shardOf(`agent-${i}`)] = (counts[shardOf(`agent-${i}`)] ?? 0) + 1
    for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(250)
    // Stored cells depend on it.
    expect(['agent-1', 'a', 'crawler.eu-7'].map(agentHash)).toEqual([2146876314, 444641715, 1188996761])
  })
})

describe('cells', () => {
  const ids = idsOf(0, 12_000)

  it('hold at most 2,000 agents, and all of them', () => {
    const shard = shardWith(ids)
    const sizes = shard.cells().map((cell) => cell.size())
    expect(Math.max(...sizes)).toBeLessThanOrEqual(cellVoicesMax)
    expect(sizes.reduce((a, b) => a + b)).toBe(ids.length)
    for (const id of ids) expect(shard.cellOf(id).knows(id)).toBe(true)
  })

  it('count what an agent lists beside it', () => {
    const shard = createShard(0)
    shard.hear(
      ids.slice(0, 600).flatMap((id) => [voice(id), ...['a', 'b', 'c'].map((name) => voice(`${id} ${name}`))]),
      100,
    )
    expect(Math.max(...shard.cells().map((cell) => cell.size()))).toBeLessThanOrEqual(cellVoicesMax)
    for (const id of ids.slice(0, 600)) expect(shard.cellOf(id).knows(`${id} b`)).toBe(true)
  })

  it('are the same ones whatever the order in which agents come', () => {
    const shuffle = fc.shuffledSubarray(ids, { minLength: ids.length })
    fc.assert(
      fc.property(shuffle, (order) => {
        expect(prefixesOf(shardWith(order))).toEqual(prefixesOf(shardWith(ids)))
      }),
      { numRuns: 5 },
    )
  })

  it('that divide move their own agents only', () => {
    const shard = shardWith(ids)
    const before = new Map(ids.map((id) => [id, shard.cellOf(id).prefix]))
    const newcomers = idsOf(0, 8000, 'new')
    shard.hear(
      newcomers.map((id) => voice(id)),
      100,
    )
    const divided = new Set([...before.values()].filter((prefix) => !prefixesOf(shard).includes(prefix)))
    expect(divided.size).toBeGreaterThan(0)
    for (const [id, prefix] of before)
      if (!divided.has(prefix)) expect(shard.cellOf(id).prefix).toBe(prefix)
      else expect(shard.cellOf(id).prefix.startsWith(prefix)).toBe(true)
  })

  it('divide for long wills too, so that each fits a document', () => {
    const shard = createShard(0)
    const json = JSON.stringify({ text: '€'.repeat(1000) })
    shard.hear(
      ids.slice(0, 1500).map((id) => voice(id, 100, { will: { at: 100, json } })),
      100,
    )
    for (const { cell } of shard.toStore(200)) expect(Buffer.byteLength(cell?.roster ?? '')).toBeLessThan(700_000)
  })
})

describe('a shard', () => {
  it('is alike whatever the order, grouping and repetition of what it hears', () => {
    const few = idsOf(0, 4)
    const anyVoice = fc.record({
      key: fc.constantFrom(...few),
      heardAt: fc.integer({ min: 90, max: 110 }),
      leftAt: fc.constantFrom(0, 0, 95, 105),
    })
    const voices = fc.array(
      anyVoice.map(({ key, ...rest }) => voice(key, rest.heardAt, rest)),
      { maxLength: 12 },
    )
    fc.assert(
      fc.property(
        voices.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))),
        ([all, shuffled]) => {
          const [one, other] = [createShard(0), createShard(0)]
          one.hear(all, 110)
          for (const each of shuffled) other.hear([each], 110)
          other.hear(all.slice(0, 5), 110)
          expect(entriesOf(other)).toEqual(entriesOf(one))
        },
      ),
    )
  })

  it('comes back from what it stored, with the silences that were told', () => {
    const { store, load } = createStore()
    const shard = shardWith(idsOf(0, 5000))
    shard.hear([voice(idsOf(0, 1)[0] ?? '', 120, { will: { at: 120, json: '{}' } })], 120)
    const news = shard.silences(136)
    expect(news).toHaveLength(4999)
    shard.noteTold(news, 136)
    store(shard, 137)
    const next = load(140)
    expect(entriesOf(next)).toEqual(entriesOf(shard))
    expect(next.silences(140)).toEqual([])
    expect(next.storedBefore()).toBe(Infinity)
    expect(next.toStore(1000)).toEqual([])
  })

  it('stores each cell once in an interval, and not while nothing changes', () => {
    const { store, digestWrites } = createStore()
    const ids = idsOf(0, 2500)
    const shard = shardWith(ids)
    const sweepUntil = (from: number, until: number) => {
      for (let now = from; now < until; now += 5) {
        shard.hear(
          ids.map((id) => voice(id, now)),
          now,
        )
        store(shard, now)
      }
    }
    sweepUntil(101, 200)
    const before = digestWrites()
    sweepUntil(200, 200 + 3 * digestIntervalSeconds)
    expect(digestWrites() - before).toBe(3 * shard.cells().length)
    store(shard, 1000)
    const writes = digestWrites()
    store(shard, 2000)
    expect(digestWrites()).toBe(writes)
  })

  it('knows which heartbeats are stored', () => {
    const { store } = createStore()
    const shard = shardWith(idsOf(0, 10))
    expect(shard.storedBefore()).toBe(100)
    store(shard, 150)
    expect(shard.storedBefore()).toBe(Infinity)
    shard.hear([voice(idsOf(0, 1)[0] ?? '', 160)], 161)
    expect(shard.storedBefore()).toBe(161)
    store(shard, 161 + digestIntervalSeconds)
    expect(shard.storedBefore()).toBe(Infinity)
  })

  it('lets go of a cell that divided when both halves are stored, and heals a division that broke off', () => {
    const { cells, digests, store, load } = createStore()
    const ids = idsOf(0, 2500)
    const shard = shardWith(ids.slice(0, 1500))
    store(shard, 150)
    shard.hear(
      ids.map((id) => voice(id, 160)),
      160,
    )
    expect(shard.obsolete()).toEqual([])
    store(shard, 200)
    expect(shard.obsolete()).toEqual(['0000'])
    // The sweeper dies here: the divided cell stays beside its halves, and one half is lost with it.
    cells.delete('00001')
    digests.delete('00001')
    const next = load(210)
    expect(next.obsolete()).toEqual([])
    for (const id of ids.slice(0, 1500)) expect(next.cellOf(id).knows(id)).toBe(true)
    store(next, 260)
    expect(next.obsolete()).toEqual(['0000'])
    next.noteDeleted(['0000'])
    expect(next.obsolete()).toEqual([])
  })

  it('writes no more in a sweep than its share of what Firestore takes, however many cells divide at once', () => {
    const ids = idsOf(0, 240_000)
    const shard = createShard(0)
    const writes: number[] = []
    let now = 200
    /** Heard at once, and not looked at before all of it is due. */
    const hear = (some: readonly string[]) => {
      shard.hear(
        some.map((id) => voice(id, now)),
        now,
      )
      now += 2 * digestIntervalSeconds
    }
    const sweep = () => {
      const saves = shard.toStore(now)
      shard.noteStored(saves)
      const obsolete = shard.obsolete()
      shard.noteDeleted(obsolete)
      writes.push(saves.length + obsolete.length)
      now += 2
      return saves.length + obsolete.length
    }
    const settle = () => {
      for (let idle = 0; idle <= digestIntervalSeconds;) idle = sweep() === 0 ? idle + 2 : 0
    }
    hear(ids.slice(0, 120_000))
    settle()
    const cellsBefore = shard.cells().length
    hear(ids)
    settle()
    expect(cellsBefore).toBeGreaterThan(30)
    expect(shard.cells().length).toBeGreaterThan(cellsBefore * 1.5)
    expect(Math.max(...writes)).toBeLessThanOrEqual(cellsWrittenPerSweep)
    // Each cell of before that divided was let go of.
    expect(writes.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(cellsBefore + shard.cells().length)
  })

  it('takes no heartbeat so late that its agent may have been forgotten', () => {
    const shard = createShard(0)
    const [one = '', other = ''] = idsOf(0, 2)
    shard.hear([voice(one, 100)], 101 + leftKeptSeconds)
    shard.hear([voice(other, 101)], 101 + leftKeptSeconds)
    expect(entriesOf(shard).map(({ key }) => key)).toEqual([other])
  })
})

describe('a digest', () => {
  it('of a full cell is a few thousand bytes', () => {
    const shard = createShard(0)
    const ids = idsOf(0, cellVoicesMax)
    shard.hear(
      ids.map((id, index) => voice(id, 1_790_000_000 + (index % 30))),
      1_790_000_030,
    )
    const [save] = shard.toStore(1_790_000_060)
    const { heardAt, leftAt, toldAt, toldHeardAt } = save?.digest ?? {
      heardAt: [],
      leftAt: [],
      toldAt: [],
      toldHeardAt: [],
    }
    expect(heardAt.length + leftAt.length + toldAt.length + toldHeardAt.length).toBeLessThan(2200)
    expect(save?.cell?.roster.length).toBeLessThan(60_000)
  })
})
