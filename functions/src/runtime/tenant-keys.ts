import { randomBytes, timingSafeEqual } from 'node:crypto'
import { collections, TenantKeys, tenantKeysKnownSeconds, type WrappedKey } from '@infinity-matrix/contracts'
import { addKey, destroyKeys, keyOfVersion, newestKey, nextKeyVersion } from '@infinity-matrix/core/tenant-keys'
import type { Transaction } from '@google-cloud/firestore'
import { LRUCache } from 'lru-cache'
import { once, type Context } from './context.ts'
import { keyKeeper, type KeyKeeper } from './keys.ts'
import { recorded, type Happening } from './ledger.ts'

export interface DataKey {
  version: number
  key: Uint8Array
}

/** A tenant's data keys were destroyed: nothing of it can be sealed or read any more. */
export class KeysDestroyedError extends Error {
  readonly code = 'keys-destroyed'

  constructor(tenant: string) {
    super(`the keys of ${tenant} were destroyed`)
  }
}

export const isKeysDestroyed = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'keys-destroyed'

const tenantsKnownMax = 1000
const keyBytes = 32

/** Each tenant's data keys: wrapped in Firestore, unwrapped in the memory of those that used them in the last minute. */
export const createTenantKeys = (context: Context, keeper: () => KeyKeeper) => {
  const { firestore, nowMs } = context
  const reference = (tenant: string) => firestore.collection(collections.tenantKeys).doc(tenant)
  const bound = (tenant: string, version: number) => JSON.stringify(['tenant-key', tenant, version])

  /** What is known of a tenant, and its unwrapped keys: they are forgotten together. */
  const known = new LRUCache<string, { stored: Promise<TenantKeys>; unwrapped: Map<number, Promise<Uint8Array>> }>({
    max: tenantsKnownMax,
    ttl: tenantKeysKnownSeconds * 1000,
    ttlResolution: 0,
    perf: { now: nowMs },
  })

  const read = async (tenant: string): Promise<TenantKeys | undefined> => {
    const snapshot = await reference(tenant).get()
    return snapshot.exists ? TenantKeys.parse(snapshot.data()) : undefined
  }

  const make = async (tenant: string, before: TenantKeys | undefined): Promise<WrappedKey> => {
    const version = nextKeyVersion(before)
    const key = randomBytes(keyBytes)
    const made = await keeper().wrap(key, bound(tenant, version))
    // A key that cannot be had back must not seal anything.
    const again = await keeper().unwrap(made.wrapped, bound(tenant, version))
    if (again.length !== keyBytes || !timingSafeEqual(again, key))
      throw new Error('a wrapped key is not what was wrapped')
    return { version, createdAt: new Date(nowMs()).toISOString(), ...made }
  }

  const happened = (tenant: string, action: string, details: Happening['details'] = {}): Happening => ({
    kind: 'change',
    action,
    tenant,
    subject: `${collections.tenantKeys}/${tenant}`,
    outcome: 'done',
    details,
  })

  /**
   * Adds a version, which seals from then on; instances that know the last one use it for a minute more.
   *
   * @param also what is written with it
   * @returns the keys as they stand: with another version where somebody else was first
   */
  const rotate = async (
    tenant: string,
    also?: (transaction: Transaction, version: number) => void,
  ): Promise<TenantKeys> => {
    const key = await make(tenant, await read(tenant))
    const stored = await recorded(context, async (transaction, record) => {
      const snapshot = await transaction.get(reference(tenant))
      const before = snapshot.exists ? TenantKeys.parse(snapshot.data()) : undefined
      const after = addKey(before, tenant, key)
      if (!after) return before
      transaction.set(reference(tenant), after)
      also?.(transaction, key.version)
      record(happened(tenant, 'data-key-added', { version: key.version, wrappedBy: key.wrappedBy }))
      return after
    })
    known.delete(tenant)
    if (stored?.status !== 'active') throw new KeysDestroyedError(tenant)
    return stored
  }

  /** Crypto-erasure: whatever was sealed for the tenant is unreadable everywhere a minute later, in backups too. */
  const destroy = async (tenant: string): Promise<void> => {
    await recorded(context, (transaction, record) => {
      transaction.set(reference(tenant), destroyKeys(tenant, nowMs()))
      record(happened(tenant, 'data-keys-destroyed'))
    })
    known.delete(tenant)
  }

  const knownOf = (tenant: string) => {
    const held = known.get(tenant)
    if (held) return held
    const fresh = {
      stored: read(tenant).then((stored) => stored ?? rotate(tenant)),
      unwrapped: new Map<number, Promise<Uint8Array>>(),
    }
    fresh.stored.catch(() => known.delete(tenant))
    known.set(tenant, fresh)
    return fresh
  }

  const unwrap = async (tenant: string, pick: (keys: TenantKeys) => WrappedKey | undefined): Promise<DataKey> => {
    const { stored, unwrapped } = knownOf(tenant)
    const keys = await stored
    if (keys.status === 'destroyed') throw new KeysDestroyedError(tenant)
    const wrapped = pick(keys)
    if (!wrapped) throw new Error(`a field of ${tenant} is sealed with a version that is not known`)
    const { version } = wrapped
    const key = unwrapped.get(version) ?? keeper().unwrap(wrapped.wrapped, bound(tenant, version))
    unwrapped.set(version, key)
    key.catch(() => unwrapped.delete(version))
    return { version, key: await key }
  }

  /** The versions that there are, the newest last, as this instance knows them. @throws {KeysDestroyedError} */
  const versions = async (tenant: string): Promise<readonly WrappedKey[]> => {
    const keys = await knownOf(tenant).stored
    if (keys.status === 'destroyed') throw new KeysDestroyedError(tenant)
    return keys.versions
  }

  /** The key that seals now, made where the tenant has none. @throws {KeysDestroyedError} */
  const newest = (tenant: string): Promise<DataKey> => unwrap(tenant, newestKey)

  /** @throws {KeysDestroyedError} */
  const ofVersion = async (tenant: string, version: number): Promise<DataKey> => {
    // Another instance may have added it within the minute.
    const { stored } = knownOf(tenant)
    if ((newestKey(await stored)?.version ?? 0) < version) known.delete(tenant)
    return unwrap(tenant, (keys) => keyOfVersion(keys, version))
  }

  return { read, versions, newest, ofVersion, rotate, destroy }
}

export type TenantKeysOf = ReturnType<typeof createTenantKeys>

/** The data keys as this instance knows them. */
export const tenantKeys = once((context: Context) => createTenantKeys(context, () => keyKeeper(undefined)))
