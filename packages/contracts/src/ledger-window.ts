import { z } from 'zod'
import { fields } from './data-class.ts'
import { Instant } from './when.ts'

/**
 * What one agent has in a commit of the fold: the head of its chain after it. The canonical JSON of it is a leaf of the
 * window's Merkle tree (RFC 6962), whose root the window's entry in the ledger has as `details.root`.
 */
export const WindowPart = z.strictObject(
  fields.internal({
    agent: z.string(),
    head: z.string(),
    /** How many reports the chain has. */
    length: z.int(),
    tenant: z.string(),
  }),
)
export type WindowPart = z.infer<typeof WindowPart>

/** `ledgerWindows/{window}`, and `ledgerWindows/{window}:{agentId}` for an agent whose window was never recorded. */
export const LedgerWindow = z.object(
  fields.internal({
    recordedAt: Instant,
    /** The root of the tree, in base64. */
    root: z.string(),
    /** Each agent's part as canonical JSON, a line each, in the order of the tree. */
    parts: z.string(),
  }),
)
export type LedgerWindow = z.infer<typeof LedgerWindow>

/** A part as canonical JSON: none of its texts has a character that JSON would escape. */
export const windowPartText = ({ agent, head, length, tenant }: WindowPart): string =>
  `{"agent":"${agent}","head":"${head}","length":${length},"tenant":"${tenant}"}`
