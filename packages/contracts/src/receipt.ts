import { z } from 'zod'
import { fields } from './data-class.ts'

const count = z.int().min(0)

/**
 * What one commit did with the deliveries it folded, published on `analytics.events` so that rates, lag and usage are
 * counted where they happen. Telemetry: delivered at least once, and a crash may lose one; state never depends on it.
 */
export const FoldReceipt = z.object(
  fields.internal({
    type: z.literal('fleet.folded.v1'),
    /** Whose deliveries these are: a commit for several tenants has a receipt for each. */
    tenant: z.string(),
    applied: count,
    duplicates: count,
    parked: count,
    observed: count,
    refused: count,
    /** Reports that were parked before and are applied now. */
    released: count,
    /** From publish to visible in state, in milliseconds, of each report applied or released here. */
    lagMs: z.array(z.number()),
  }),
)
export type FoldReceipt = z.infer<typeof FoldReceipt>
