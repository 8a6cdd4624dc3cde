/**
 * An append-only journal of byte records in a folder, which survives `kill -9` and loss of power at any moment.
 *
 *     const journal = await openJournal({ folder, kind: 'pubsub', onRecord: (record) => replay(record) })
 *     await journal.append(record)                    // resolves when it is durable; many at a time share one write
 *     if (journal.compactionDue) await journal.compact(recordsThatComeToTheSame())
 *     await journal.close()
 *
 * `pending` lets answers wait for all that was added before them: `const wait = journal.pending; if (wait) await wait`.
 * What a record means, and how a snapshot is made of a state, is the engine's business.
 */
export { openJournal, type Journal, type JournalOptions } from './journal.ts'
export { JournalError, type JournalProblem } from './errors.ts'
export { crc32c } from './crc32c.ts'
