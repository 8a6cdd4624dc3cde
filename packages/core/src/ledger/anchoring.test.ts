import type { LedgerAnchor } from '@infinity-matrix/contracts'
import { describe, expect, it } from 'vitest'
import { anchorDue } from './anchoring.ts'

const at = (hours: number) => Date.parse('2026-01-01T00:00:00.000Z') + hours * 3_600_000
const latest: LedgerAnchor = {
  size: 10,
  checkpoint: 'the first ten',
  startedAt: new Date(at(0)).toISOString(),
  state: { status: 'pending', progress: null },
}
const checkpointOf = (size: number) => ({ size, text: `of ${size}`, signedAt: new Date(at(0)).toISOString() })

describe('an anchor', () => {
  it.each([
    ['of nothing', null, null, 30, false],
    ['of an empty log', null, checkpointOf(0), 30, false],
    ['that is the first', null, checkpointOf(1), 0, true],
    ['of what has not grown', latest, checkpointOf(10), 30, false],
    ['too soon after another', latest, checkpointOf(11), 23, false],
    ['a day after another', latest, checkpointOf(11), 24, true],
  ])('%s', (_, before, checkpoint, hours, isDue) => {
    const due = anchorDue(before, checkpoint, at(hours), 24)
    expect(due !== null).toBe(isDue)
    if (due) expect(due).toMatchObject({ size: checkpoint?.size, checkpoint: checkpoint?.text })
  })
})
