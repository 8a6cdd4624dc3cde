import { tenantKeysKnownSeconds, type Reencryption } from '@infinity-matrix/contracts'

const pageSizeMax = 100
const ratePerSecond = 200

/** What was done in one page of a collection. */
export interface ReencryptedPage {
  examined: number
  resealed: number
  /** The last document that was looked at; null in an empty page. */
  lastId: string | null
}

/** A page is written at once, and the next one when the rate allows. */
export const reencryptionPageSize = (job: Pick<Reencryption, 'ratePerSecond'>): number =>
  Math.min(pageSizeMax, job.ratePerSecond)

/**
 * Begins when no instance can still seal with the version before.
 *
 * @param collections those that hold sealed fields, in the order in which they are gone through
 */
export const beginReencryption = (
  tenant: string,
  toVersion: number,
  collections: readonly string[],
  nowMs: number,
): Reencryption => {
  const now = new Date(nowMs).toISOString()
  return {
    tenant,
    toVersion,
    state: { status: 'running' },
    collection: collections[0] ?? '',
    cursor: null,
    examined: 0,
    resealed: 0,
    ratePerSecond,
    nextPageAt: new Date(nowMs + 2 * tenantKeysKnownSeconds * 1000).toISOString(),
    startedAt: now,
    updatedAt: now,
  }
}

export const endReencryption = (job: Reencryption, nowMs: number): Reencryption => {
  const at = new Date(nowMs).toISOString()
  return { ...job, state: { status: 'completed', at }, updatedAt: at }
}

/** The job after a page: on to the next document, the next collection, or its end. */
export const afterReencryptedPage = (
  job: Reencryption,
  { examined, resealed, lastId }: ReencryptedPage,
  collections: readonly string[],
  nowMs: number,
): Reencryption => {
  const next: Reencryption = {
    ...job,
    examined: job.examined + examined,
    resealed: job.resealed + resealed,
    cursor: lastId,
    nextPageAt: new Date(nowMs + (examined / job.ratePerSecond) * 1000).toISOString(),
    updatedAt: new Date(nowMs).toISOString(),
  }
  if (examined === reencryptionPageSize(job)) return next
  const following = collections[collections.indexOf(job.collection) + 1]
  return following === undefined ? endReencryption(next, nowMs) : { ...next, collection: following, cursor: null }
}
