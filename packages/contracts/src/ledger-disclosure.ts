import { z } from 'zod'
import { fields } from './data-class.ts'
import { Instant } from './when.ts'

/**
 * `ledgerDisclosures/{end of entryId}-{entryId}.{field}`: what a commitment in an entry of the ledger stands for. Taken away, the commitment
 * says nothing any more, and every proof of the entry stays as it is.
 */
export const LedgerDisclosure = z.object({
  ...fields.internal({
    tenant: z.string(),
    entryId: z.string(),
    field: z.string(),
    /** The opaque id of the person it is about. */
    person: z.string(),
    recordedAt: Instant,
  }),
  ...fields.confidential({
    /** 16 bytes in base64url. */
    salt: z.string(),
    value: z.string(),
  }),
})
export type LedgerDisclosure = z.infer<typeof LedgerDisclosure>
