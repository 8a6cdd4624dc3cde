import {
  CellDocument,
  collections,
  DigestDocument,
  PulseDocument,
  type PulseDocument as Pulse,
} from '@infinity-matrix/contracts'
import { shardPrefix, type CellSave, type StoredCell } from '@infinity-matrix/core/fleet'
import type { DocumentReference, Firestore, QueryDocumentSnapshot } from '@google-cloud/firestore'
import type { HeldLease, Leases } from '../../runtime/lease.ts'

/** A pulse as it was read. */
export interface StoredPulse {
  ref: DocumentReference
  pulse: Pulse
}

/** How far the pulses of some shards were read. */
export type PulseCursor = QueryDocumentSnapshot | undefined

// Ten of the largest documents are below a request's 10 MiB.
const pulsesPerCommit = 10
const rostersPerCommit = 10
const digestsPerCommit = 200
const deletesPerCommit = 400
// What no sweeper took is of no use to anybody.
const pulseKeptHours = 24

/** Cells, their digests and pulses in Firestore. Only the holder of a shard's lease writes its cells and deletes its pulses. */
export const createCellStore = (firestore: Firestore, leases: Leases) => {
  const [cells, digests] = [firestore.collection(collections.cells), firestore.collection(collections.digests)]
  const pulses = firestore.collection(collections.pulses)

  const addPulses = async (added: readonly Pulse[], nowMs: number): Promise<void> => {
    const { FieldValue, Timestamp } = await import('@google-cloud/firestore')
    const expiresAt = Timestamp.fromMillis(nowMs + pulseKeptHours * 3_600_000)
    const commits = portionsOf(added, pulsesPerCommit).map((portion) => {
      const batch = firestore.batch()
      // Firestore's own time: what commits later has a later one, so that a cursor passes nothing by.
      for (const pulse of portion)
        batch.create(pulses.doc(), { ...pulse, writtenAt: FieldValue.serverTimestamp(), expiresAt })
      return batch.commit()
    })
    await Promise.all(commits)
  }

  /** The pulses of some shards that were written after those of the cursor. */
  const pulsesAfter = async (
    shards: readonly number[],
    cursor: PulseCursor,
  ): Promise<{ arrived: StoredPulse[]; cursor: PulseCursor }> => {
    const ofShards = pulses.where('shard', 'in', shards).orderBy('writtenAt')
    const { docs } = await (cursor ? ofShards.startAfter(cursor) : ofShards).get()
    const arrived = docs.map((snapshot) => ({ ref: snapshot.ref, pulse: PulseDocument.parse(snapshot.data()) }))
    return { arrived, cursor: docs.at(-1) ?? cursor }
  }

  /** All cells of a shard, whose lease is held. */
  const loadCells = async (shard: number): Promise<(StoredCell & { prefix: string })[]> => {
    const prefix = shardPrefix(shard)
    const inShard = (collection: typeof cells) =>
      // Prefixes are of 0 and 1.
      collection.where('__name__', '>=', prefix).where('__name__', '<', `${prefix}2`).get()
    const [storedCells, storedDigests] = await Promise.all([inShard(cells), inShard(digests)])
    const digestOf = new Map(storedDigests.docs.map((digest) => [digest.id, digest]))
    return storedCells.docs.map((cell) => ({
      prefix: cell.id,
      cell: CellDocument.parse(cell.data()),
      digest: DigestDocument.parse(digestOf.get(cell.id)?.data()),
    }))
  }

  /** @throws with the code `lease-lost` */
  const saveCells = async (held: HeldLease, saves: readonly CellSave[]): Promise<void> => {
    const [withRoster, digestOnly] = [saves.filter(({ cell }) => cell), saves.filter(({ cell }) => !cell)]
    for (const portion of [...portionsOf(withRoster, rostersPerCommit), ...portionsOf(digestOnly, digestsPerCommit)])
      await leases.commit(held, (transaction) => {
        for (const { prefix, cell, digest } of portion) {
          if (cell) transaction.set(cells.doc(prefix), cell)
          transaction.set(digests.doc(prefix), digest)
        }
      })
  }

  const cellRefs = (prefix: string) => [cells.doc(prefix), digests.doc(prefix)]

  /** @throws with the code `lease-lost` */
  const deleteAll = async (held: HeldLease, refs: readonly DocumentReference[]): Promise<void> => {
    for (const portion of portionsOf(refs, deletesPerCommit))
      await leases.commit(held, (transaction) => {
        for (const ref of portion) transaction.delete(ref)
      })
  }

  return { addPulses, pulsesAfter, loadCells, saveCells, deleteAll, cellRefs }
}

export type CellStore = ReturnType<typeof createCellStore>

const portionsOf = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size))
