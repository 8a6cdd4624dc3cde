import { describe, expect, it } from 'vitest'
import { cellOf, confirmSilences, needsResync, sweepSilences } from './index.ts'

const heard = (heardAtMs: number, leftAtMs: number | null = null) => ({
  heardAtMs,
  leftAtMs,
  silenceBoundSeconds: 30,
  tier: 'standard' as const,
})
const newsOf = (swept: ReturnType<typeof sweepSilences>) =>
  swept.news.map(({ agentId, silence }) => `${agentId} ${silence.heardAgainAtMs === null ? 'silent' : 'heard'}`)

describe('a sweep', () => {
  it('tells a silence once', () => {
    const first = sweepSilences({ heard: { a: heard(0), b: heard(20_000) }, silent: {} }, 31_000)
    expect(newsOf(first)).toEqual(['a silent'])
    const second = sweepSilences(
      { heard: { a: heard(0), b: heard(20_000) }, silent: confirmSilences(first.silent) },
      40_000,
    )
    expect(newsOf(second)).toEqual([])
  })

  it('is exact at the bound', () => {
    expect(newsOf(sweepSilences({ heard: { a: heard(0) }, silent: {} }, 30_000))).toEqual([])
    expect(newsOf(sweepSilences({ heard: { a: heard(0) }, silent: {} }, 30_001))).toEqual(['a silent'])
  })

  it('tells again, as of the same moment, what was not confirmed', () => {
    const first = sweepSilences({ heard: { a: heard(0) }, silent: {} }, 31_000)
    const second = sweepSilences({ heard: { a: heard(0) }, silent: first.silent }, 91_000)
    expect(second.news).toEqual(first.news)
  })

  it('tells the end of a silence once, then forgets it', () => {
    const silent = confirmSilences(sweepSilences({ heard: { a: heard(0) }, silent: {} }, 31_000).silent)
    const ended = sweepSilences({ heard: { a: heard(60_000) }, silent }, 61_000)
    expect(newsOf(ended)).toEqual(['a heard'])
    expect(newsOf(sweepSilences({ heard: { a: heard(60_000) }, silent: ended.silent }, 62_000))).toEqual(['a heard'])
    expect(confirmSilences(ended.silent)).toEqual({})
  })

  it('tells a second silence of the same agent', () => {
    const silent = confirmSilences(sweepSilences({ heard: { a: heard(0) }, silent: {} }, 31_000).silent)
    expect(newsOf(sweepSilences({ heard: { a: heard(40_000) }, silent }, 100_000))).toEqual(['a silent'])
  })

  it('says nothing of an agent that left, though a late heartbeat comes after its last word', () => {
    const silent = confirmSilences(sweepSilences({ heard: { a: heard(0) }, silent: {} }, 31_000).silent)
    const swept = sweepSilences({ heard: { a: heard(39_000, 40_000) }, silent }, 100_000)
    expect(swept).toEqual({ silent: {}, news: [], forgotten: [] })
  })

  it('forgets an agent that left long ago, and hears one that came back', () => {
    const hour = 3_600_000
    const cell = { heard: { a: heard(0, 1), b: heard(hour + 2, 1) }, silent: {} }
    expect(sweepSilences(cell, hour + 2)).toEqual({ silent: {}, news: [], forgotten: ['a'] })
    expect(newsOf(sweepSilences(cell, hour + 40_000))).toEqual(['b silent'])
  })
})

describe('a resync', () => {
  const at = (ms: number) => new Date(ms).toISOString()
  it('is due when the gap, and then the last request, is older than the bound', () => {
    expect(needsResync({ gapSince: null, resyncRequestedAt: null }, 100_000, 60_000)).toBe(false)
    expect(needsResync({ gapSince: at(0), resyncRequestedAt: null }, 59_999, 60_000)).toBe(false)
    expect(needsResync({ gapSince: at(0), resyncRequestedAt: null }, 60_000, 60_000)).toBe(true)
    expect(needsResync({ gapSince: at(0), resyncRequestedAt: at(60_000) }, 100_000, 60_000)).toBe(false)
  })
})

describe('cells', () => {
  it('spread agents evenly, and each agent always to the same', () => {
    const counts = new Map<string, number>()
    for (let i = 0; i < 16_000; i++) {
      const cell = cellOf('acme', 'us-west1', `agent-${i}`, 16)
      expect(cellOf('acme', 'us-west1', `agent-${i}`, 16)).toBe(cell)
      counts.set(cell, (counts.get(cell) ?? 0) + 1)
    }
    expect(counts.size).toBe(16)
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150)
  })
})
