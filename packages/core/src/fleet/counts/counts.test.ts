import type { CountsDocument, CountShard } from '@infinity-matrix/contracts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  countChanges,
  countsNow,
  countsViewOf,
  minuteOf,
  reconcileCounts,
  type AgentWritten,
  type Counts,
} from './counts.ts'

type Agent = NonNullable<AgentWritten['after']>
const agent = (fields: Partial<Agent> = {}): Agent => ({
  tenant: 'acme',
  region: 'us-west1',
  tier: 'standard',
  status: 'running',
  ...fields,
})
const changesOf = (written: AgentWritten[]) =>
  [...countChanges(written)].map(([tenant, changes]) => [tenant, Object.fromEntries(changes)])

describe('changes of counts', () => {
  it('are those groups that an agent left, and those it came to', () => {
    const written = [
      { before: undefined, after: agent(), writtenAtMs: 0 },
      { before: agent(), after: agent({ status: 'failed' }), writtenAtMs: 1 },
      { before: agent({ tenant: 'other' }), after: undefined, writtenAtMs: 60_000 },
      { before: agent(), after: agent(), writtenAtMs: 0 },
    ]
    expect(changesOf(written)).toEqual([
      ['acme', { 0: { agents: 1, 'region:us-west1': 1, 'tier:standard': 1, 'status:running': 0, 'status:failed': 1 } }],
      ['other', { 1: { agents: -1, 'region:us-west1': -1, 'tier:standard': -1, 'status:running': -1 } }],
    ])
  })

  it('of agents that go on as they were are none', () => {
    expect(changesOf([{ before: agent(), after: agent(), writtenAtMs: 0 }])).toEqual([])
  })
})

/** What happens in a fleet: agents are written, some writers die before they count, and the counts are compared. */
const happening = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      id: fc.nat(6),
      to: fc.option(fc.record({ region: fc.constantFrom('a', 'b'), status: fc.constantFrom('running', 'failed') })),
      /** When its change is counted, in seconds after the write; null: its writer died. */
      countedAfter: fc.option(fc.nat(59), { freq: 4 }),
      shard: fc.nat(1),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reconcile' as const) }) },
)

describe('counters that lose changes and get them late', () => {
  it('are exact as of each comparison, tell by how much they were off, and are off by no more than what was lost since', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(40), happening), { minLength: 1, maxLength: 60 }), (history) => {
        let atMs = 10 * 60_000
        const agents = new Map<number, Agent>()
        const versions: { atMs: number; agents: Map<number, Agent> }[] = []
        const shards: CountShard[] = [{ changes: {} }, { changes: {} }]
        const late: { atMs: number; apply: () => void }[] = []
        let counted: CountsDocument | undefined
        let lostSince = 0

        const exactAt = (ms: number): Counts => {
          const then = versions.findLast((version) => version.atMs < ms)?.agents ?? new Map<number, Agent>()
          const written = [...then.values()].map((after) => ({ before: undefined, after, writtenAtMs: 0 }))
          return countChanges(written).get('acme')?.get(0) ?? {}
        }
        const arrive = () => {
          for (const one of late.filter((each) => each.atMs <= atMs)) {
            one.apply()
            late.splice(late.indexOf(one), 1)
          }
        }
        for (const [seconds, event] of history) {
          atMs += seconds * 1000 + 1
          arrive()
          if (event.kind === 'write') {
            const before = agents.get(event.id)
            const after = event.to ? agent(event.to) : undefined
            if (after) agents.set(event.id, after)
            else agents.delete(event.id)
            versions.push({ atMs, agents: new Map(agents) })
            const changes =
              countChanges([{ before, after, writtenAtMs: atMs }]).get('acme') ?? new Map<number, Counts>()
            const apply = () => {
              const shard = shards[event.shard]
              for (const [minute, groups] of changes)
                for (const [group, count] of Object.entries(groups)) {
                  if (!shard) continue
                  const there = (shard.changes[minute] ??= {})
                  there[group] = (there[group] ?? 0) + count
                }
            }
            if (event.countedAfter === null) lostSince += changes.size
            else late.push({ atMs: atMs + event.countedAfter * 1000, apply })
          } else {
            // What is compared lies a minute back, so that late changes have come.
            const minute = minuteOf(atMs - 60_000)
            if (minute <= (counted?.minute ?? 0)) continue
            const before = countsNow(counted, shards, minute)
            const exact = exactAt(minute * 60_000)
            counted = reconcileCounts(counted, shards, exact, minute)
            for (const [group, off] of Object.entries(counted.drift))
              expect(off).toBe((before[group] ?? 0) - (exact[group] ?? 0))
            expect(Math.max(0, ...Object.values(counted.drift).map(Math.abs))).toBeLessThanOrEqual(lostSince)
            for (const shard of shards)
              for (const bucket of Object.keys(shard.changes)) if (Number(bucket) < minute) delete shard.changes[bucket]
          }
        }
        // All comes to rest: what is late has come, and the counts are compared once more.
        atMs += 10 * 60_000
        arrive()
        const minute = minuteOf(atMs - 60_000)
        counted = reconcileCounts(counted, shards, exactAt(Infinity), minute)
        const now = countsNow(counted, shards)
        const exact = exactAt(Infinity)
        for (const group of new Set([...Object.keys(now), ...Object.keys(exact)]))
          expect([group, now[group] ?? 0]).toEqual([group, exact[group] ?? 0])
      }),
      { numRuns: 300 },
    )
  })
})

describe('counts as they are shown', () => {
  it('tell how fresh they are, and how far off they were', () => {
    const counted = { minute: 1, counts: { agents: 3, 'status:running': 3, 'region:a': 3 }, drift: { agents: -2 } }
    const shards = [{ changes: { 1: { 'status:running': -1, 'status:failed': 1 }, 0: { agents: 100 } } }]
    expect(countsViewOf('acme', counted, shards, '1970-01-01T00:02:00.000Z')).toEqual({
      tenant: 'acme',
      agents: 3,
      byRegion: { a: 3 },
      byTier: {},
      byStatus: { running: 2, failed: 1 },
      asOf: '1970-01-01T00:02:00.000Z',
      reconciledAt: '1970-01-01T00:01:00.000Z',
      drift: 2,
    })
    expect(countsViewOf('new', undefined, [], '')).toMatchObject({ agents: 0, reconciledAt: null, drift: null })
  })
})
