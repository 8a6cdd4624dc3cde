import { areEqual, type Sha256 } from '../shared/merkle/index.ts'
import { fromBase64, toBase64 } from '../shared/base64.ts'
import { parseDecimal, parseHash } from './checkpoint.ts'
import type { VerifierKey } from './key.ts'
import { isLedgerFault, LedgerFault } from './ledger-fault.ts'
import { formatSignature, parseNote } from './note.ts'
import { extensionFault } from './split-view.ts'
import { openCheckpoint, signText, type SignedCheckpoint, type Signer, type VerifySignature } from './sign.ts'

/**
 * What a log asks of a witness: to sign a checkpoint that extends the one it signed last.
 *
 * @see https://c2sp.org/tlog-witness
 */
export interface WitnessRequest {
  oldSize: number
  proof: Uint8Array[]
  /** As it was published. */
  checkpoint: string
}

export const witnessProofHashesMax = 63

/** Reads a request's body. @throws LedgerFault naming the line */
export const parseWitnessRequest = (body: string): WitnessRequest => {
  const end = body.indexOf('\n\n')
  if (end < 0) throw new LedgerFault('request', 'has no empty line between the proof and the checkpoint')
  const [old = '', ...hashes] = body.slice(0, end).split('\n')
  if (!old.startsWith('old ')) throw new LedgerFault('line 1', 'is written old <size>')
  if (hashes.length > witnessProofHashesMax)
    throw new LedgerFault(
      'request',
      `a proof has at most ${witnessProofHashesMax} hashes, and this one ${hashes.length}`,
    )
  return {
    oldSize: parseDecimal(old.slice('old '.length), 'line 1'),
    proof: hashes.map((hash, index) => parseHash(hash, `line ${index + 2}`)),
    checkpoint: body.slice(end + 2),
  }
}

export const formatWitnessRequest = ({ oldSize, proof, checkpoint }: WitnessRequest): string =>
  [`old ${oldSize}`, ...proof.map(toBase64), '', checkpoint].join('\n')

/** What a witness keeps of a log: the last checkpoint it signed. */
export interface Witnessed {
  size: number
  /** In base64. */
  root: string
}

/** Status and text of the answer of HTTP, and what is to be kept before it is given. */
export type WitnessDecision =
  | { status: 200; checkpoint: SignedCheckpoint; keep: Witnessed }
  | { status: 400 | 403 | 404 | 422; reason: string }
  | { status: 409; reason: string; size: number }

/**
 * Whether a witness signs. What it keeps must be replaced in the transaction in which it was read: of two requests at once,
 * one would else take back what the other was given.
 *
 * @param logKeys of the log, or none where the witness does not know it
 * @param last what the witness signed last of this log
 */
export const decideWitness = (
  sha256: Sha256,
  verify: VerifySignature,
  request: WitnessRequest,
  logKeys: readonly VerifierKey[],
  last: Witnessed | null,
): WitnessDecision => {
  const { text } = parseNote(request.checkpoint)
  if (!logKeys.some(({ name }) => text.startsWith(`${name}\n`)))
    return { status: 404, reason: 'no such log is witnessed here' }
  const opened = openOrReason(verify, request.checkpoint, logKeys)
  if (typeof opened === 'string') return { status: 403, reason: opened }
  const { size, root } = opened.checkpoint
  if (request.oldSize > size)
    return { status: 400, reason: `the old size, ${request.oldSize}, is above that of the checkpoint, ${size}` }
  const known = last ?? { size: 0, root: toBase64(sha256(new Uint8Array())) }
  if (request.oldSize !== known.size)
    return {
      status: 409,
      reason: `${known.size} entries were witnessed last, not ${request.oldSize}`,
      size: known.size,
    }
  const knownRoot = fromBase64(known.root) ?? new Uint8Array()
  if (size === known.size && !areEqual(root, knownRoot))
    return { status: 409, reason: `another root of ${size} entries was witnessed: a split view`, size }
  const fault = extensionFault(sha256, { size: known.size, root: knownRoot }, { size, root }, request.proof)
  if (fault !== undefined) return { status: 422, reason: fault }
  return { status: 200, checkpoint: opened, keep: { size, root: toBase64(root) } }
}

const openOrReason = (verify: VerifySignature, published: string, logKeys: readonly VerifierKey[]) => {
  try {
    return openCheckpoint(verify, published, logKeys)
  } catch (error) {
    if (isLedgerFault(error)) return error.message
    throw error
  }
}

/** The lines that a witness answers with, one for each of its keys. */
export const cosign = async (
  signers: readonly Signer[],
  { note }: SignedCheckpoint,
  timeSeconds: number,
): Promise<string> => {
  const signatures = await Promise.all(signers.map((signer) => signText(signer, note.text, timeSeconds)))
  return signatures.map(formatSignature).join('')
}
