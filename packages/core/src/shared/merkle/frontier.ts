import { nodeHash, type Sha256 } from './hash.ts'
import { bitLength, foldNodes } from './range.ts'

/**
 * All that is needed of a tree to append to it and to know its root: the roots of its perfect subtrees from the largest to
 * the smallest, one for each binary digit 1 of its size.
 */
export interface Frontier {
  size: number
  hashes: readonly Uint8Array[]
}

export const emptyFrontier: Frontier = { size: 0, hashes: [] }

/** @throws RangeError where the number of hashes does not fit the size */
export const append = (sha256: Sha256, { size, hashes }: Frontier, leaf: Uint8Array): Frontier => {
  if (hashes.length !== onesOf(size)) throw new RangeError(`a frontier of ${size} leaves has ${onesOf(size)} hashes`)
  const kept = [...hashes]
  let hash = leaf
  // As in adding one to a binary number, digits 1 at the end are carried.
  for (let rest = size; rest % 2 === 1; rest = (rest - 1) / 2) {
    const left = kept.pop()
    if (left !== undefined) hash = nodeHash(sha256, left, hash)
  }
  return { size: size + 1, hashes: [...kept, hash] }
}

/** The root of the tree. */
export const frontierRoot = (sha256: Sha256, { hashes }: Frontier): Uint8Array =>
  hashes.length === 0 ? sha256(new Uint8Array()) : foldNodes(sha256, hashes)

const onesOf = (size: number): number => {
  let ones = 0
  for (let rest = size; rest > 0; rest -= 2 ** (bitLength(rest) - 1)) ones++
  return ones
}
