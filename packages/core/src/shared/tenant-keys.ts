import { keyRotationDays, tenantKeysKnownSeconds, type TenantKeys, type WrappedKey } from '@infinity-matrix/contracts'

export const newestKey = (keys: TenantKeys): WrappedKey | undefined =>
  keys.status === 'active' ? keys.versions.at(-1) : undefined

export const keyOfVersion = (keys: TenantKeys, version: number): WrappedKey | undefined =>
  keys.status === 'active' ? keys.versions.find((key) => key.version === version) : undefined

/** The number of a tenant's next version: from 1, never used before. */
export const nextKeyVersion = (keys: TenantKeys | undefined): number => ((keys && newestKey(keys)?.version) ?? 0) + 1

/**
 * A tenant's keys with one more version, which is used from now on.
 *
 * @returns undefined where they were destroyed, or somebody else added this version: what was wrapped is of no use then
 */
export const addKey = (keys: TenantKeys | undefined, tenant: string, key: WrappedKey): TenantKeys | undefined => {
  if (keys?.status === 'destroyed' || key.version !== nextKeyVersion(keys)) return undefined
  return { status: 'active', tenant, versions: [...(keys?.versions ?? []), key] }
}

export const isRotationDue = (keys: TenantKeys, nowMs: number): boolean => {
  const newest = newestKey(keys)
  return newest !== undefined && nowMs - Date.parse(newest.createdAt) >= keyRotationDays * 86_400_000
}

/** Nothing that was sealed for the tenant can be read after it. */
export const destroyKeys = (tenant: string, nowMs: number): TenantKeys => ({
  status: 'destroyed',
  tenant,
  destroyedAt: new Date(nowMs).toISOString(),
})

/**
 * The version that is for signing: the newest that every instance knows by now, or the first.
 *
 * @param versions the newest last
 */
export const versionForSigning = (versions: readonly WrappedKey[], nowMs: number): WrappedKey | undefined =>
  versions.findLast(({ createdAt }) => nowMs - Date.parse(createdAt) >= 2 * tenantKeysKnownSeconds * 1000) ??
  versions[0]

/** Whether what is signed with a version is believed: with the one for signing, the one before it, or a newer one. */
export const isVersionBelieved = (versions: readonly WrappedKey[], version: number, nowMs: number): boolean => {
  const forSigning = versionForSigning(versions, nowMs)
  return (
    forSigning !== undefined && version >= forSigning.version - 1 && versions.some((known) => known.version === version)
  )
}
