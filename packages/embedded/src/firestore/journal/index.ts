import { openJournal, type Journal, type JournalOptions } from '../../journal/index.ts'
import type { Store } from '../store/store.ts'
import { commitRecord, snapshotRecords } from './records.ts'
import { applyRecord } from './recover.ts'

/** When segments and snapshots are made, in bytes; see `JournalOptions`. */
export type JournalLimits = Pick<JournalOptions, 'segmentBytes' | 'compactAfterBytes'>

/**
 * Puts what a folder's journal holds into a store that is still empty, and from then on adds every commit to it. The
 * journal's `pending` tells what the answers of the engine must wait for (`rpc/durable.ts`).
 * Throws `JournalError`, see `openJournal`.
 */
export const persist = async (
  store: Store,
  folder: string,
  log: (line: string) => void,
  limits: JournalLimits = {},
): Promise<Journal> => {
  const journal = await openJournal({
    ...limits,
    folder,
    kind: 'firestore',
    onRecord: (record) => applyRecord(store, record),
    log: (line) => log(`firestore: ${line}`),
    onFailure: (error) => log(`firestore: ${error.message}; nothing is answered until the engine is started again`),
  })
  const compact = (): void => {
    journal
      .compact(snapshotRecords(store, store.timeline.read()))
      .catch((error: Error) => log(`firestore: ${error.message}; the journal grows on`))
  }
  store.onCommit((event) => {
    // Whoever waits for it, waits for `pending`.
    journal.append(commitRecord(event)).catch(() => {})
    if (journal.compactionDue) compact()
  })
  if (journal.compactionDue) compact()
  return journal
}
