import { describe, expect, it } from 'vitest'
import { needsResync } from './gap.ts'

describe('a resync', () => {
  const at = (ms: number) => new Date(ms).toISOString()
  const tier = 'standard'
  it('is due when the gap, and then the last request, is older than the bound', () => {
    expect(needsResync({ tier, gapSince: null, resyncRequestedAt: null }, 100_000, 60_000)).toBe(false)
    expect(needsResync({ tier, gapSince: at(0), resyncRequestedAt: null }, 59_999, 60_000)).toBe(false)
    expect(needsResync({ tier, gapSince: at(0), resyncRequestedAt: null }, 60_000, 60_000)).toBe(true)
    expect(needsResync({ tier, gapSince: at(0), resyncRequestedAt: at(60_000) }, 100_000, 60_000)).toBe(false)
  })

  it('is due sooner for agents of a higher tier', () => {
    const dueAfterSeconds = (of: 'elite' | 'mastery' | 'standard') =>
      Array.from({ length: 61 }, (_, seconds) => seconds).find((seconds) =>
        needsResync({ tier: of, gapSince: at(0), resyncRequestedAt: null }, seconds * 1000, 60_000),
      )
    expect([dueAfterSeconds('elite'), dueAfterSeconds('mastery'), dueAfterSeconds('standard')]).toEqual([15, 30, 60])
  })
})
