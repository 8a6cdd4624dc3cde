import { hashBytes, rootOf, type Sha256 } from './hash.ts'
import { foldNodes, nodesOf, proofRanges, type Node, type Range } from './range.ts'
import { assertTileBytes, tileAt, tileHeight, tilePath, tileWidth, type Tile } from './tile.ts'

/** The hashes of a tile, one after the other. Where only the fuller tile of a later tree is kept, its first ones are the same. */
export type ReadTile = (tile: Tile) => Promise<Uint8Array> | Uint8Array

/** Where a node is found: the tile, and from which to before which of its hashes the node is the root of. */
const placeOf = ({ level, index }: Node, size: number) => {
  const tileLevel = Math.floor(level / tileHeight)
  const count = 2 ** (level - tileLevel * tileHeight)
  const first = index * count
  const tile = tileAt(tileLevel, Math.floor(first / tileWidth), size)
  return { tile, from: first % tileWidth, to: (first % tileWidth) + count }
}

/** The hashes of subtrees of a tree of a size, each tile read once and all at the same time. */
const hashesOf = async (sha256: Sha256, read: ReadTile, ranges: readonly Range[], size: number) => {
  const places = ranges.map((range) => nodesOf(range).map((node) => placeOf(node, size)))
  const tiles = new Map(places.flat().map(({ tile }) => [tilePath(tile), tile]))
  const bytesByPath = new Map(
    await Promise.all(
      [...tiles].map(async ([path, tile]) => {
        const bytes = await read(tile)
        assertTileBytes(tile, bytes)
        return [path, bytes] as const
      }),
    ),
  )
  const hashAt = ({ tile, from, to }: ReturnType<typeof placeOf>) =>
    rootOf(sha256, (bytesByPath.get(tilePath(tile)) ?? new Uint8Array()).subarray(from * hashBytes, to * hashBytes))
  return places.map((nodes) => foldNodes(sha256, nodes.map(hashAt)))
}

/**
 * The proof that a subtree is part of the tree of a size: see `proofRanges`.
 *
 * @throws RangeError where there is no such subtree, or a tile has other bytes than its width says
 */
export const subtreeProof = async (sha256: Sha256, read: ReadTile, range: Range, size: number): Promise<Uint8Array[]> =>
  hashesOf(sha256, read, proofRanges(range, size), size)

/** The inclusion proof of the leaf at an index. */
export const inclusionProof = (sha256: Sha256, read: ReadTile, index: number, size: number): Promise<Uint8Array[]> =>
  subtreeProof(sha256, read, { start: index, end: index + 1 }, size)

/** The proof that the tree of one size is an earlier one of another. `from` is at least 1. */
export const consistencyProof = (sha256: Sha256, read: ReadTile, from: number, to: number): Promise<Uint8Array[]> =>
  subtreeProof(sha256, read, { start: 0, end: from }, to)

/** The root of the tree of a size. */
export const treeRoot = async (sha256: Sha256, read: ReadTile, size: number): Promise<Uint8Array> => {
  const [root] = size === 0 ? [] : await hashesOf(sha256, read, [{ start: 0, end: size }], size)
  return root ?? sha256(new Uint8Array())
}
