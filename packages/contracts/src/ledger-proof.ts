import { z } from 'zod'
import { fields } from './data-class.ts'
import { WindowPart } from './ledger-window.ts'

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

/** Where a leaf is in a tree, and what leads from it to the root. */
const Place = { index: z.int().nonnegative(), proof: Hashes }

/**
 * All events of an agent that the ledger stands for, up to a window: they make the head of its chain, which is in the
 * window, whose root is in an entry of the log.
 */
export const ChainProof = z.strictObject(
  fields.internal({
    kind: z.literal('chain'),
    /** Each event, the oldest first: the chain's head after it, and its own JSON text, which may be left out, or be erased. */
    events: z.array(
      z.strictObject({
        ...fields.internal({ head: TreeHash }),
        ...fields.confidential({ text: z.string().nullable() }),
      }),
    ),
    window: z.strictObject(
      fields.internal({ part: z.strictObject(WindowPart.shape), size: z.int().positive(), ...Place }),
    ),
    /** Canonical JSON, as it was sealed. */
    entry: z.string(),
    ...Place,
    checkpoint: Checkpoint,
  }),
)
export type ChainProof = z.infer<typeof ChainProof>

/** What the control plane has of a chain's proof; who knows the agent's events adds them. */
export const WindowProof = ChainProof.omit({ kind: true, events: true })
export type WindowProof = z.infer<typeof WindowProof>
