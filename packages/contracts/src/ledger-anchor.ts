import { z } from 'zod'
import { fields } from './data-class.ts'

const base64 = z.base64().max(2 ** 24)
const hex = z.string().regex(/^0x(?:[0-9a-f]{2})*$/, { error: 'must be 0x and bytes in hex digits' })

/** A commit of git that holds a checkpoint in a file. */
export const GitAnchor = z.strictObject(
  fields.public({
    kind: z.literal('git'),
    /** As it was published. The file holds the same bytes. */
    checkpoint: z.string(),
    evidence: z.strictObject(
      fields.public({
        /** The content of the commit object, without its header. */
        commit: base64,
        /** The contents of the tree objects from the root to the folder of the file. */
        trees: z.array(base64).min(1).max(32),
        path: z.string().regex(/^[^/]+(?:\/[^/]+)*$/),
      }),
    ),
  }),
)
export type GitAnchor = z.infer<typeof GitAnchor>

/** A transaction of an EVM chain whose calldata is the text of a checkpoint. */
export const EvmAnchor = z.strictObject(
  fields.public({
    kind: z.literal('evm'),
    /** As it was published. Its text, without the signatures, is the calldata. */
    checkpoint: z.string(),
    evidence: z.strictObject(
      fields.public({
        chainId: z.int().positive(),
        /** The header of the block in RLP. */
        header: hex,
        transactionIndex: z.int().nonnegative(),
        /** The nodes of the Merkle-Patricia proof of the transaction, from the root. */
        proof: z.array(hex).min(1).max(64),
      }),
    ),
  }),
)
export type EvmAnchor = z.infer<typeof EvmAnchor>

/** That a checkpoint was known outside at a time: who keeps the log cannot take it back. */
export const Anchor = z.discriminatedUnion('kind', [GitAnchor, EvmAnchor])
export type Anchor = z.infer<typeof Anchor>
