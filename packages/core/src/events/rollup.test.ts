import { foldReceipt, testNowMs } from '@infinity-matrix/testing'
import { expect, it } from 'vitest'
import { rollUp } from './rollup.ts'

it('receipts add up by tenant and minute, and lags by how long they were', () => {
  const of = (tenant: string, minute: number, applied: number, lagMs: number[] = []) => ({
    receipt: foldReceipt({ tenant, applied, lagMs }),
    publishedMs: testNowMs + minute * 60_000 + 999,
  })
  const rollups = rollUp([of('a', 0, 2, [3, 10, 11]), of('b', 0, 5), of('a', 0, 1, [70_000]), of('a', 1, 7)])
  expect(rollups).toMatchObject([
    { tenant: 'a', minute: '2026-01-01T00:00Z', receipts: 2, applied: 3, lagCounts: { 10: 2, 25: 1, more: 1 } },
    { tenant: 'b', minute: '2026-01-01T00:00Z', receipts: 1, applied: 5, lagCounts: {} },
    { tenant: 'a', minute: '2026-01-01T00:01Z', receipts: 1, applied: 7 },
  ])
})
