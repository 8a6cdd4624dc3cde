import { describe, expect, it } from 'vitest'
import { secretForUse, secretPlan } from './secrets.ts'

const dayMs = 86_400_000
const nowMs = Date.UTC(2026, 5, 1)
const aged = (version: string, days: number) => ({ version, createdAt: new Date(nowMs - days * dayMs).toISOString() })

describe('a secret', () => {
  it('that does not exist gets its first version', () => {
    expect(secretPlan([], nowMs)).toEqual({ isNewDue: true, retired: [] })
  })
  it('is left alone for 90 days', () => {
    expect(secretPlan([aged('1', 89)], nowMs)).toEqual({ isNewDue: false, retired: [] })
    expect(secretPlan([aged('1', 90)], nowMs)).toEqual({ isNewDue: true, retired: [] })
  })
  it('has two versions that are accepted, never more', () => {
    expect(secretPlan([aged('2', 1), aged('1', 91)], nowMs)).toEqual({ isNewDue: false, retired: [] })
    expect(secretPlan([aged('2', 90), aged('1', 180)], nowMs)).toEqual({ isNewDue: true, retired: [aged('1', 180)] })
    expect(secretPlan([aged('3', 1), aged('2', 91), aged('1', 181)], nowMs).retired).toEqual([aged('1', 181)])
  })
  it('is used when every instance knows of it, and at once where there is no other', () => {
    const [fresh, old] = [aged('2', 0.001), aged('1', 90)]
    expect(secretForUse([fresh, old], nowMs)).toEqual(old)
    expect(secretForUse([aged('2', 0.01), old], nowMs)?.version).toBe('2')
    expect(secretForUse([fresh], nowMs)).toEqual(fresh)
    expect(secretForUse([], nowMs)).toBeUndefined()
  })
})
