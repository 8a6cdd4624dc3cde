import type { FoldReceipt } from '@infinity-matrix/contracts'
import { createLag, type LagMs } from './lag.ts'

/** What the fold receipts of a while add up to. */
export interface Tally {
  /** Reports that changed a state, at once or when a gap before them closed. */
  applied: number
  duplicates: number
  /** Reports that came early; those of them that are applied by now are in `released`. */
  parked: number
  released: number
  refused: number
  /** Deliveries of reports, whatever became of them. */
  delivered: number
  lagMs: LagMs
}

export const createTally = () => {
  const lag = createLag()
  const sums = { applied: 0, duplicates: 0, parked: 0, released: 0, refused: 0, delivered: 0 }
  return {
    add: ({ applied, duplicates, parked, released, refused, lagMs }: FoldReceipt) => {
      sums.applied += applied + released
      sums.duplicates += duplicates
      sums.parked += parked
      sums.released += released
      sums.refused += refused
      sums.delivered += applied + duplicates + parked + refused
      lag.record(lagMs)
    },
    /** Deliveries so far, of `read`. */
    delivered: () => sums.delivered,
    read: (): Tally => ({ ...sums, lagMs: lag.percentiles() }),
  }
}
