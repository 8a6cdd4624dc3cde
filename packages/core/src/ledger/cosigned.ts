import type { LedgerCheckpoint } from '@infinity-matrix/contracts'
import { formatNote, parseNote, type Note } from './note.ts'

/**
 * The checkpoint with the signatures of witnesses that is kept, once another comes: of the larger log; of one size, with
 * what was signed of either.
 *
 * @param note signatures in it are verified
 * @returns null where nothing changes
 */
export const withCosigned = (
  kept: LedgerCheckpoint | null,
  { size, note, signedAt }: { size: number; note: Note; signedAt: string },
): LedgerCheckpoint | null => {
  if (kept && kept.size > size) return null
  const earlier = kept?.size === size ? parseNote(kept.text).signatures : []
  const isNew = ({ name, keyId }: Note['signatures'][number]) =>
    !earlier.some((one) => one.name === name && one.keyId === keyId)
  const added = note.signatures.filter(isNew)
  if (added.length === 0) return null
  return { size, text: formatNote({ text: note.text, signatures: [...earlier, ...added] }), signedAt }
}
