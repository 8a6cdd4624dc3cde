import { areEqual, consistencyFault, type Sha256 } from '../shared/merkle/index.ts'
import type { Checkpoint } from './checkpoint.ts'
import type { VerifierKey } from './key.ts'
import { LedgerFault } from './ledger-fault.ts'
import { openCheckpoint, type SignedCheckpoint, type VerifySignature } from './sign.ts'

/**
 * Two checkpoints that a log signed and that cannot both be of one history: proof of its own that the log, or whoever has
 * its key, shows different histories to different people.
 */
export interface SplitView {
  kind: 'split-view'
  /** Both as they were published. */
  checkpoints: [string, string]
}

/**
 * Compares what was seen of a log. Of two sizes it is not decided here: a consistency proof must be asked for, and a log
 * that gives none has no excuse, but nothing that proves it to others.
 *
 * @returns evidence, or null where the two are of one history, or of two sizes
 * @throws LedgerFault where they are not of one log
 */
export const splitViewOf = (
  a: SignedCheckpoint,
  b: SignedCheckpoint,
  published: [string, string],
): SplitView | null => {
  if (a.checkpoint.origin !== b.checkpoint.origin)
    throw new LedgerFault('line 1', `${a.checkpoint.origin} and ${b.checkpoint.origin} are two logs`)
  const isSplit = a.checkpoint.size === b.checkpoint.size && !areEqual(a.checkpoint.root, b.checkpoint.root)
  return isSplit ? { kind: 'split-view', checkpoints: published } : null
}

/** Verifies evidence from others, by nothing but the log's keys. @throws LedgerFault where it proves nothing */
export const verifySplitView = (
  verify: VerifySignature,
  { checkpoints }: SplitView,
  logKeys: readonly VerifierKey[],
) => {
  const [a, b] = checkpoints.map((published) => openCheckpoint(verify, published, logKeys))
  if (!a || !b || !splitViewOf(a, b, checkpoints))
    throw new LedgerFault('split view', 'the two checkpoints do not exclude each other')
  return {
    origin: a.checkpoint.origin,
    size: a.checkpoint.size,
    roots: [a.checkpoint.root, b.checkpoint.root] as const,
  }
}

/** The tree of a log at one time. */
type Head = Pick<Checkpoint, 'size' | 'root'>

/** What is wrong with a proof that one head of a log extends another, or undefined. Every log extends the empty one. */
export const extensionFault = (
  sha256: Sha256,
  from: Head,
  to: Head,
  proof: readonly Uint8Array[],
): string | undefined => {
  if (from.size > to.size) return `${to.size} entries are fewer than the ${from.size} of before`
  if (from.size > 0) return consistencyFault(sha256, { from, to, proof })
  if (!areEqual(from.root, sha256(new Uint8Array()))) return 'the root of an empty log is that of no entries'
  return proof.length === 0 ? undefined : 'nothing is to be proved of an empty log'
}
