import { z } from 'zod'
import { fields } from './data-class.ts'
import { Instant } from './when.ts'

/** Bytes as Firestore gives them. */
const Bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array, { error: 'must be bytes' })

/**
 * `ledgerLog/tree`: how far the log is sealed, and what appending to it needs. Every commit of the sealer replaces it.
 * Checkpoints follow it: what is signed is committed.
 */
export const LedgerTree = z.object(
  fields.public({
    /** How many entries the log has. */
    size: z.int().min(0),
    /** Of each level of tiles, from the lowest, the hashes of its last tile while that is not full. */
    levels: z.array(Bytes),
    root: Bytes,
    sealedAt: Instant,
  }),
)
export type LedgerTree = z.infer<typeof LedgerTree>

/** `ledgerLog/checkpoint`: the latest checkpoint, a signed note. @see https://c2sp.org/tlog-checkpoint */
export const LedgerCheckpoint = z.object(fields.public({ size: z.int().min(0), text: z.string(), signedAt: Instant }))
export type LedgerCheckpoint = z.infer<typeof LedgerCheckpoint>

/** `ledgerTiles/{id}`: a full tile of hashes. Never written again; tiles that are not full are in `ledgerLog/tree`. */
export const LedgerTile = z.object(fields.public({ bytes: Bytes }))
export type LedgerTile = z.infer<typeof LedgerTile>

/**
 * `ledgerEntries/{id}`: a full bundle of 256 entries; or, of the last bundle, the entries of one commit, until the commit
 * that completes the bundle joins them. Never changed.
 */
export const LedgerBundle = z.object(
  fields.internal({
    /** Where its first entry stands in the log, from 0. */
    first: z.int().min(0),
    count: z.int().min(1),
    /** As the bundles of https://c2sp.org/tlog-tiles. */
    bytes: Bytes,
    /** What entries in it may be found by: see core's `searchTerms`. */
    terms: z.array(z.string()),
  }),
)
export type LedgerBundle = z.infer<typeof LedgerBundle>
