import fc from 'fast-check'
import { expect, test } from 'vitest'
import { backoffMs, isExhausted, type RetryPolicy } from './backoff.ts'

const policy = (changes: Partial<RetryPolicy> = {}): RetryPolicy => ({
  maxAttempts: 100,
  maxRetryMs: 0,
  minBackoffMs: 100,
  maxBackoffMs: 3_600_000,
  maxDoublings: 16,
  ...changes,
})

const seconds = (changes: Partial<RetryPolicy>, count: number): number[] =>
  Array.from({ length: count }, (_, index) => backoffMs(policy(changes), index + 1) / 1000)

test('the sequence is the one of the documentation', () => {
  const documented = { minBackoffMs: 10_000, maxBackoffMs: 300_000, maxDoublings: 3 }
  expect(seconds(documented, 9)).toEqual([10, 20, 40, 80, 160, 240, 300, 300, 300])
})

test('no doublings grow by the first pause each time; no growth beyond the longest', () => {
  expect(seconds({ minBackoffMs: 1000, maxDoublings: 0 }, 5)).toEqual([1, 2, 3, 4, 5])
  expect(seconds({ minBackoffMs: 1000, maxBackoffMs: 1000 }, 3)).toEqual([1, 1, 1])
  expect(seconds({}, 4)).toEqual([0.1, 0.2, 0.4, 0.8])
})

test('attempts end at their number', () => {
  expect(isExhausted(policy({ maxAttempts: 3 }), 2, 1e9)).toBe(false)
  expect(isExhausted(policy({ maxAttempts: 3 }), 3, 0)).toBe(true)
  expect(isExhausted(policy({ maxAttempts: -1 }), 1e6, 1e12)).toBe(false)
})

test('with a limit of time too, attempts end when both are reached', () => {
  const both = policy({ maxAttempts: 3, maxRetryMs: 60_000 })
  expect(isExhausted(both, 3, 59_999)).toBe(false)
  expect(isExhausted(both, 2, 60_000)).toBe(false)
  expect(isExhausted(both, 3, 60_000)).toBe(true)
  const timeAlone = policy({ maxAttempts: -1, maxRetryMs: 60_000 })
  expect(isExhausted(timeAlone, 50, 59_999)).toBe(false)
  expect(isExhausted(timeAlone, 1, 60_000)).toBe(true)
})

test('pauses never shrink and stay within their bounds', () => {
  const any = fc.record({
    minBackoffMs: fc.integer({ min: 1, max: 3_600_000 }),
    extraMs: fc.integer({ min: 0, max: 3_600_000 }),
    maxDoublings: fc.integer({ min: 0, max: 40 }),
    failures: fc.integer({ min: 1, max: 2000 }),
  })
  fc.assert(
    fc.property(any, ({ minBackoffMs, extraMs, maxDoublings, failures }) => {
      const maxBackoffMs = minBackoffMs + extraMs
      const tried = policy({ minBackoffMs, maxBackoffMs, maxDoublings })
      const pauseMs = backoffMs(tried, failures)
      expect(pauseMs).toBeGreaterThanOrEqual(minBackoffMs)
      expect(pauseMs).toBeLessThanOrEqual(maxBackoffMs)
      expect(backoffMs(tried, failures + 1)).toBeGreaterThanOrEqual(pauseMs)
    }),
  )
})
