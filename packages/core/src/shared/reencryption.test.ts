import { describe, expect, it } from 'vitest'
import { afterReencryptedPage, beginReencryption, reencryptionPageSize } from './reencryption.ts'

const nowMs = Date.UTC(2026, 0, 1)
const collections = ['members', 'subscriptions']

describe('a re-encryption', () => {
  const begun = beginReencryption('acme', 2, collections, nowMs)

  it('waits until no instance can seal with the old version', () => {
    expect(Date.parse(begun.nextPageAt) - nowMs).toBe(120_000)
  })

  it('goes page by page through each collection, as fast as it may, to its end', () => {
    const size = reencryptionPageSize(begun)
    const full = afterReencryptedPage(begun, { examined: size, resealed: 7, lastId: 'm' }, collections, nowMs)
    expect(full).toMatchObject({ collection: 'members', cursor: 'm', examined: size, resealed: 7 })
    expect(Date.parse(full.nextPageAt) - nowMs).toBe((size / begun.ratePerSecond) * 1000)
    const last = afterReencryptedPage(full, { examined: 1, resealed: 1, lastId: 'n' }, collections, nowMs)
    expect(last).toMatchObject({ collection: 'subscriptions', cursor: null, state: { status: 'running' } })
    const done = afterReencryptedPage(last, { examined: 0, resealed: 0, lastId: null }, collections, nowMs)
    expect(done).toMatchObject({ examined: size + 1, resealed: 8, state: { status: 'completed' } })
  })
})
