import { lagBoundsMs, type FoldReceipt, type Rollup } from '@infinity-matrix/contracts'

/** A receipt with when Pub/Sub took it, in milliseconds since 1970. */
export interface PublishedReceipt {
  receipt: FoldReceipt
  publishedMs: number
}

/** What receipts add up to, by tenant and minute. */
export const rollUp = (receipts: readonly PublishedReceipt[]): Rollup[] => {
  const rollups = new Map<string, Rollup>()
  for (const { receipt, publishedMs } of receipts) {
    const minute = `${new Date(publishedMs).toISOString().slice(0, 16)}Z`
    const key = `${receipt.tenant}\n${minute}`
    rollups.set(key, plus(rollups.get(key) ?? empty(receipt.tenant, minute), receipt))
  }
  return [...rollups.values()]
}

const plus = (rollup: Rollup, receipt: FoldReceipt): Rollup => {
  const lagCounts = { ...rollup.lagCounts }
  for (const lagMs of receipt.lagMs) {
    const bucket = bucketOf(lagMs)
    lagCounts[bucket] = (lagCounts[bucket] ?? 0) + 1
  }
  return {
    ...rollup,
    receipts: rollup.receipts + 1,
    applied: rollup.applied + receipt.applied,
    duplicates: rollup.duplicates + receipt.duplicates,
    parked: rollup.parked + receipt.parked,
    observed: rollup.observed + receipt.observed,
    refused: rollup.refused + receipt.refused,
    released: rollup.released + receipt.released,
    lagCounts,
  }
}

/** The name of the bucket that a lag falls into: its upper bound in milliseconds, or `more`. */
const bucketOf = (lagMs: number): string => String(lagBoundsMs.find((bound) => lagMs <= bound) ?? 'more')

const empty = (tenant: string, minute: string): Rollup => ({
  tenant,
  minute,
  receipts: 0,
  applied: 0,
  duplicates: 0,
  parked: 0,
  observed: 0,
  refused: 0,
  released: 0,
  lagCounts: {},
})
