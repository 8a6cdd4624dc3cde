import { z } from 'zod'
import { fields } from './data-class.ts'
import { Instant } from './when.ts'

const base64 = z.base64().max(2 ** 24)
const afterRule = 'must be a number of entries'
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

/** A transaction that was signed, and may have been sent. Amounts are in wei, as decimal digits. */
export const EvmAttempt = z.object(
  fields.internal({
    hash: hex,
    raw: hex,
    maxFeePerGas: z.string(),
    maxPriorityFeePerGas: z.string(),
    signedAt: Instant,
  }),
)
export type EvmAttempt = z.infer<typeof EvmAttempt>

/** Transactions of one nonce, so that a chain takes one of them at most. */
export const EvmProgress = z.object(fields.internal({ nonce: z.int().min(0), attempts: z.array(EvmAttempt).min(1) }))
export type EvmProgress = z.infer<typeof EvmProgress>

/** `ledgerAnchors/{kind}-{size}`: a checkpoint on its way to where it cannot be taken back, and then where it is. */
export const LedgerAnchor = z.object({
  ...fields.public({
    size: z.int().min(1),
    /** As it was published. */
    checkpoint: z.string(),
    startedAt: Instant,
  }),
  ...fields.internal({
    state: z.discriminatedUnion('status', [
      z.object(fields.internal({ status: z.literal('pending'), progress: EvmProgress.nullable() })),
      z.object(fields.public({ status: z.literal('anchored'), anchor: Anchor, anchoredAt: Instant })),
    ]),
  }),
})
export type LedgerAnchor = z.infer<typeof LedgerAnchor>

export const ledgerAnchorsPageSize = 100

/** `GET /v1/ledger/anchors?after`: those of checkpoints of more entries than `after`, the smallest first. */
export const LedgerAnchorsQuery = z.strictObject(
  fields.public({
    after: z
      .string({ error: afterRule })
      .regex(/^\d{1,15}$/, { error: afterRule })
      .transform(Number)
      .default(0),
  }),
)
export type LedgerAnchorsQuery = z.infer<typeof LedgerAnchorsQuery>

export const LedgerAnchorsPage = z.object(
  fields.public({
    anchors: z.array(z.object(fields.public({ id: z.string(), size: z.int(), anchor: Anchor }))),
    /** The `after` of the next page; null at the end. */
    next: z.int().nullable(),
  }),
)
export type LedgerAnchorsPage = z.infer<typeof LedgerAnchorsPage>
