import { foldReceipt } from '@infinity-matrix/testing'
import { expect, test } from 'vitest'
import { createTally } from './receipts.ts'

test('receipts add up: released reports count as applied, and as delivered only once', () => {
  const tally = createTally()
  tally.add(foldReceipt({ parked: 2, lagMs: [] }))
  tally.add(foldReceipt({ applied: 1, released: 2, duplicates: 3, refused: 1, observed: 9, lagMs: [10, 20, 30] }))
  expect(tally.read()).toEqual({
    applied: 3,
    duplicates: 3,
    parked: 2,
    released: 2,
    refused: 1,
    delivered: 7,
    lagMs: { p50: 20, p95: 30, p99: 30 },
  })
})

test('percentiles are within 0.1% of what was recorded, and clocks that disagree do not break them', () => {
  const tally = createTally()
  tally.add(foldReceipt({ applied: 1000, lagMs: Array.from({ length: 1000 }, (_, i) => (i + 1) * 10) }))
  const { p50, p95, p99 } = tally.read().lagMs
  for (const [got, recorded] of [
    [p50, 5000],
    [p95, 9500],
    [p99, 9900],
  ] as const)
    expect(Math.abs(got - recorded) / recorded).toBeLessThan(0.001)
  tally.add(foldReceipt({ applied: 1, lagMs: [-5] }))
  expect(tally.read().applied).toBe(1001)
})
