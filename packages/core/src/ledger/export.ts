import type { LedgerExport } from '@infinity-matrix/contracts'
import { levelsOf, tileAt, tileWidth, type Tile } from '../shared/merkle/index.ts'

export const nothingExported: LedgerExport = { bundles: 0, size: 0, anchoredSize: 0, finishedAt: null }

/** Whether the log has grown, and long enough ago; an export that was interrupted goes on by this, too. */
export const isExportDue = (before: LedgerExport, size: number, nowMs: number, everyHours: number): boolean =>
  size > before.size && (before.finishedAt === null || nowMs - Date.parse(before.finishedAt) >= everyHours * 3_600_000)

/** What is full once a bundle is, and was not before: the bundle, the tile of its hashes, and those above that it fills. */
export function* filledBy(bundle: number): Generator<Tile> {
  yield { level: 'entries', index: bundle, width: tileWidth }
  for (let [level, count] = [0, bundle + 1]; Number.isInteger(count); level++, count /= tileWidth)
    yield { level, index: count - 1, width: tileWidth }
}

/** The tiles of a log of a size that are not full, and its last bundle if that is not. */
export const unfilledOf = (size: number): Tile[] => {
  const levels = [...Array(levelsOf(size)).keys(), 'entries' as const]
  return levels
    .map((level) => tileAt(level, Math.floor(size / tileWidth ** (level === 'entries' ? 1 : level + 1)), size))
    .filter(({ width }) => width > 0 && width < tileWidth)
}
