import { setImmediate } from 'node:timers/promises'
import { Firestore } from '@google-cloud/firestore'
import { collections, KeyRangeDocument } from '@infinity-matrix/contracts'
import { allowedPerSecond } from '@infinity-matrix/core/ramp'
import { testNowMs } from '@infinity-matrix/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createGovernor, RangeFullError } from './governor.ts'
import { startLocalEngines, type LocalEngines } from './testing.ts'

let engines: LocalEngines
let firestore: Firestore

beforeAll(async () => {
  engines = await startLocalEngines('demo-governor')
  firestore = new Firestore()
})
afterAll(async () => {
  await firestore.terminate()
  await engines.close()
})

/** A fleet of function instances in one time, which goes on when all of them wait for it. */
const fleet = (range: string, { waitSecondsMax = 10, ceilingPerSecond = 1_000_000 } = {}) => {
  const startMs = testNowMs
  let atMs = startMs
  let busy = 0
  const sleepers = new Set<{ wakeMs: number; wake: () => void }>()
  const written: { second: number; writes: number; instance: string }[] = []
  let shares = 0

  const sleep = (ms: number) =>
    new Promise<void>((resolve) => {
      busy--
      const sleeper = { wakeMs: atMs + ms, wake: resolve }
      sleepers.add(sleeper)
    })
  const working = async (work: Promise<void>) => {
    busy++
    await work.finally(() => busy--)
  }
  const document = firestore.collection(collections.keyRanges).doc(range)
  engines.store.engine.store.onCommit(({ changes }) => {
    shares += changes.filter(({ node }) => node.name.endsWith(`/${document.path}`)).length
  })
  const instance = (name: string) => {
    const { admit } = createGovernor(
      { firestore, nowMs: () => atMs, newId: () => name },
      { ceilingPerSecond, waitSecondsMax, sleep },
    )
    const write = async (writes: number) => {
      await admit(range, writes)
      written.push({ second: Math.floor((atMs - startMs) / 1000), writes, instance: name })
    }
    /** Commits of 100, one after the other, until it is killed, or says no for good. */
    const writeAll = ({ fromSecond, toSecond }: { fromSecond: number; toSecond: number }) =>
      working(
        (async () => {
          await sleep(fromSecond * 1000)
          while (atMs < startMs + toSecond * 1000) {
            try {
              await write(100)
            } catch (error) {
              if (!(error instanceof RangeFullError)) throw error
              await sleep(1000)
            }
          }
        })(),
      )
    return { write: (writes: number) => working(write(writes)), writeAll }
  }
  /** Lets time pass to `second`, waiting for every transaction on the way. */
  const passTo = async (second: number) => {
    for (;;) {
      while (busy > 0) await setImmediate()
      const next = Math.min(...[...sleepers].map(({ wakeMs }) => wakeMs))
      if (next > startMs + second * 1000) break
      atMs = next
      for (const sleeper of sleepers) {
        if (sleeper.wakeMs > atMs) continue
        sleepers.delete(sleeper)
        busy++
        sleeper.wake()
      }
    }
    atMs = startMs + second * 1000
  }
  const writesIn = (from: number, to: number, of?: string) =>
    written
      .filter(({ second, instance: by }) => second >= from && second < to && (of === undefined || by === of))
      .reduce((sum, { writes }) => sum + writes, 0)
  const stored = async () => KeyRangeDocument.parse((await document.get()).data())
  return { instance, passTo, writesIn, stored, sharesTaken: () => shares }
}

describe('instances that want to write all they can', { timeout: 30_000 }, () => {
  it('share the ramp, and a newcomer gets its part, and that of one that was killed goes to the others', async () => {
    const { instance, passTo, writesIn, stored, sharesTaken } = fleet('busy')
    const work = [
      ...['a', 'b', 'c'].map((name) => instance(name).writeAll({ fromSecond: 0, toSecond: 690 })),
      instance('killed').writeAll({ fromSecond: 0, toSecond: 120 }),
      instance('late').writeAll({ fromSecond: 200, toSecond: 690 }),
    ]
    await passTo(700)
    await Promise.all(work)

    const within = (from: number, to: number, perSecond: number) => {
      const writes = writesIn(from, to)
      // A second's worth at once, and the last commit of each.
      expect(writes, `${from} to ${to} s`).toBeLessThanOrEqual(perSecond * (to - from + 1) + 5 * 100)
      expect(writes, `${from} to ${to} s`).toBeGreaterThanOrEqual(0.8 * perSecond * (to - from))
    }
    for (const from of [0, 60, 120, 180, 240]) within(from, from + 60, 500)
    for (const from of [330, 390, 450, 510]) within(from, from + 60, 750)
    within(630, 690, 1125)
    for (const name of ['a', 'b', 'c', 'late'])
      expect(writesIn(630, 690, name) / writesIn(630, 690)).toBeCloseTo(0.25, 1)
    expect(writesIn(160, 200)).toBeGreaterThanOrEqual(0.85 * 40 * 500)
    expect(allowedPerSecond(await stored())).toBe(1125)
    // Firestore's one write a second for the document of the range; in fact a fifth of it.
    expect(sharesTaken()).toBeLessThan(700 / 3)
  })
})

describe('an instance', () => {
  it('writes at once while the range takes more than is written', async () => {
    const { instance, passTo, writesIn } = fleet('quiet')
    const { write } = instance('a')
    for (let second = 0; second < 10; second++) {
      const writing = write(100)
      await passTo(second)
      await writing
    }
    expect(writesIn(0, 10)).toBe(1000)
  })

  it('is refused when it would have to wait too long, and told when there is more', async () => {
    const { instance, passTo } = fleet('refused', { waitSecondsMax: 2 })
    const { write } = instance('a')
    const outcomes = Promise.allSettled(Array.from({ length: 20 }, () => write(250)))
    await passTo(60)
    const refused = (await outcomes).flatMap((result) =>
      result.status === 'rejected' ? [result.reason as unknown] : [],
    )
    expect(refused.length).toBeGreaterThan(10)
    expect(refused[0]).toMatchObject({ code: 'range-full', range: 'refused', limitPerSecond: 500 })
    expect(String(refused[0])).toMatch(
      /^Error: refused takes 500 writes a second now, and \d+ are given away until 2026-/,
    )
  })

  it('asks every five minutes only, in a range that takes more than anybody can write', async () => {
    const { instance, passTo, sharesTaken } = fleet('open', { ceilingPerSecond: 500 })
    const { write } = instance('a')
    for (let minute = 0; minute < 60; minute++) {
      const writing = write(500)
      await passTo(minute * 60)
      await writing
    }
    expect(sharesTaken()).toBeLessThanOrEqual(16)
  })

  it('costs nothing where no range is governed', async () => {
    const { instance, sharesTaken } = fleet('ungoverned', { ceilingPerSecond: 0 })
    await instance('a').write(1_000_000)
    expect(sharesTaken()).toBe(0)
  })
})
