import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TokenBucket } from './token-bucket.ts'

const taken = (bucket: TokenBucket, nowMs: number, count: number): number =>
  Array.from({ length: count }, () => bucket.take(nowMs)).filter(Boolean).length

test('a burst goes at once, then the rate', () => {
  const bucket = new TokenBucket(2, 10, 0)
  expect(taken(bucket, 0, 20)).toBe(10)
  expect(taken(bucket, 499, 1)).toBe(0)
  expect(taken(bucket, 500, 2)).toBe(1)
  expect(taken(bucket, 60_000, 20)).toBe(10)
})

test('it tells when the next token is there', () => {
  const bucket = new TokenBucket(0.1, 1, 0)
  expect(bucket.readyMs(0)).toBe(0)
  expect(bucket.take(0)).toBe(true)
  expect(bucket.readyMs(2500)).toBeCloseTo(10_000, 3)
  expect(bucket.take(10_000)).toBe(true)
})

test('a target that is overloaded gets half as much, and all again after successes', () => {
  const bucket = new TokenBucket(100, 20, 0)
  bucket.slowDown(0)
  bucket.slowDown(10)
  expect(taken(bucket, 10, 5)).toBe(1)
  expect(taken(bucket, 30, 5)).toBe(1)
  for (let index = 0; index < 5; index++) bucket.recover(30)
  expect(taken(bucket, 40, 5)).toBe(1)
  expect(taken(bucket, 1040, 50)).toBe(20)
})

test('whenever tokens are asked for, no span of time gets more than the burst and the rate allow', () => {
  const any = fc.record({
    rate: fc.double({ min: 0.01, max: 500, noNaN: true }),
    burst: fc.integer({ min: 1, max: 100 }),
    pausesMs: fc.array(fc.double({ min: 0, max: 5000, noNaN: true }), { maxLength: 200 }),
  })
  fc.assert(
    fc.property(any, ({ rate, burst, pausesMs }) => {
      const bucket = new TokenBucket(rate, burst, 0)
      const times: number[] = []
      let nowMs = 0
      for (const pauseMs of pausesMs) {
        nowMs += pauseMs
        if (bucket.take(nowMs)) times.push(nowMs)
        const readyMs = bucket.readyMs(nowMs)
        expect(readyMs).toBeGreaterThanOrEqual(nowMs)
      }
      times.forEach((from, first) => {
        for (let last = first; last < times.length; last++) {
          const allowed = burst + (((times[last] ?? 0) - from) * rate) / 1000
          expect(last - first + 1).toBeLessThanOrEqual(allowed + 1e-6)
        }
      })
    }),
  )
})
