import { crc32 } from 'node:zlib'
import type { ApiKeyDocument } from '@infinity-matrix/contracts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatApiKey, isGoodApiKey, parseApiKey, rotateApiKey } from './api-key.ts'

const hex = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => Buffer.from(bytes).toString('hex'))
const keys = fc.record({ id: hex(8), secret: hex(32) })

describe('a key', () => {
  it('is read as it was written, and has the checksum that everybody computes', () => {
    fc.assert(
      fc.property(keys, (key) => {
        const text = formatApiKey(key)
        expect(parseApiKey(text)).toEqual(key)
        expect(Number.parseInt(text.slice(-8), 16)).toBe(crc32(key.id + key.secret))
      }),
    )
  })

  it('with any digit changed is none', () => {
    fc.assert(
      fc.property(keys, fc.nat(107), (key, at) => {
        const text = formatApiKey(key)
        const changed = text[at] === '0' ? '1' : '0'
        const typo = text.slice(0, at) + changed + text.slice(at + 1)
        expect(typo === text ? undefined : parseApiKey(typo)).toBeUndefined()
      }),
    )
  })
})

describe('in its life, a key', () => {
  const day = (n: number) => `2026-01-0${n}T00:00:00.000Z`
  const key: ApiKeyDocument = {
    id: 'k',
    tenant: 'acme',
    name: 'ci',
    scopes: ['agents:read'],
    secrets: [{ digest: 'one', createdAt: day(1), expiresAt: null }],
    createdAt: day(1),
    createdBy: 'person/ada',
    expiresAt: day(8),
    revokedAt: null,
    lastUsedOn: null,
  }

  it('is good until it expires or is revoked', () => {
    expect(isGoodApiKey(key, 'one', day(7))).toBe(true)
    expect(isGoodApiKey(key, 'other', day(7))).toBe(false)
    expect(isGoodApiKey(key, 'one', day(8))).toBe(false)
    expect(isGoodApiKey({ ...key, revokedAt: day(2) }, 'one', day(3))).toBe(false)
  })

  it('has two secrets while one takes the place of the other, and never three', () => {
    const rotated = rotateApiKey(key, 'two', { now: day(2), overlapEndsAt: day(3) })
    const good = (at: string) => ['one', 'two', 'three'].filter((digest) => isGoodApiKey(rotated, digest, at))
    expect(good(day(2))).toEqual(['one', 'two'])
    expect(good(day(3))).toEqual(['two'])
    const again = rotateApiKey(rotated, 'three', { now: day(2), overlapEndsAt: day(3) })
    expect(again.secrets.map(({ digest }) => digest)).toEqual(['three', 'two'])
  })
})
