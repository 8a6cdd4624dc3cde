import { Firestore } from '@google-cloud/firestore'
import { collections } from '@infinity-matrix/contracts'
import { testNowMs } from '@infinity-matrix/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createQuotas } from './quota.ts'
import { startLocalEngines, type LocalEngines } from './testing.ts'

let engines: LocalEngines
let firestore: Firestore
let atMs = testNowMs

beforeAll(async () => {
  engines = await startLocalEngines('demo-quota')
  firestore = new Firestore()
})
afterAll(async () => {
  await firestore.terminate()
  await engines.close()
})

let count = 0
const newKey = () => `key-${++count}`
const nowMs = () => atMs
const instance = () => createQuotas({ firestore, nowMs }, 'test').count
const nextWindow = () => {
  atMs += 60_000
}
/** Documents written until it is asked again. */
const countWrites = () => {
  let writes = 0
  const stop = engines.store.engine.store.onCommit(({ changes }) => {
    writes += changes.filter(({ node }) => node.name.includes(`/${collections.quotas}/`)).length
  })
  return { writes: () => writes, stop }
}

describe('instances that are asked as often as they can be', { timeout: 60_000 }, () => {
  it('let through as many requests as the limit says together, and not one more, in each window', async () => {
    const quota = { limit: 1000, windowSeconds: 60, instancesMax: 8 }
    const key = newKey()
    const fleet = Array.from({ length: 8 }, instance)
    for (let window = 0; window < 3; window++) {
      const admitted = await Promise.all(
        fleet.map(async (ask) => {
          // Until it is refused: whoever stopped before that would leave unspent what it took.
          for (let through = 0; ;) {
            const uses = await Promise.all(Array.from({ length: 25 }, () => ask(key, quota)))
            through += uses.filter(({ isAdmitted }) => isAdmitted).length
            if (uses.some(({ isAdmitted }) => !isAdmitted)) return through
          }
        }),
      )
      expect(admitted.reduce((sum, one) => sum + one, 0)).toBe(quota.limit)
      nextWindow()
    }
  })

  it('never pass it where some are busy and some come late, nor by more instances than there can be', async () => {
    const quota = { limit: 100, windowSeconds: 60, instancesMax: 4 }
    const key = newKey()
    let admitted = 0
    const ask = async (one: ReturnType<typeof instance>, times: number) => {
      for (let time = 0; time < times; time++) if ((await one(key, quota)).isAdmitted) admitted++
    }
    const [busy, late, third] = [instance(), instance(), instance()]
    await Promise.all([ask(busy, 300), ask(third, 5)])
    await ask(late, 300)
    expect(admitted).toBeLessThanOrEqual(quota.limit)
    // The own part of the fourth waits for it, and the third may hold as much as it spent.
    expect(admitted).toBeGreaterThanOrEqual(quota.limit - 3 - 5)
  })
})

describe('who asks seldom', () => {
  it('costs neither a read nor a write', async () => {
    const { writes, stop } = countWrites()
    const ask = instance()
    for (let request = 0; request < 30; request++)
      expect(await ask(newKey(), { limit: 600, windowSeconds: 60, instancesMax: 8 })).toMatchObject({
        isAdmitted: true,
      })
    expect(writes()).toBe(0)
    stop()
  })
})

describe('who asks often', () => {
  it('costs a write for many requests', async () => {
    const { writes, stop } = countWrites()
    const ask = instance()
    const key = newKey()
    const quota = { limit: 6000, windowSeconds: 60, instancesMax: 2 }
    for (let request = 0; request < 6000; request++) {
      if (request % 100 === 0) atMs = testNowMs + 3_600_000 + (request / 100) * 1000
      await ask(key, quota)
    }
    expect(writes()).toBeLessThan(20)
    stop()
  })

  it('is told the limit, and when it is free again', async () => {
    const ask = instance()
    const key = newKey()
    const quota = { limit: 2, windowSeconds: 60, instancesMax: 1 }
    const uses = [await ask(key, quota), await ask(key, quota), await ask(key, quota)]
    const resetAtMs = (Math.floor(atMs / 60_000) + 1) * 60_000
    expect(uses.map(({ isAdmitted }) => isAdmitted)).toEqual([true, true, false])
    expect(uses[2]).toEqual({ isAdmitted: false, limit: 2, remaining: 0, used: 3, windowSeconds: 60, resetAtMs })
    nextWindow()
    expect(await ask(key, quota)).toMatchObject({ isAdmitted: true })
  })
})
