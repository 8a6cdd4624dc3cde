import { describe, expect, it } from 'vitest'
import { needsResync } from './gap.ts'

describe('a resync', () => {
  const at = (ms: number) => new Date(ms).toISOString()
  it('is due when the gap, and then the last request, is older than the bound', () => {
    expect(needsResync({ gapSince: null, resyncRequestedAt: null }, 100_000, 60_000)).toBe(false)
    expect(needsResync({ gapSince: at(0), resyncRequestedAt: null }, 59_999, 60_000)).toBe(false)
    expect(needsResync({ gapSince: at(0), resyncRequestedAt: null }, 60_000, 60_000)).toBe(true)
    expect(needsResync({ gapSince: at(0), resyncRequestedAt: at(60_000) }, 100_000, 60_000)).toBe(false)
  })
})
