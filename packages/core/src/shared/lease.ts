import type { Lease } from '@infinity-matrix/contracts'

/**
 * Takes a lease that is free, expired, or already this holder's. The token grows with each new holding, so that what an
 * earlier holder still writes can be told apart and refused (a fencing token).
 *
 * @returns the lease to store, or null while somebody else holds it
 * @see Kleppmann, "How to do distributed locking", 2016
 */
export const acquireLease = (current: Lease | null, holder: string, nowMs: number, seconds: number): Lease | null => {
  if (current !== null && current.holder !== holder && Date.parse(current.expiresAt) > nowMs) return null
  return { holder, token: (current?.token ?? 0) + 1, expiresAt: new Date(nowMs + seconds * 1000).toISOString() }
}

/** Whether the holding with this token is still the latest one. */
export const holdsLease = (current: Lease | null, token: number): boolean => current?.token === token

/** Gives the lease back early; the token stays, so that the next one is higher. */
export const releaseLease = (lease: Lease, nowMs: number): Lease => ({
  ...lease,
  expiresAt: new Date(nowMs).toISOString(),
})

/** Keeps the lease for some more seconds, under the same token: what the holder writes counts as before. */
export const renewLease = (lease: Lease, nowMs: number, seconds: number): Lease => ({
  ...lease,
  expiresAt: new Date(nowMs + seconds * 1000).toISOString(),
})
