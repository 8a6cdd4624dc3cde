import { describe, expect, it } from 'vitest'
import { afterAttempt, attemptedBy } from './attempt.ts'

const retry = { attemptsMax: 5, hoursMax: 2 }
const attempt = { number: 1, publishedMs: 0, nowMs: 0 }
const failed = attemptedBy(503)

describe('a delivery', () => {
  it.each([
    [200, 'taken'],
    [204, 'taken'],
    [301, 'again'],
    [404, 'again'],
    [410, 'gone'],
    [429, 'again'],
    [500, 'again'],
  ])('that is answered %i is %s', (status, outcome) => {
    expect(afterAttempt(attemptedBy(status), attempt, retry)).toBe(outcome)
  })

  it.each([
    [4, 0, 'again'],
    [5, 0, 'dead'],
    [1, 2 * 3_600_000 - 1, 'again'],
    [1, 2 * 3_600_000, 'dead'],
  ])('that fails at attempt %i, %i ms after it was published, is %s', (number, nowMs, outcome) => {
    expect(afterAttempt(failed, { number, publishedMs: 0, nowMs }, retry)).toBe(outcome)
  })

  it('that is taken at the last moment is taken', () => {
    expect(afterAttempt({ kind: 'taken' }, { number: 9, publishedMs: 0, nowMs: 1e12 }, retry)).toBe('taken')
  })
})
