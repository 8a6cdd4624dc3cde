import { Firestore } from '@google-cloud/firestore'
import { testNowMs } from '@infinity-matrix/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLeases, isLeaseLost, type HeldLease } from './lease.ts'
import { startLocalEngines, type LocalEngines } from './testing.ts'

let engines: LocalEngines
let firestore: Firestore

beforeAll(async () => {
  engines = await startLocalEngines('demo-lease')
  firestore = new Firestore()
})
afterAll(async () => {
  await firestore.terminate()
  await engines.close()
})

/** Leases by a clock of their own, which stands still until it is moved. */
const leasesAt = (startMs = testNowMs) => {
  let atMs = startMs
  const pass = (seconds: number) => {
    atMs += seconds * 1000
  }
  return { ...createLeases({ firestore, nowMs: () => atMs }), pass }
}
const taken = (held: HeldLease | null): HeldLease => {
  if (held === null) throw new Error('a free lease was refused')
  return held
}

describe('a lease', () => {
  it('is given to one of many that ask at once', async () => {
    const { acquire } = leasesAt()
    const asked = await Promise.all(['a', 'b', 'c', 'd'].map((holder) => acquire('contested', holder, 60)))
    expect(asked.filter((held) => held !== null)).toHaveLength(1)
  })

  it('passes to the next when it expires, unless it is renewed', async () => {
    const { acquire, renew, pass } = leasesAt()
    const first = taken(await acquire('expiring', 'a', 60))
    pass(50)
    expect(await renew(first, 60)).toMatchObject({ holder: 'a', token: first.token })
    pass(50)
    expect(await acquire('expiring', 'b', 60)).toBeNull()
    pass(10)
    expect(taken(await acquire('expiring', 'b', 60)).token).toBeGreaterThan(first.token)
    await expect(renew(first, 60)).rejects.toMatchObject({ code: 'lease-lost' })
  })

  it('that is given back is free at once', async () => {
    const { acquire, release } = leasesAt()
    await release(taken(await acquire('released', 'a', 60)))
    expect(await acquire('released', 'b', 60)).not.toBeNull()
  })

  it('that was lost is not given back for its new holder', async () => {
    const { acquire, release, pass } = leasesAt()
    const first = taken(await acquire('lost', 'a', 60))
    pass(60)
    await acquire('lost', 'b', 60)
    await release(first)
    expect(await acquire('lost', 'c', 60)).toBeNull()
  })
})

describe('a write under a lease', () => {
  const state = () => firestore.collection('under-lease').doc('state')

  it('is made by the holder, also after it expired and before anybody else came', async () => {
    const { acquire, commit, pass } = leasesAt()
    const held = taken(await acquire('writing', 'a', 60))
    pass(3600)
    await commit(held, (transaction) => void transaction.set(state(), { by: 'a' }))
    expect((await state().get()).get('by')).toBe('a')
  })

  it('of a former holder is refused', async () => {
    const { acquire, commit, pass } = leasesAt()
    const former = taken(await acquire('fenced', 'a', 60))
    pass(60)
    const current = taken(await acquire('fenced', 'b', 60))
    await commit(current, (transaction) => void transaction.set(state(), { by: 'b' }))
    const late = commit(former, (transaction) => void transaction.set(state(), { by: 'a' }))
    await expect(late).rejects.toSatisfy(isLeaseLost)
    expect((await state().get()).get('by')).toBe('b')
  })

  it('of a former holder is never made after one of the next, however they race', async () => {
    const { acquire, commit, pass } = leasesAt()
    const log = firestore.collection('under-lease').doc('log')
    const append = (held: HeldLease) =>
      commit(held, async (transaction) => {
        const tokens = ((await transaction.get(log)).get('tokens') ?? []) as number[]
        transaction.set(log, { tokens: [...tokens, held.token] })
      })
    const former = taken(await acquire('raced', 'a', 60))
    pass(60)
    const racing = Array.from({ length: 8 }, () => append(former))
    const next = acquire('raced', 'b', 60).then((held) => append(taken(held)))
    await Promise.allSettled(racing)
    await next
    const tokens = (await log.get()).get('tokens') as number[]
    expect(tokens.at(-1)).toBe(former.token + 1)
    expect(tokens).toEqual(tokens.toSorted((a, b) => a - b))
  })
})
