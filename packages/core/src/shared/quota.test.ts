import type { QuotaDocument } from '@infinity-matrix/contracts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ownPart, takeBudget, windowEndMs, type Quota } from './quota.ts'

const quotas = fc.record({
  limit: fc.integer({ min: 1, max: 5000 }),
  windowSeconds: fc.constant(60),
  instancesMax: fc.integer({ min: 1, max: 40 }),
}) satisfies fc.Arbitrary<Quota>
const endMs = 120_000

describe('a quota', () => {
  it('is never passed by what all instances may spend together, and may be spent to the last', () => {
    fc.assert(
      fc.property(quotas, fc.array(fc.integer({ min: 1, max: 900 }), { maxLength: 200 }), (quota, asked) => {
        let document: QuotaDocument | undefined
        let granted = 0
        const take = (wanted: number) => {
          const taken = takeBudget(document, quota, { wanted, endMs })
          document = taken.document
          granted += taken.granted
          return taken.granted
        }
        const all = () => granted + ownPart(quota) * quota.instancesMax
        for (const wanted of asked) {
          take(wanted)
          expect(all()).toBeLessThanOrEqual(quota.limit)
        }
        while (take(quota.limit) > 0) continue
        expect(all()).toBe(quota.limit)
      }),
    )
  })

  it('begins anew with its window, and who is late takes from the window that has begun', () => {
    const quota = { limit: 10, windowSeconds: 60, instancesMax: 1 }
    const full = { taken: 9, endsAt: new Date(endMs).toISOString() }
    expect(takeBudget(full, quota, { wanted: 9, endMs }).granted).toBe(0)
    expect(takeBudget(full, quota, { wanted: 9, endMs: endMs + 60_000 })).toEqual({
      granted: 5,
      document: { taken: 5, endsAt: new Date(endMs + 60_000).toISOString() },
    })
    expect(takeBudget(full, quota, { wanted: 9, endMs: endMs - 60_000 }).granted).toBe(0)
  })

  it('has windows that all instances see alike', () => {
    expect([windowEndMs(60, 0), windowEndMs(60, 59_999), windowEndMs(60, 60_000)]).toEqual([60_000, 60_000, 120_000])
  })
})
