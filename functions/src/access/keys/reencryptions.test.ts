import { collections, Sealed } from '@infinity-matrix/contracts'
import { testNowMs } from '@infinity-matrix/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { context, type Context } from '../../runtime/context.ts'
import { createProtection } from '../../runtime/protection.ts'
import { createTenantKeys } from '../../runtime/tenant-keys.ts'
import { createKeeper, startLocalEngines, type LocalEngines } from '../../runtime/testing.ts'
import { createReencryptions } from './reencryptions.ts'

let engines: LocalEngines
let shared: Context
let atMs = testNowMs
const nowMs = () => atMs
const dayMs = 86_400_000

beforeAll(async () => {
  engines = await startLocalEngines('demo-reencryptions')
  shared = { ...(await context()), nowMs }
})
afterAll(async () => {
  await Promise.all([shared.firestore.terminate(), shared.pubsub.close(), shared.batches.close()])
  await engines.close()
})

const { keeper } = createKeeper()
/** An instance; time passes as it sleeps. */
const instance = (of: Context = shared) => {
  const keys = createTenantKeys(of, () => keeper)
  const protection = createProtection(keys)
  const sleep = async (ms: number) => {
    atMs += ms
  }
  return { keys, protection, ...createReencryptions(of, { keys, protection, sleep }) }
}
/** An instance that dies at its n-th transaction, before it or after. */
const mortal = (nth: number, when: 'before' | 'after') => {
  let transactions = 0
  const firestore = new Proxy(shared.firestore, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      const call = value.bind(target) as (...args: unknown[]) => Promise<unknown>
      if (name !== 'runTransaction') return call
      return async (...args: unknown[]) => {
        const number = transactions++
        if (number > nth || (number === nth && when === 'before')) throw new Error('it is dead')
        const result = await call(...args)
        if (number === nth) throw new Error('it is dead')
        return result
      }
    },
  })
  return instance({ ...shared, firestore })
}

let count = 0
const newTenant = () => `t-${++count}`
const subscriptions = () => shared.firestore.collection(collections.subscriptions)
const urlOf = (index: number) => `https://example.com/hook-${index}?token=canary`
/** So many documents as they were stored before anything was protected. */
const storePlain = async (tenant: string, documents: number) => {
  const writer = shared.firestore.bulkWriter()
  for (let index = 0; index < documents; index++)
    void writer.create(subscriptions().doc(`${tenant}.${index}`), {
      tenant,
      target: { kind: 'https', url: urlOf(index) },
    })
  await writer.close()
}
const storedOf = async (tenant: string) => (await subscriptions().where('tenant', '==', tenant).get()).docs
const versionsOf = async (tenant: string) =>
  new Set((await storedOf(tenant)).map((one) => Sealed.safeParse(one.get('target.url')).data?.keyVersion ?? 0))
/** How often each subscription was written, from now on. */
const countWrites = () => {
  const writes = new Map<string, number>()
  const stop = engines.store.engine.store.onCommit(({ changes }) => {
    for (const { node } of changes)
      if (node.name.includes('/subscriptions/')) writes.set(node.name, (writes.get(node.name) ?? 0) + 1)
  })
  return { writes, stop }
}

describe('what was stored before', { timeout: 60_000 }, () => {
  it('is sealed when its tenant gets a key, and again when that is rotated, and can be read all the while', async () => {
    const tenant = newTenant()
    await storePlain(tenant, 250)
    const { protection, rotate, rotateDue, work, get } = instance()
    expect(await rotateDue()).toContain(tenant)
    expect(await versionsOf(tenant)).toEqual(new Set([0]))
    expect(await work(tenant, 600)).toMatchObject({ examined: 250, resealed: 250, state: { status: 'completed' } })
    expect(await versionsOf(tenant)).toEqual(new Set([1]))
    expect(JSON.stringify((await storedOf(tenant)).map((one) => one.data()))).not.toContain('canary')

    expect(await rotateDue()).not.toContain(tenant)
    atMs += 90 * dayMs
    expect(await rotateDue()).toContain(tenant)
    const [first] = await storedOf(tenant)
    const place = { collection: 'subscriptions', id: first?.id ?? '', tenant } as const
    expect(await instance().protection.open(place, first?.data() ?? {})).toMatchObject({ target: { kind: 'https' } })
    expect(await work(tenant, 600)).toMatchObject({ toVersion: 2, examined: 250, resealed: 250 })
    expect(await versionsOf(tenant)).toEqual(new Set([2]))
    for (const one of await storedOf(tenant)) {
      const opened = await protection.open({ ...place, id: one.id }, one.data())
      expect(opened).toMatchObject({ target: { url: urlOf(Number(one.id.split('.')[1])) } })
    }
    await rotate(tenant)
    expect(await get(tenant)).toMatchObject({ toVersion: 3, examined: 0, state: { status: 'running' } })
  })

  it('is looked at no faster than the rate, and how far it is can be seen', async () => {
    const tenant = newTenant()
    await storePlain(tenant, 250)
    const { rotate, work, view } = instance()
    await rotate(tenant)
    const begunMs = atMs
    expect(await work(tenant, 60)).toMatchObject({ examined: 0, state: { status: 'running' } })
    await work(tenant, 120.6)
    const seen = await view(tenant)
    expect(seen).toMatchObject({ status: 'active', version: 1 })
    expect(seen).toMatchObject({ reencryption: { examined: 200, state: { status: 'running' } } })
    expect(JSON.stringify(seen)).not.toContain('wrapped')
    expect(await work(tenant, 10)).toMatchObject({ examined: 250, state: { status: 'completed' } })
    // 120 s until no instance uses what was before, and 250 documents at 200 a second.
    expect(atMs - begunMs).toBeGreaterThanOrEqual(120_000 + 1000)
  })
})

describe('a worker that dies', { timeout: 120_000 }, () => {
  it.each(['before', 'after'] as const)(
    '%s any of its transactions leaves nothing out and repeats nothing',
    async (when) => {
      for (let nth = 0; nth < 8; nth++) {
        const tenant = newTenant()
        await storePlain(tenant, 250)
        await instance().rotate(tenant)
        const { writes, stop } = countWrites()
        await mortal(nth, when)
          .work(tenant, 600)
          .catch(() => undefined)
        // Its lease ends.
        atMs += 121_000
        const done = await instance().work(tenant, 600)
        stop()
        expect(done, `${when} ${nth}`).toMatchObject({ examined: 250, resealed: 250, state: { status: 'completed' } })
        expect(await versionsOf(tenant)).toEqual(new Set([1]))
        expect(writes.size).toBe(250)
        expect(new Set(writes.values())).toEqual(new Set([1]))
      }
    },
  )
})

describe('two workers', () => {
  it('do not work on one tenant at once', async () => {
    const tenant = newTenant()
    await storePlain(tenant, 150)
    await instance().rotate(tenant)
    atMs += 121_000
    const { writes, stop } = countWrites()
    await Promise.all([instance().work(tenant, 60), instance().work(tenant, 60)])
    stop()
    expect(new Set(writes.values())).toEqual(new Set([1]))
    expect(writes.size).toBe(150)
  })
})

describe('a tenant whose keys were destroyed', () => {
  it('ends its re-encryption, and is not given others', async () => {
    const tenant = newTenant()
    await storePlain(tenant, 3)
    const { keys, rotate, rotateDue, work } = instance()
    await rotate(tenant)
    await keys.destroy(tenant)
    atMs += 121_000
    expect(await work(tenant, 60)).toMatchObject({ resealed: 0, state: { status: 'completed' } })
    expect(await rotateDue()).not.toContain(tenant)
  })
})
