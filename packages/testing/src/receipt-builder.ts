import type { FoldReceipt } from '@infinity-matrix/contracts'

/** A receipt of a commit that did nothing but what a test says. */
export const foldReceipt = (done: Partial<FoldReceipt> = {}): FoldReceipt => ({
  type: 'fleet.folded.v1',
  tenant: 'demo',
  applied: 0,
  duplicates: 0,
  parked: 0,
  observed: 0,
  refused: 0,
  released: 0,
  lagMs: [],
  ...done,
})
