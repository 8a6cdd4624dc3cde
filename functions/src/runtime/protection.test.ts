import { randomBytes } from 'node:crypto'
import { collections, Sealed, TenantKeys } from '@infinity-matrix/contracts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { context, type Context } from './context.ts'
import type { KeyKeeper } from './keys.ts'
import { createProtection } from './protection.ts'
import { createTenantKeys } from './tenant-keys.ts'
import { createKeeper, startLocalEngines, type LocalEngines } from './testing.ts'

let engines: LocalEngines
let shared: Context
let aheadMs = 0

beforeAll(async () => {
  engines = await startLocalEngines('demo-protection')
  shared = { ...(await context()), nowMs: () => Date.now() + aheadMs }
})
afterAll(async () => {
  await Promise.all([shared.firestore.terminate(), shared.pubsub.close(), shared.batches.close()])
  await engines.close()
})

let count = 0
const newTenant = () => `t-${++count}`
const minute = 61_000

const instance = (keeper: KeyKeeper) => {
  const keys = createTenantKeys(shared, () => keeper)
  return { keys, ...createProtection(keys) }
}
const placeOf = (tenant: string, id = 's1') => ({ collection: 'subscriptions', id, tenant }) as const
const documentOf = (url = 'https://example.com/hook?token=canary') => ({
  tenant: 'x',
  filter: 'true',
  target: { kind: 'https', url, audience: 'aud' },
})
const versionOf = (stored: Readonly<Record<string, unknown>>) =>
  Sealed.parse((stored['target'] as { url: unknown }).url).keyVersion

describe('a document', () => {
  it('is stored with its protected fields sealed, and read back by another instance', async () => {
    const { keeper } = createKeeper()
    const place = placeOf(newTenant())
    const stored = await instance(keeper).seal(place, documentOf())
    expect(stored).toMatchObject({ filter: 'true', target: { kind: 'https', url: { keyVersion: 1 } } })
    expect(JSON.stringify(stored)).not.toMatch(/canary|"aud"/)
    expect(await instance(keeper).open(place, stored)).toEqual(documentOf())
  })

  it('that was stored before its fields were protected is read as it is, and one without them has none', async () => {
    const { open, seal } = instance(createKeeper().keeper)
    const place = placeOf(newTenant())
    expect(await open(place, documentOf())).toEqual(documentOf())
    const plain = { target: { kind: 'topic', topic: 'mine' } }
    expect(await seal(place, plain)).toEqual(plain)
  })

  it('that is sealed again stays as it is', async () => {
    const { seal } = instance(createKeeper().keeper)
    const place = placeOf(newTenant())
    const stored = await seal(place, documentOf())
    expect(await seal(place, stored)).toEqual(stored)
  })

  it.each<
    [string, (stored: Readonly<Record<string, unknown>>, tenant: string) => [ReturnType<typeof placeOf>, object]]
  >([
    ['another document', (stored, tenant) => [placeOf(tenant, 's2'), stored]],
    [
      'another field',
      (stored, tenant) => {
        const target = stored['target'] as { url: unknown; audience: unknown }
        return [placeOf(tenant), { target: { ...target, url: target.audience, audience: target.url } }]
      },
    ],
    [
      'another version',
      (stored, tenant) => {
        const target = stored['target'] as { url: object }
        return [placeOf(tenant), { target: { ...target, url: { ...target.url, keyVersion: 2 } } }]
      },
    ],
    [
      'changed bytes',
      (stored, tenant) => {
        const target = stored['target'] as { url: Sealed }
        const sealed = (target.url.sealed.startsWith('A') ? 'B' : 'A') + target.url.sealed.slice(1)
        return [placeOf(tenant), { target: { ...target, url: { ...target.url, sealed } } }]
      },
    ],
  ])('does not open as %s', async (_what, moved) => {
    const tenant = newTenant()
    const { keys, seal, open } = instance(createKeeper().keeper)
    const stored = await seal(placeOf(tenant), documentOf())
    await keys.rotate(tenant)
    const [place, document] = moved(stored, tenant)
    await expect(open(place, document as Record<string, unknown>)).rejects.toMatchObject({ code: 'not-authentic' })
  })

  it("of one tenant does not open under another tenant's name", async () => {
    const { seal, open } = instance(createKeeper().keeper)
    const stored = await seal(placeOf(newTenant()), documentOf())
    await expect(open(placeOf(newTenant()), stored)).rejects.toMatchObject({ code: 'not-authentic' })
  })
})

