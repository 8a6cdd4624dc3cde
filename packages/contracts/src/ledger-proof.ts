import { z } from 'zod'
import { fields } from './data-class.ts'

/** A hash as logs write it: 32 bytes in base64 with padding. */
export const TreeHash = z.string().regex(/^[A-Za-z0-9+/]{43}=$/, { error: 'must be 32 bytes in base64' })

/** A checkpoint as it is published: a signed note. */
const Checkpoint = z.string().max(2 ** 18)

/** A tree of 2^53 entries is no higher. */
const proofHashesMax = 63
const Hashes = z.array(TreeHash).max(proofHashesMax)

/** That a later checkpoint of the log extends an earlier one. */
export const ConsistencyProof = z.strictObject(
  fields.public({ kind: z.literal('consistency'), from: Checkpoint, to: Checkpoint, proof: Hashes }),
)
export type ConsistencyProof = z.infer<typeof ConsistencyProof>

/** That these entries about an agent, or by it, are in the log, in this order. */
export const HistoryProof = z.strictObject(
  fields.internal({
    kind: z.literal('history'),
    agentId: z.string().max(128),
    checkpoint: Checkpoint,
    entries: z.array(
      z.strictObject(
        fields.internal({
          index: z.int().nonnegative(),
          /** Canonical JSON, as it was sealed. */
          entry: z.string(),
          proof: Hashes,
        }),
      ),
    ),
  }),
)
export type HistoryProof = z.infer<typeof HistoryProof>
