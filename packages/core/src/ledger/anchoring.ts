import type { LedgerAnchor, LedgerCheckpoint } from '@infinity-matrix/contracts'

/**
 * The anchor to begin with, where none is on its way: of a log that has grown, and long enough after the one before was begun.
 *
 * @param latest the latest that was begun; null before the first
 */
export const anchorDue = (
  latest: LedgerAnchor | null,
  checkpoint: LedgerCheckpoint | null,
  nowMs: number,
  everyHours: number,
): LedgerAnchor | null => {
  if (!checkpoint || checkpoint.size <= (latest?.size ?? 0)) return null
  if (latest && nowMs - Date.parse(latest.startedAt) < everyHours * 3_600_000) return null
  const { size, text } = checkpoint
  const startedAt = new Date(nowMs).toISOString()
  return { size, checkpoint: text, startedAt, state: { status: 'pending', progress: null } }
}