describe('a data key', () => {
  it('is made once, however many instances begin at once', async () => {
    const { keeper } = createKeeper()
    const tenant = newTenant()
    const instances = Array.from({ length: 6 }, () => instance(keeper))
    const stored = await Promise.all(instances.map(({ seal }) => seal(placeOf(tenant), documentOf())))
    expect(stored.map(versionOf)).toEqual([1, 1, 1, 1, 1, 1])
    for (const one of stored) expect(await instance(keeper).open(placeOf(tenant), one)).toEqual(documentOf())
  })

  it('is unwrapped once a minute, not for each document', async () => {
    const { keeper, asked } = createKeeper()
    const tenant = newTenant()
    const stored = await instance(keeper).seal(placeOf(tenant), documentOf())
    const { open } = instance(keeper)
    const before = asked.unwrap
    for (let read = 0; read < 20; read++) await open(placeOf(tenant), stored)
    expect(asked.unwrap - before).toBe(1)
    aheadMs += minute
    await open(placeOf(tenant), stored)
    expect(asked.unwrap - before).toBe(2)
  })

  it('is rotated while instances read and write: the new version seals within a minute, the old one reads', async () => {
    const { keeper } = createKeeper()
    const tenant = newTenant()
    const [one, other] = [instance(keeper), instance(keeper)]
    const old = await one.seal(placeOf(tenant), documentOf())
    await other.open(placeOf(tenant), old)
    await other.keys.rotate(tenant)
    const fresh = await other.seal(placeOf(tenant), documentOf())
    expect([old, fresh].map(versionOf)).toEqual([1, 2])
    // The other does not know of it yet, and reads what it sealed all the same.
    expect(await one.open(placeOf(tenant), fresh)).toEqual(documentOf())
    aheadMs += minute
    expect(versionOf(await one.seal(placeOf(tenant), documentOf()))).toBe(2)
    expect(await one.open(placeOf(tenant), old)).toEqual(documentOf())
    expect([one.isSealedWith(placeOf(tenant), old, 2), one.isSealedWith(placeOf(tenant), fresh, 2)]).toEqual([
      false,
      true,
    ])
  })

  it('of a tenant that was erased opens nothing, on no instance a minute later, and is never made again', async () => {
    const { keeper } = createKeeper()
    const tenant = newTenant()
    const [one, other] = [instance(keeper), instance(keeper)]
    const stored = await one.seal(placeOf(tenant), documentOf())
    await other.open(placeOf(tenant), stored)
    await one.keys.destroy(tenant)
    await expect(one.open(placeOf(tenant), stored)).rejects.toMatchObject({ code: 'keys-destroyed' })
    aheadMs += minute
    await expect(other.open(placeOf(tenant), stored)).rejects.toMatchObject({ code: 'keys-destroyed' })
    await expect(other.seal(placeOf(tenant), documentOf())).rejects.toMatchObject({ code: 'keys-destroyed' })
    const kept = await shared.firestore.collection(collections.tenantKeys).doc(tenant).get()
    expect(TenantKeys.parse(kept.data())).toEqual({ status: 'destroyed', tenant, destroyedAt: expect.any(String) })
  })

  it('that cannot be had back seals nothing', async () => {
    const { keeper } = createKeeper()
    const broken: KeyKeeper = { ...keeper, unwrap: async () => randomBytes(32) }
    const tenant = newTenant()
    await expect(instance(broken).seal(placeOf(tenant), documentOf())).rejects.toThrow('is not what was wrapped')
    expect((await shared.firestore.collection(collections.tenantKeys).doc(tenant).get()).exists).toBe(false)
  })

  it('leaves a trace of each version in the ledger', async () => {
    const tenant = newTenant()
    const { keys, seal } = instance(createKeeper().keeper)
    await seal(placeOf(tenant), documentOf())
    await keys.rotate(tenant)
    await keys.destroy(tenant)
    const { docs } = await shared.firestore.collection(collections.ledgerIntake).get()
    const entries = docs
      .flatMap((intake) => intake.get('entries') as string[])
      .map(
        (text) => JSON.parse(text) as { tenant: string; action: string; time: string; details: { version?: number } },
      )
      .filter((entry) => entry.tenant === tenant)
      .map(({ action, details }) => `${action} ${details.version ?? ''}`.trim())
    expect(entries.toSorted()).toEqual(['data-key-added 1', 'data-key-added 2', 'data-keys-destroyed'])
  })
})
