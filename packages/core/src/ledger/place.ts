import { tileWidth } from '../shared/merkle/index.ts'

// As many hex digits as a log of 2^53 entries has use for; and as many as tell the entries of a bundle apart.
const indexDigits = 12
const offsetDigits = 2

/**
 * A number as (a part of) a document's id: its hex digits from the last to the first, so that what is written one after
 * the other lies apart among the keys.
 */
const spread = (number: number, digits: number): string =>
  number.toString(16).padStart(digits, '0').split('').toReversed().join('')

/** Where a full tile of hashes is kept, in `ledgerTiles`. */
export const tileId = (level: number, index: number): string => `${spread(index, indexDigits)}-${level}`

/** Where a full bundle of entries is kept, in `ledgerEntries`. */
export const bundleId = (index: number): string => spread(index, indexDigits)

/** Where the entries of one commit are kept until their bundle is full. @param first where the first of them stands in the log */
export const partId = (first: number): string =>
  `${bundleId(Math.floor(first / tileWidth))}.${spread(first % tileWidth, offsetDigits)}`
