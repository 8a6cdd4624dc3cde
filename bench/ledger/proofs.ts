// Proofs from the tiles of a log of ten million entries. The leaves' hashes are drawn, for no time is spent on entries here.
import { randomFillSync } from 'node:crypto'
import {
  consistencyFault,
  consistencyProof,
  edgeRoot,
  emptyEdge,
  grow,
  hashBytes,
  inclusionFault,
  inclusionProof,
  tilePath,
  tileAt,
  tileWidth,
  treeRoot,
  type ReadTile,
  type Tile,
} from '@infinity-matrix/core/merkle'
import { sha256 } from '@infinity-matrix/verifier'
import { medianOf, percentileOf, row, type Row } from '../measure.ts'
import { createRandom } from '../random.ts'

const entries = 10_000_000
const leavesPerStep = 2 ** 16
const proofCount = 2000
const proofMsMax = 5

/** The tiles of a log of so many entries, in memory. */
const tilesOf = (size: number) => {
  const tiles = new Map<string, Uint8Array>()
  let edge = emptyEdge
  while (edge.size < size) {
    const growth = grow(
      sha256,
      edge,
      randomFillSync(new Uint8Array(Math.min(leavesPerStep, size - edge.size) * hashBytes)),
    )
    edge = growth.edge
    for (const { tile, bytes } of growth.tiles) tiles.set(tilePath(tile), bytes)
  }
  const read = (tile: Tile): Uint8Array => {
    const bytes = tiles.get(tilePath(tile))
    if (!bytes) throw new RangeError(`there is no ${tilePath(tile)}`)
    return bytes
  }
  const bytes = [...tiles.values()].reduce((sum, { length }) => sum + length, 0)
  return { read, root: edgeRoot(sha256, edge), bytes }
}

/** How long each proof takes, in milliseconds, of which every one is verified besides. */
const timesOf = async (count: number, prove: () => Promise<() => string | undefined>): Promise<number[]> => {
  const times: number[] = []
  for (let made = 0; made < count; made++) {
    const startedAt = performance.now()
    const verify = await prove()
    times.push(performance.now() - startedAt)
    const fault = verify()
    if (fault !== undefined) throw new Error(fault)
  }
  return times
}

export const proofRows = async (): Promise<Row[]> => {
  const { read, root, bytes } = tilesOf(entries)
  const random = createRandom(1)
  const inclusion = await timesOf(proofCount, async () => {
    const index = random.int(0, entries - 1)
    const proof = await inclusionProof(sha256, read, index, entries)
    const hash = leafAt(read, index)
    return () => inclusionFault(sha256, { index, hash, size: entries, root, proof })
  })
  const roots = new Map<number, Uint8Array>()
  for (let drawn = 0; drawn < 20; drawn++) {
    const size = random.int(1, entries)
    roots.set(size, await treeRoot(sha256, olderTiles(read), size))
  }
  const sizes = [...roots.keys()]
  const consistency = await timesOf(proofCount, async () => {
    const size = sizes[random.int(0, sizes.length - 1)] ?? entries
    const proof = await consistencyProof(sha256, read, size, entries)
    const from = { size, root: roots.get(size) ?? root }
    return () => consistencyFault(sha256, { from, to: { size: entries, root }, proof })
  })
  const rows = (name: string, times: readonly number[]) => [
    row(`${name} at 10M entries, median`, medianOf(times), 'ms', proofMsMax),
    row(`${name} at 10M entries, p99`, percentileOf(times, 0.99), 'ms', proofMsMax),
  ]
  return [
    ...rows('inclusion proof', inclusion),
    ...rows('consistency proof', consistency),
    row('tiles of 10M entries in memory', bytes / 1e6, 'MB'),
  ]
}

const leafAt = (read: (tile: Tile) => Uint8Array, index: number) => {
  const at = index % tileWidth
  return read(tileAt(0, Math.floor(index / tileWidth), entries)).slice(at * hashBytes, (at + 1) * hashBytes)
}

/** The tiles of an earlier tree are how those of the last one begin. */
const olderTiles =
  (read: (tile: Tile) => Uint8Array): ReadTile =>
  ({ level, index, width }) =>
    read(tileAt(level, index, entries)).subarray(0, width * hashBytes)
