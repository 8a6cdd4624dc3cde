import type { QuotaDocument } from '@infinity-matrix/contracts'

/** So many requests in each window, from all instances together. */
export interface Quota {
  limit: number
  windowSeconds: number
  /** As many instances as there can be. */
  instancesMax: number
}

/** Windows begin at whole multiples of their length since 1970. */
export const windowEndMs = (windowSeconds: number, nowMs: number): number => {
  const windowMs = windowSeconds * 1000
  return (Math.floor(nowMs / windowMs) + 1) * windowMs
}

// So much of a quota is set aside for instances to spend unasked; while some of them do not run, it is not spent.
const setAside = 1 / 8

/** What each instance may let through in a window without asking. */
export const ownPart = ({ limit, instancesMax }: Quota): number => Math.floor((limit * setAside) / instancesMax)

/** What is left for those that need more: with all own parts it is the limit. */
const commonPart = (quota: Quota): number => quota.limit - ownPart(quota) * quota.instancesMax

export interface BudgetTaken {
  document: QuotaDocument
  granted: number
}

/**
 * Takes from what instances have in common in the window that ends then. Never more than half of what is left, so that one
 * busy instance leaves something to the others.
 *
 * @param wanted at least 1
 */
export const takeBudget = (
  before: QuotaDocument | undefined,
  quota: Quota,
  { wanted, endMs }: { wanted: number; endMs: number },
): BudgetTaken => {
  // One whose clock is ahead has begun the next window: what is taken now counts there.
  const isLive = before !== undefined && Date.parse(before.endsAt) >= endMs
  const taken = isLive ? before.taken : 0
  const left = Math.max(0, commonPart(quota) - taken)
  const granted = Math.min(wanted, Math.ceil(left / 2))
  const endsAt = isLive ? before.endsAt : new Date(endMs).toISOString()
  return { document: { taken: taken + granted, endsAt }, granted }
}
