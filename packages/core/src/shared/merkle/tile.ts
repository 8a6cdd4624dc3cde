import { hashBytes } from './hash.ts'

/** A tile holds this many hashes, or entries; only the last of a level has fewer. */
export const tileWidth = 256
export const tileHeight = 8

/**
 * A tile of a log: hashes of the roots of `256 ** level` leaves each, or the entries themselves.
 *
 * @see https://c2sp.org/tlog-tiles
 */
export interface Tile {
  level: number | 'entries'
  index: number
  /** How many hashes or entries it holds: 1 to 256. */
  width: number
}

/** `tile/1/x001/x234/067`, and `.p/12` after it where the tile holds but 12. */
export const tilePath = ({ level, index, width }: Tile): string => {
  const digits = String(index)
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/\d{3}/g) ?? []
  const name = groups.map((group, at) => (at === groups.length - 1 ? group : `x${group}`)).join('/')
  return `tile/${level}/${name}${width === tileWidth ? '' : `.p/${width}`}`
}

const pathPattern = /^tile\/(entries|\d{1,2})\/((?:x\d{3}\/)*\d{3})(?:\.p\/(\d{1,3}))?$/

/** The tile that a path names, or undefined where it names none in the one way that is right. */
export const parseTilePath = (path: string): Tile | undefined => {
  const [, level, groups, width] = pathPattern.exec(path) ?? []
  if (level === undefined || groups === undefined) return undefined
  const tile: Tile = {
    level: level === 'entries' ? level : Number(level),
    index: Number(groups.replaceAll(/[x/]/g, '')),
    width: width === undefined ? tileWidth : Number(width),
  }
  // Zeros in front, a width of 0 or 256, and levels above 63 are other ways to write a path, or none.
  const isRight = Number.isSafeInteger(tile.index) && tile.width >= 1 && (tile.level === 'entries' || tile.level <= 63)
  return isRight && tilePath(tile) === path ? tile : undefined
}

/** How many hashes a level has in a tree of a size. Entries are as many as the hashes of level 0. */
export const levelWidth = (level: number | 'entries', size: number): number =>
  level === 'entries' ? size : Math.floor(size / tileWidth ** level)

/** The tile with an index as a tree of a size has it; its width is 0 where the tree has none there. */
export const tileAt = (level: number | 'entries', index: number, size: number): Tile => ({
  level,
  index,
  width: Math.max(0, Math.min(tileWidth, levelWidth(level, size) - index * tileWidth)),
})

/** How many levels of hashes a tree has. */
export const levelsOf = (size: number): number => {
  let levels = 0
  while (levelWidth(levels, size) > 0) levels++
  return levels
}

/** All tiles of one level in order. */
export function* tilesOfLevel(level: number | 'entries', size: number): Generator<Tile> {
  const count = Math.ceil(levelWidth(level, size) / tileWidth)
  for (let index = 0; index < count; index++) yield tileAt(level, index, size)
}

/** @throws RangeError where the bytes of a tile of hashes are not as many as it holds */
export const assertTileBytes = (tile: Tile, bytes: Uint8Array): void => {
  if (bytes.length !== tile.width * hashBytes)
    throw new RangeError(`${tilePath(tile)} has ${tile.width * hashBytes} bytes, and not ${bytes.length}`)
}
