import { collections, LedgerTile, type LedgerBundle, type LedgerTree } from '@infinity-matrix/contracts'
import { tileId } from '@infinity-matrix/core/ledger'
import { hashBytes, joined, parseEntryBundle, tileAt, type ReadTile, type Tile } from '@infinity-matrix/core/merkle'
import type { Firestore } from '@google-cloud/firestore'
import type { LogStore } from './store.ts'

/** The tiles of the log, each at any width that it had on its way. */
export const createLogReader = (firestore: Firestore, store: Pick<LogStore, 'read' | 'partsOf'>) => {
  const fullTile = async (level: number, index: number): Promise<Uint8Array | undefined> => {
    const snapshot = await firestore.collection(collections.ledgerTiles).doc(tileId(level, index)).get()
    return snapshot.exists ? LedgerTile.parse(snapshot.data()).bytes : undefined
  }

  const hashes = async (tree: LedgerTree, level: number, index: number): Promise<Uint8Array | undefined> => {
    const { width } = tileAt(level, index, tree.size)
    if (width === 0) return undefined
    const edge = tree.levels[level]
    return edge && edge.length === width * hashBytes ? edge : fullTile(level, index)
  }

  /** The length of each entry in two bytes, then the entry, one after the other: cut to some of a bundle's first. */
  const cutBundle = (parts: readonly LedgerBundle[], width: number): Uint8Array | undefined => {
    const count = parts.reduce((sum, part) => sum + part.count, 0)
    if (count < width) return undefined
    const bytes = joined(parts.map((part) => part.bytes))
    if (count === width) return bytes
    const kept = parseEntryBundle(bytes, count).slice(0, width)
    return bytes.subarray(
      0,
      kept.reduce((sum, entry) => sum + 2 + entry.length, 0),
    )
  }

  /** A tile of a tree that is sealed; undefined where the tree has none of that width. */
  const tileOf = async (tree: LedgerTree, { level, index, width }: Tile): Promise<Uint8Array | undefined> => {
    if (tileAt(level, index, tree.size).width < width) return undefined
    if (level === 'entries') return cutBundle(await store.partsOf(index), width)
    return (await hashes(tree, level, index))?.subarray(0, width * hashBytes)
  }

  /** Reads tiles for proofs. @throws RangeError for one that there should be */
  const readFor =
    (tree: LedgerTree): ReadTile =>
    async (tile) => {
      const bytes = await tileOf(tree, tile)
      if (!bytes) throw new RangeError(`there is no tile ${tile.index} of level ${tile.level}`)
      return bytes
    }

  return { tileOf, readFor }
}

export type LogReader = ReturnType<typeof createLogReader>
