import { revocationShards } from './access.ts'
import { archiveTables } from './archive.ts'
import { deadLetterShards } from './dead-letter.ts'
import type { collections } from './documents.ts'

/**
 * For how many days each tier of storage keeps what is put into it: hot is what work of the moment leaves in Firestore, warm
 * are its records, cold is the archive (requirement FS7).
 */
export const storageDays = { hot: 30, warm: 365, cold: 7 * 365 } as const

/** Documents of a collection go so many days after the time in `field`. */
export interface DocumentRetention {
  field: string
  days: number
  /**
   * How they are found: by the index of the field, or by one over so many shards; without either they are few, and all are
   * looked at.
   */
  found?: 'by field' | { shards: number }
}

/**
 * What is kept for a time only. Agents are state, not records: they stay. Of pulses, digests, leases and key ranges, each is
 * replaced by the next.
 */
export const documentRetention: Readonly<Partial<Record<keyof typeof collections, DocumentRetention>>> = {
  deadLetters: { field: 'deadAt', days: storageDays.warm, found: { shards: deadLetterShards } },
  alerts: { field: 'lastAt', days: storageDays.warm },
  rollups: { field: 'minute', days: storageDays.warm, found: 'by field' },
  deadLetterReplays: { field: 'updatedAt', days: storageDays.hot },
  jobs: { field: 'updatedAt', days: storageDays.warm },
  erasures: { field: 'requestedAt', days: storageDays.cold },
  quotas: { field: 'endsAt', days: 0 },
  signInChallenges: { field: 'expiresAt', days: 0 },
  // No token that is older than that is good any more.
  revocations: { field: 'at', days: 1, found: { shards: revocationShards } },
  // It says itself when.
  erasedAgents: { field: 'expiresAt', days: 0 },
}

/** The archive: what decides about agents for as long as anybody may ask, heartbeats as long as they explain a silence. */
export const archiveRetention: readonly { table: (typeof archiveTables)[keyof typeof archiveTables]; days: number }[] =
  [
    { table: archiveTables.stateChanges, days: storageDays.cold },
    { table: archiveTables.healthChecks, days: storageDays.hot },
  ]
