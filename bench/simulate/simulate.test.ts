import { describe, expect, it, vi } from 'vitest'
import { defaults, simulate } from './simulate.ts'

vi.setConfig({ testTimeout: 60_000 })
const small = { ...defaults, agents: 20_000, dieShare: 0.05, instances: 3 }

describe('a simulated fleet', () => {
  it('is told about truly, in time, and within the limits', () => {
    const result = simulate(small)
    expect(result.bars).toEqual(Object.fromEntries(Object.keys(result.bars).map((bar) => [bar, true])))
    expect(result.died).toBeGreaterThan(800)
    expect(result).toMatchObject({ missed: 0, falseSilences: 0, heardAgain: 0, isWithinBars: true })
  })

  it('shows heartbeats that are later than they may be', () => {
    const { falseSilences, isWithinBars } = simulate({ ...small, lateSecondsMax: 15 })
    expect(falseSilences).toBeGreaterThan(0)
    expect(isWithinBars).toBe(false)
  })
})
