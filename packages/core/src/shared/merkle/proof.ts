import { areEqual, hashBytes, nodeHash, type Sha256 } from './hash.ts'
import { isSubtree, proofRanges, type Range } from './range.ts'

/** That a subtree with a hash is part of a tree with a root. */
export interface SubtreeClaim {
  range: Range
  hash: Uint8Array
  size: number
  root: Uint8Array
  proof: readonly Uint8Array[]
}

/**
 * What is wrong with a proof, or undefined. A subtree without leaves is part of every tree.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9162#section-2.1.4.2
 * @see draft-ietf-plants-merkle-tree-certs, "Subtree Consistency Proofs"
 */
export const subtreeFault = (sha256: Sha256, { range, hash, size, root, proof }: SubtreeClaim): string | undefined => {
  if (!isSubtree(range, size)) return `[${range.start}, ${range.end}) is no subtree of a tree of ${size} leaves`
  if (range.start === range.end) {
    if (proof.length > 0) return `nothing is to be proved of an empty subtree, and the proof has ${proof.length} hashes`
    return areEqual(hash, sha256(new Uint8Array())) ? undefined : 'the hash is not that of an empty tree'
  }
  const ranges = proofRanges(range, size)
  if (proof.length !== ranges.length)
    return `the proof of [${range.start}, ${range.end}) in a tree of ${size} leaves has ${ranges.length} hashes, and this one has ${proof.length}`
  // Of the whole tree the proof is empty, and the two hashes are one.
  if (ranges.length === 0) return areEqual(hash, root) ? undefined : 'two trees of one size have different roots'
  const bad = [hash, root, ...proof].find(({ length }) => length !== hashBytes)
  if (bad) return `a hash has ${hashBytes} bytes, and one here has ${bad.length}`
  return rootsFault(sha256, { range, hash, size, root, proof }, ranges)
}

/** Follows the proof up: on the way come the roots of the subtree, if it was in parts, and of the whole tree. */
const rootsFault = (sha256: Sha256, { range, hash, root, proof }: SubtreeClaim, ranges: readonly Range[]) => {
  const steps = proof.map((sibling, index) => ({ sibling, at: ranges[index] ?? range }))
  const [first] = steps
  // Of a subtree in parts, the proof begins with the last part.
  const isInParts = first !== undefined && first.at.start >= range.start && first.at.end <= range.end
  let covered = isInParts ? first.at : range
  let tree = isInParts ? first.sibling : hash
  let subtree = tree
  for (const { sibling, at } of isInParts ? steps.slice(1) : steps) {
    if (at.end === covered.start) {
      if (at.start >= range.start) subtree = nodeHash(sha256, sibling, subtree)
      tree = nodeHash(sha256, sibling, tree)
      covered = { start: at.start, end: covered.end }
    } else {
      tree = nodeHash(sha256, tree, sibling)
      covered = { start: covered.start, end: at.end }
    }
  }
  if (!areEqual(subtree, hash)) return `the proof leads to another hash of [${range.start}, ${range.end})`
  if (!areEqual(tree, root)) return 'the proof leads to another root'
}

/** That the leaf at an index has a hash. */
export interface InclusionClaim {
  index: number
  hash: Uint8Array
  size: number
  root: Uint8Array
  proof: readonly Uint8Array[]
}

/** What is wrong with an inclusion proof, or undefined. */
export const inclusionFault = (sha256: Sha256, { index, ...claim }: InclusionClaim): string | undefined => {
  if (claim.hash.length !== hashBytes) return `a leaf's hash has ${hashBytes} bytes, and not ${claim.hash.length}`
  return subtreeFault(sha256, { ...claim, range: { start: index, end: index + 1 } })
}

/** That a tree is an earlier one, or the same, with leaves added. */
export interface ConsistencyClaim {
  from: { size: number; root: Uint8Array }
  to: { size: number; root: Uint8Array }
  proof: readonly Uint8Array[]
}

/** What is wrong with a consistency proof, or undefined. Of an empty tree there is nothing to prove, so it is refused. */
export const consistencyFault = (sha256: Sha256, { from, to, proof }: ConsistencyClaim): string | undefined => {
  if (from.size === 0) return 'a proof from an empty tree says nothing'
  return subtreeFault(sha256, { range: { start: 0, end: from.size }, hash: from.root, ...to, proof })
}
