import type { KeyRangeDocument } from '@infinity-matrix/contracts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  allowedPerSecond,
  carry,
  newKeyRange,
  rampGrowth,
  rampMemoryHours,
  rampPeriodSeconds,
  rampStartPerSecond,
  takeShare,
  whenFree,
  type ShareTaken,
} from './ramp.ts'

const ceilingPerSecond = 1_000_000
const periodMs = rampPeriodSeconds * 1000

/** The range after whole periods with these rates. */
const after = (rates: readonly number[], from = newKeyRange(0)) =>
  rates.reduce((range, rate, index) => carry(range, rate * rampPeriodSeconds, (index + 1) * periodMs), from)

describe('what a range takes', () => {
  it('begins at 500 and grows by half in five minutes of full use', () => {
    expect([[], [500], [500, 750], [500, 750, 1125]].map((rates) => allowedPerSecond(after(rates)))).toEqual([
      500, 750, 1125, 1687.5,
    ])
  })
  it('grows no further than half above what it carried', () => {
    expect(allowedPerSecond(after([350]))).toBe(525)
    expect(allowedPerSecond(after([10]))).toBe(500)
  })
  it('does not grow within a period', () => {
    expect(allowedPerSecond(carry(newKeyRange(0), 1e6, periodMs - 1))).toBe(500)
  })
  it('stays over idle hours, and begins anew after more', () => {
    const grown = after([500, 750])
    const idle = (hours: number) => allowedPerSecond(carry(grown, 0, grown.sustainedAtMs + hours * 3_600_000))
    expect(idle(rampMemoryHours)).toBe(1125)
    expect(idle(rampMemoryHours + 1)).toBe(500)
  })
  it('falls, after those hours, to what it carried of late', () => {
    const grown = after([500, 750])
    const quiet = carry(grown, 0, grown.sustainedAtMs + rampMemoryHours * 3_600_000)
    const used = carry(quiet, 400 * rampPeriodSeconds, quiet.periodStartedAtMs + periodMs)
    expect(allowedPerSecond(used)).toBe(600)
  })
})

const ask = (range: KeyRangeDocument, instanceId: string, wantedPerSecond: number | null, nowMs: number) =>
  takeShare(range, { writes: 0, wantedPerSecond }, { instanceId, nowMs, ceilingPerSecond })
const given = ({ shares }: KeyRangeDocument, nowMs: number) =>
  Object.values(shares).reduce((sum, { perSecond, untilMs }) => sum + (untilMs > nowMs ? perSecond : 0), 0)

describe('shares', () => {
  it('are equal where all want more, once each has taken its next one', () => {
    let range = newKeyRange(0)
    for (let round = 0; round < 3; round++)
      for (const id of ['a', 'b', 'c']) range = ask(range, id, null, round * 5000).range
    const shares = Object.values(range.shares).map(({ perSecond }) => Math.round(perSecond))
    expect(shares).toEqual([156, 156, 156])
  })
  it('leave to who wants more what others do not want', () => {
    let range = ask(newKeyRange(0), 'modest', 20, 0).range
    range = ask(range, 'modest', 20, 1000).range
    for (const atMs of [2000, 3000]) {
      range = ask(range, 'hungry', null, atMs).range
      range = ask(range, 'modest', 20, atMs).range
    }
    expect(range.shares['modest']?.perSecond).toBe(20)
    expect(range.shares['hungry']?.perSecond).toBeGreaterThan(430)
  })
  it('are there for a newcomer even where all is wanted', () => {
    let range = newKeyRange(0)
    for (let round = 0; round < 3; round++) for (const id of ['a', 'b']) range = ask(range, id, null, round).range
    expect(ask(range, 'new', null, 10).share.perSecond).toBeGreaterThan(30)
  })
  it('of one that died are free when they end', () => {
    const { range, share } = ask(newKeyRange(0), 'dead', null, 0)
    expect(ask(range, 'heir', null, share.untilMs - 1).share.perSecond).toBeLessThan(50)
    expect(ask(range, 'heir', null, share.untilMs).share.perSecond).toBeGreaterThan(450)
  })
  it('are so long that the document is written once a second at most', () => {
    let range = newKeyRange(0)
    const takers = Array.from({ length: 50 }, (_, index) => {
      const taken = ask(range, `i${index}`, null, 0)
      range = taken.range
      return taken
    })
    const last = takers.at(-1)
    expect(last?.changeableAtMs).toBe(50_000)
    expect(last?.share.untilMs).toBe(200_000)
  })
  it('are not counted where a range takes more than anybody can write', () => {
    const { share, range } = takeShare(
      after([500, 750]),
      { writes: 0, wantedPerSecond: null },
      { instanceId: 'a', nowMs: 2 * periodMs, ceilingPerSecond: 1000 },
    )
    expect(share).toMatchObject({ perSecond: 1000, untilMs: 3 * periodMs })
    expect(range.shares).toEqual({})
  })
})

