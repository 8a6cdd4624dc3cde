import { z } from 'zod'
import { fields } from './data-class.ts'
import { Instant } from './when.ts'

/** `ledgerLog/export`: how far the log stands in object storage, in the form of an exported folder. */
export const LedgerExport = z.object(
  fields.public({
    /** So many bundles, from the first, stand there full, with the full tiles above them. */
    bundles: z.int().min(0),
    /** Of the checkpoint that stands there. */
    size: z.int().min(0),
    /** Of the latest anchor that stands there. */
    anchoredSize: z.int().min(0),
    /** When that checkpoint was put there; null before the first. */
    finishedAt: Instant.nullable(),
  }),
)
export type LedgerExport = z.infer<typeof LedgerExport>

/** No object of the ledger may go before that. */
export const ledgerRetentionDaysMin = 365
