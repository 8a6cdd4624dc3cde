import { describe, expect, it } from 'vitest'
import { isSecretOverdue, secretPlan } from './secrets.ts'

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
  it('that others issue is overdue as soon as one of ours would be replaced', () => {
    expect([89, 90].map((days) => isSecretOverdue(aged('1', days), nowMs))).toEqual([false, true])
  })
})
