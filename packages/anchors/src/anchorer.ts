import type { Anchor } from '@infinity-matrix/contracts'

/**
 * Puts a checkpoint where whoever keeps the log cannot take it back, and says how it is found there. Where that takes longer
 * than a process may live, it is done in steps, and what each of them leaves is kept by the caller.
 */
export interface Anchorer<Progress> {
  kind: Anchor['kind']
  /**
   * Goes one step on with a checkpoint.
   *
   * @param published the checkpoint, a signed note
   * @param progress what was kept last; null at the beginning
   * @param keep is awaited before anything is done that what it keeps speaks of
   * @returns null where it is on its way
   */
  advance: (
    published: string,
    progress: Progress | null,
    keep: (progress: Progress) => Promise<void>,
  ) => Promise<Anchor | null>
}
