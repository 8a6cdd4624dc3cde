import { describe, expect, it } from 'vitest'
import { acquireLease, holdsLease, releaseLease, renewLease } from './lease.ts'

describe('a lease', () => {
  it('is given to one holder until it expires, with a higher token each time', () => {
    const first = acquireLease(null, 'a', 0, 60)
    expect(first).toEqual({ holder: 'a', token: 1, expiresAt: '1970-01-01T00:01:00.000Z' })
    expect(acquireLease(first, 'b', 59_999, 60)).toBeNull()
    const second = acquireLease(first, 'b', 60_000, 60)
    expect(second).toMatchObject({ holder: 'b', token: 2 })
    expect(holdsLease(second, 1)).toBe(false)
    expect(holdsLease(second, 2)).toBe(true)
    expect(holdsLease(null, 1)).toBe(false)
  })

  it('that is given back is free, and its token is still passed', () => {
    const first = acquireLease(null, 'a', 0, 60)
    if (first === null) throw new Error('a free lease was refused')
    expect(acquireLease(releaseLease(first, 10), 'b', 10, 60)).toMatchObject({ holder: 'b', token: 2 })
  })

  it('that is renewed keeps its token', () => {
    const first = acquireLease(null, 'a', 0, 60)
    if (first === null) throw new Error('a free lease was refused')
    const renewed = renewLease(first, 50_000, 60)
    expect(renewed).toEqual({ holder: 'a', token: 1, expiresAt: '1970-01-01T00:01:50.000Z' })
    expect(acquireLease(renewed, 'b', 109_999, 60)).toBeNull()
  })
})
