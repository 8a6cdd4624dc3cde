import { nodeHash, type Sha256 } from './hash.ts'

/** The leaves from `start` to before `end`. */
export interface Range {
  start: number
  end: number
}

/** The root of `2 ** level` leaves, the first of which is leaf `index * 2 ** level`. */
export interface Node {
  level: number
  index: number
}

/** How many binary digits a number has, 0 to 2^53. */
export const bitLength = (number: number): number =>
  number < 2 ** 32 ? 32 - Math.clz32(number) : 64 - Math.clz32(Math.floor(number / 2 ** 32))

/** Where a tree of at least two leaves divides: at the largest power of two below its size. */
const splitOf = (size: number): number => 2 ** (bitLength(size - 1) - 1)

/**
 * Whether a range of a tree is a subtree, which has a root of its own: it begins at a multiple of the power of two that it
 * fits into.
 *
 * @see draft-ietf-plants-merkle-tree-certs, "Subtrees"
 */
export const isSubtree = ({ start, end }: Range, size: number): boolean =>
  [start, end, size].every(Number.isSafeInteger) &&
  start >= 0 &&
  start <= end &&
  end <= size &&
  (start === end || start % 2 ** bitLength(end - start - 1) === 0)

/** The perfect subtrees of which a subtree consists, from the largest to the smallest. */
export const nodesOf = ({ start, end }: Range): Node[] => {
  const nodes: Node[] = []
  for (let next = start; next < end;) {
    const level = bitLength(end - next) - 1
    nodes.push({ level, index: next / 2 ** level })
    next += 2 ** level
  }
  return nodes
}

/** The root over perfect subtrees of falling sizes. @throws RangeError where there is none */
export const foldNodes = (sha256: Sha256, hashes: readonly Uint8Array[]): Uint8Array => {
  const last = hashes.at(-1)
  if (last === undefined) throw new RangeError('a subtree without leaves has no nodes')
  return hashes.slice(0, -1).reduceRight((right, left) => nodeHash(sha256, left, right), last)
}

/**
 * The subtrees whose hashes prove that a subtree is part of a tree, from the lowest to the highest. A leaf is a subtree, of
 * which this is the inclusion proof; so is an earlier tree, of which it is the consistency proof.
 *
 * @throws RangeError where there is no such subtree in the tree
 * @see https://www.rfc-editor.org/rfc/rfc9162#section-2.1.4.1
 */
export const proofRanges = ({ start, end }: Range, size: number): Range[] => {
  if (start >= end || !isSubtree({ start, end }, size))
    throw new RangeError(`[${start}, ${end}) is no subtree of a tree of ${size} leaves`)
  const ranges: Range[] = []
  const tree = { start: 0, end: size }
  let first = start
  while (tree.start !== first || tree.end !== end) {
    const middle = tree.start + splitOf(tree.end - tree.start)
    if (end <= middle) {
      ranges.push({ start: middle, end: tree.end })
      tree.end = middle
    } else {
      ranges.push({ start: tree.start, end: middle })
      // The subtree reaches over the middle: what remains to be shown is its right part.
      if (first < middle) first = middle
      tree.start = middle
    }
  }
  // Of a right part nobody knows the hash, so it is the first to be told.
  if (first !== start) ranges.push({ start: first, end })
  return ranges.toReversed()
}
