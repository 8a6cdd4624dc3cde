import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { levelsOf, tilePath, tilesOfLevel } from '../shared/merkle/index.ts'
import { filledBy, isExportDue, nothingExported, unfilledOf } from './export.ts'

const allOf = (size: number): string[] =>
  [...Array(levelsOf(size)).keys(), 'entries' as const].flatMap((level) => [...tilesOfLevel(level, size)]).map(tilePath)

describe('what is exported of a log', () => {
  it('bundle by bundle, and then what is not full, is all of it, and each tile once', () => {
    fc.assert(
      fc.property(fc.oneof(fc.nat(2000), fc.nat(300_000), fc.constantFrom(256, 65_536, 131_072)), (size) => {
        const full = Array.from({ length: Math.floor(size / 256) }, (_, bundle) => [...filledBy(bundle)]).flat()
        expect([...full, ...unfilledOf(size)].map(tilePath).toSorted()).toEqual(allOf(size).toSorted())
      }),
      { numRuns: 60 },
    )
  })
})

describe('an export', () => {
  const at = (hours: number) => Date.parse('2026-01-01T00:00:00.000Z') + hours * 3_600_000
  const before = { ...nothingExported, size: 10, finishedAt: new Date(at(0)).toISOString() }
  it.each([
    ['of what never was', nothingExported, 1, 0, true],
    ['of nothing', nothingExported, 0, 0, false],
    ['of what has not grown', before, 10, 30, false],
    ['of what has grown, too soon', before, 11, 23, false],
    ['of what has grown, a day later', before, 11, 24, true],
  ])('%s', (_, state, size, hours, isDue) => {
    expect(isExportDue(state, size, at(hours), 24)).toBe(isDue)
  })
})
