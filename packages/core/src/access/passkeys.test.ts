import { describe, expect, it } from 'vitest'
import { isCounterGood, mayAddPasskey, mayRemovePasskey, recentSignInSeconds } from './passkeys.ts'

const now = 1_790_000_000
const reasonOf = (decision: ReturnType<typeof mayAddPasskey>) => (decision.isAllowed ? 'allowed' : decision.reason)

describe('a passkey', () => {
  it.each<[string, boolean, number, number, string]>([
    ['the first, after a recent sign-in', false, recentSignInSeconds, 0, 'allowed'],
    ['the first, after an older one', false, recentSignInSeconds + 1, 0, 'recent-sign-in-needed'],
    ['the first, with a second factor', true, 9999, 0, 'allowed'],
    ['another one', false, 0, 1, 'second-factor-needed'],
    ['another one, with a second factor', true, 9999, 1, 'allowed'],
  ])('%s', (_what, hasSecondFactor, secondsAgo, known, reason) => {
    const person = { hasSecondFactor, signedInAtSeconds: now - secondsAgo }
    expect(reasonOf(mayAddPasskey(person, known, now))).toBe(reason)
  })

  it('is not the first of who does not say when they signed in', () => {
    expect(reasonOf(mayAddPasskey({ hasSecondFactor: false }, 0, now))).toBe('recent-sign-in-needed')
  })

  it('is removed with a second factor', () => {
    expect([true, false].map((hasSecondFactor) => mayRemovePasskey({ hasSecondFactor }).isAllowed)).toEqual([
      true,
      false,
    ])
  })

  it('counts further each time, or never', () => {
    const good = [
      [0, 0],
      [0, 1],
      [5, 6],
      [5, 90],
    ] as const
    const bad = [
      [5, 5],
      [5, 4],
      [5, 0],
    ] as const
    expect(good.map(([stored, shown]) => isCounterGood(stored, shown))).toEqual([true, true, true, true])
    expect(bad.map(([stored, shown]) => isCounterGood(stored, shown))).toEqual([false, false, false])
  })
})
