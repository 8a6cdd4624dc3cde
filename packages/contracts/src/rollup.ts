import { z } from 'zod'
import { fields } from './data-class.ts'

/** Bounds of the lag histogram, in milliseconds; the last bucket has none. */
export const lagBoundsMs = [10, 25, 50, 100, 250, 500, 1000, 5000, 60_000] as const

const count = z.int().min(0)

/** `rollups/{tenant}.{minute}`: what folding did for a tenant in a minute of publishing, by its receipts. */
export const Rollup = z.object(
  fields.internal({
    tenant: z.string(),
    /** Its start: UTC, `2026-01-31T12:34Z`. */
    minute: z.string(),
    receipts: count,
    applied: count,
    duplicates: count,
    parked: count,
    observed: count,
    refused: count,
    released: count,
    /** From publish to visible in state: how many reports took so long, by `lagBoundsMs`. */
    lagCounts: z.record(z.string(), count),
  }),
)
export type Rollup = z.infer<typeof Rollup>

/** `rollupJournal/{duty}`: messages that are counted, and may come again because nobody has acknowledged them for sure. */
export const RollupJournal = z.object(fields.internal({ unacknowledged: z.array(z.string()) }))
