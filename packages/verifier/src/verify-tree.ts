import { entryForm, LedgerFault, plainEntryId, type Checkpoint } from '@infinity-matrix/core/ledger'
import {
  edgeRoot,
  emptyEdge,
  entryRanges,
  grow,
  hashBytes,
  inclusionFault,
  inclusionProof,
  joined,
  leafHash,
  parseEntryBundle,
  tileAt,
  tilePath,
  tilesOfLevel,
  tileWidth,
  type ReadTile,
  type Tile,
} from '@infinity-matrix/core/merkle'
import { textOf, type LogFiles } from './log-files.ts'
import { SeenIds } from './seen-ids.ts'
import { sha256, sha256Characters } from './sha256.ts'

const isEqual = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0
const hashAt = (hashes: Uint8Array, at: number) => hashes.subarray(at * hashBytes, (at + 1) * hashBytes)

/** The hashes of a log's tiles as they are stored: the first ones of a tile where an earlier tree is asked about. */
export const storedTiles =
  (files: LogFiles, size: number): ReadTile =>
  ({ level, index, width }) => {
    const stored = tileAt(level, index, size)
    const bytes = files.read(tilePath(stored))
    if (bytes.length !== stored.width * hashBytes)
      throw new LedgerFault(tilePath(stored), `has ${stored.width * hashBytes} bytes, and not ${bytes.length}`)
    return bytes.subarray(0, width * hashBytes)
  }

/**
 * Builds the tree of a checkpoint anew from the entries, and compares every stored hash with it. Each entry is one, and
 * stands in the log once.
 *
 * @throws LedgerFault naming the first entry or tile that is not as it was signed
 */
export const verifyTree = async (files: LogFiles, checkpoint: Checkpoint): Promise<void> => {
  const read = storedTiles(files, checkpoint.size)
  const ids = new SeenIds(checkpoint.size)
  let edge = emptyEdge
  for (const tile of tilesOfLevel('entries', checkpoint.size)) {
    const leaves = await verifyBundle(files, read, checkpoint, tile, ids)
    const growth = grow(sha256, edge, leaves)
    edge = growth.edge
    for (const grown of growth.tiles) await verifyTile(read, grown.tile, grown.bytes, checkpoint.size)
  }
  if (!isEqual(edgeRoot(sha256, edge), checkpoint.root))
    throw new LedgerFault('checkpoint line 3', `is not the root of the ${checkpoint.size} entries and of their tiles`)
}

/**
 * Compares the entries of one bundle with the hashes that were stored of them. All of its text is made at once, and hashes
 * are compared as text: for each entry, memory is asked for once.
 *
 * @returns the hashes of its entries
 */
const verifyBundle = async (files: LogFiles, read: ReadTile, checkpoint: Checkpoint, tile: Tile, ids: SeenIds) => {
  const path = tilePath(tile)
  const stored = await read({ ...tile, level: 0 })
  const hashes = charactersOf(stored)
  // A copy, in which the byte before an entry becomes the prefix of a leaf.
  const bundle = new Uint8Array(files.read(path))
  const text = charactersOf(bundle)
  const found: string[] = []
  const index = () => tile.index * tileWidth + found.length
  try {
    for (const { start, end } of entryRanges(bundle)) {
      if (found.length === tile.width) throw new LedgerFault(`entry ${index()}`, `is one too many in ${path}`)
      bundle[start - 1] = 0
      const hash = sha256Characters(bundle.subarray(start - 1, end))
      if (!hashes.startsWith(hash, found.length * hashBytes)) throw await blame(files, read, checkpoint, index())
      found.push(plainEntryId(text.slice(start, end)) ?? readId(bundle.subarray(start, end), `entry ${index()}`))
    }
  } catch (error) {
    if (error instanceof RangeError) throw new LedgerFault(`entry ${index()}`, `${path}: ${error.message}`)
    throw error
  }
  if (found.length < tile.width) throw new LedgerFault(`entry ${index()}`, `is missing in ${path}`)
  const repeated = ids.addAll(found, tile.index * tileWidth)
  if (repeated) throw new LedgerFault(`entry ${repeated.number}`, `has the id of entry ${repeated.before}`)
  return stored
}

/** A character for each byte. */
const charactersOf = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')

const readId = (entry: Uint8Array, position: string): string => {
  const form = entryForm(textOf(entry, position))
  if (form.fault !== undefined) throw new LedgerFault(position, form.fault)
  return form.id
}

/** An entry and its hash in a tile differ: right is what leads to the signed root. */
const blame = async (files: LogFiles, read: ReadTile, { size, root }: Checkpoint, index: number) => {
  const tile = tileAt('entries', Math.floor(index / tileWidth), size)
  const path = tilePath({ ...tile, level: 0 })
  const leadsToRoot = async (hashes: Uint8Array) => {
    const readOwn: ReadTile = (other) => (other.level === 0 && other.index === tile.index ? hashes : read(other))
    const proof = await inclusionProof(sha256, readOwn, index, size)
    return inclusionFault(sha256, { index, hash: hashAt(hashes, index % tileWidth), size, root, proof }) === undefined
  }
  const position = `entry ${index}`
  const leaves = leavesOf(files.read(tilePath(tile)), tile.width)
  if (leaves.length === tile.width * hashBytes && (await leadsToRoot(leaves)))
    return new LedgerFault(path, `hash ${index % tileWidth} is not that of entry ${index}, which is as it was signed`)
  if (await leadsToRoot(await read({ ...tile, level: 0 })))
    return new LedgerFault(position, `is not what was signed: its hash in ${path} is another`)
  return new LedgerFault(position, `is not of the hash in ${path}, and neither leads to the signed root`)
}

/** Hashes of the entries of a bundle as far as it is whole. */
const leavesOf = (bundle: Uint8Array, width: number): Uint8Array => {
  try {
    return joined(parseEntryBundle(bundle, width).map((entry) => leafHash(sha256, entry)))
  } catch {
    return new Uint8Array()
  }
}

const verifyTile = async (read: ReadTile, tile: Tile, bytes: Uint8Array, size: number) => {
  const final = tileAt(tile.level, tile.index, size)
  // Tiles of upper levels come again with every hash that they get.
  if (tile.width !== final.width) return
  const stored = await read(final)
  if (isEqual(stored, bytes)) return
  const at = Array.from({ length: tile.width }).findIndex(
    (_, index) => !isEqual(hashAt(stored, index), hashAt(bytes, index)),
  )
  throw new LedgerFault(tilePath(final), `hash ${at} is not that of the tile below, which is as the entries are`)
}
