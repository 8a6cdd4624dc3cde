import { hashBytes, joined, rootOf, type Sha256 } from './hash.ts'
import { tileWidth, type Tile } from './tile.ts'

/** What appending needs of a tree in tiles: of each level, from the lowest, the hashes of its last tile if that is not full. */
export interface TileEdge {
  size: number
  levels: readonly Uint8Array[]
}

export const emptyEdge: TileEdge = { size: 0, levels: [] }

export interface Growth {
  edge: TileEdge
  /** Tiles that are new or hold more than before; where one was partial, it is given with its new width. */
  tiles: { tile: Tile; bytes: Uint8Array }[]
}

/**
 * Appends leaves to a tree in tiles.
 *
 * @param leaves their hashes, one after the other
 * @throws RangeError where the leaves are not hashes, or the edge is not that of a tree of its size
 */
export const grow = (sha256: Sha256, { size, levels }: TileEdge, leaves: Uint8Array): Growth => {
  if (leaves.length % hashBytes !== 0) throw new RangeError(`hashes have ${hashBytes} bytes each`)
  const tiles: Growth['tiles'] = []
  const edges: Uint8Array[] = []
  let added = leaves
  for (let level = 0; level < levels.length || added.length > 0; level++) {
    const width = Math.floor(size / tileWidth ** level)
    const known = levels[level] ?? new Uint8Array()
    if (known.length !== (width % tileWidth) * hashBytes)
      throw new RangeError(`the edge of level ${level} of a tree of ${size} leaves has ${width % tileWidth} hashes`)
    const grown = added.length === 0 ? [known] : tilesOf(joined([known, added]))
    const first = Math.floor(width / tileWidth)
    if (added.length > 0)
      for (const [at, bytes] of grown.entries())
        tiles.push({ tile: { level, index: first + at, width: bytes.length / hashBytes }, bytes })
    const full = grown.filter(({ length }) => length === tileWidth * hashBytes)
    edges.push(grown.length > full.length ? (grown.at(-1) ?? new Uint8Array()) : new Uint8Array())
    added = joined(full.map((bytes) => rootOf(sha256, bytes)))
  }
  return { edge: { size: size + leaves.length / hashBytes, levels: edges }, tiles }
}

const tilesOf = (hashes: Uint8Array): Uint8Array[] => {
  const bytes = tileWidth * hashBytes
  return Array.from({ length: Math.ceil(hashes.length / bytes) }, (_, at) => hashes.slice(at * bytes, (at + 1) * bytes))
}

/** The root of a tree of which only the edge is known. */
export const edgeRoot = (sha256: Sha256, { levels }: TileEdge): Uint8Array => {
  // What stands to the right of a level's whole tiles is one node of the level above, if a smaller one.
  const rest = levels.reduce((right, level) => {
    const hashes = joined([level, right])
    return hashes.length === 0 ? hashes : rootOf(sha256, hashes)
  }, new Uint8Array())
  return rest.length === 0 ? sha256(rest) : rest
}