describe('spending', () => {
  it('lets a second’s worth go at once, then keeps to the rate', () => {
    let cursorMs = 0
    const times = Array.from({ length: 5 }, () => {
      const free = whenFree(cursorMs, { perSecond: 100 }, 50, 10_000)
      cursorMs = free.cursorMs
      return free.atMs
    })
    expect(times).toEqual([10_000, 10_000, 10_000, 10_500, 11_000])
  })
  it('never comes with a share of nothing', () => {
    expect(whenFree(0, { perSecond: 0 }, 1, 0).atMs).toBe(Infinity)
  })
})

/** One instance in a simulated fleet: asks and spends as the runtime's governor does, without its waiting. */
interface Instance {
  id: string
  bornMs: number
  diesMs: number
  /** Writes that it wants to make in each second. */
  demand: number
  taken: ShareTaken | undefined
  cursorMs: number
  writesSince: number
  isHungry: boolean
}
const demands = fc.array(
  fc.record({ bornSeconds: fc.nat(400), livesSeconds: fc.integer({ min: 30, max: 1500 }), demand: fc.nat(3000) }),
  { minLength: 1, maxLength: 12 },
)

const stepMs = 250
const simulate = (plans: { bornSeconds: number; livesSeconds: number; demand: number }[], seconds: number) => {
  let range = newKeyRange(0)
  const written: { atMs: number; writes: number; allowed: number }[] = []
  const instances = plans.map(({ bornSeconds, livesSeconds, demand }, index): Instance => ({
    id: `i${index}`,
    bornMs: bornSeconds * 1000,
    diesMs: (bornSeconds + livesSeconds) * 1000,
    demand,
    taken: undefined,
    cursorMs: 0,
    writesSince: 0,
    isHungry: false,
  }))
  const total = new Map<string, number>()
  for (let nowMs = 0; nowMs < seconds * 1000; nowMs += stepMs) {
    for (const instance of instances) {
      if (nowMs < instance.bornMs || nowMs >= instance.diesMs || instance.demand === 0) continue
      const { taken } = instance
      const isOver = !taken || nowMs >= taken.share.untilMs - 5000
      if (isOver || (instance.isHungry && nowMs >= taken.changeableAtMs)) {
        const demand = { writes: instance.writesSince, wantedPerSecond: instance.isHungry ? null : instance.demand }
        instance.taken = takeShare(range, demand, { instanceId: instance.id, nowMs, ceilingPerSecond })
        range = instance.taken.range
        instance.writesSince = 0
        instance.isHungry = false
        expect(given(range, nowMs)).toBeLessThanOrEqual(allowedPerSecond(range) * (1 + 1e-9))
      }
      const share = instance.taken?.share
      let wanted = (instance.demand * stepMs) / 1000
      while (wanted > 0 && share) {
        const writes = Math.min(50, wanted)
        const free = whenFree(instance.cursorMs, share, writes, nowMs)
        if (free.atMs > nowMs) break
        wanted -= writes
        instance.cursorMs = free.cursorMs
        instance.writesSince += writes
        written.push({ atMs: nowMs, writes, allowed: allowedPerSecond(range) })
        total.set(instance.id, (total.get(instance.id) ?? 0) + writes)
      }
      if (wanted > 0) instance.isHungry = true
    }
  }
  return { written, total, range }
}

describe('many instances with any demand', () => {
  it('together write no more than the ramp allows, at any time', () => {
    fc.assert(
      fc.property(demands, (plans) => {
        const { written } = simulate(plans, 1000)
        const windowSeconds = 20
        const bySecond = new Map<number, number>()
        for (const { atMs, writes } of written) {
          const second = Math.floor(atMs / 1000)
          bySecond.set(second, (bySecond.get(second) ?? 0) + writes)
        }
        for (let from = 0; from < 1000 - windowSeconds; from++) {
          let inWindow = 0
          for (let second = from; second < from + windowSeconds; second++) inWindow += bySecond.get(second) ?? 0
          // 500/50/5 itself, with what each may write at once and its last batch.
          const rampNow = rampStartPerSecond * rampGrowth ** Math.floor((from + windowSeconds) / rampPeriodSeconds)
          expect(inWindow).toBeLessThanOrEqual(rampNow * (windowSeconds + 1) + plans.length * 50)
        }
      }),
      { numRuns: 60 },
    )
  })

  it('use four fifths of what is allowed when they want it all, and none starves', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), (count) => {
        const plans = Array.from({ length: count }, () => ({ bornSeconds: 0, livesSeconds: 2000, demand: 5000 }))
        const { written, total, range } = simulate(plans, 900)
        const used = written.reduce((sum, { writes }) => sum + writes, 0)
        expect(used).toBeGreaterThanOrEqual(0.8 * 300 * (500 + 750 + 1125))
        expect(allowedPerSecond(range)).toBeGreaterThanOrEqual(1125)
        for (const writes of total.values()) expect(writes).toBeGreaterThan((0.5 * used) / count)
      }),
      { numRuns: 12 },
    )
  })
})
