import { z } from 'zod'
import { RoleTenant } from './access.ts'
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
    /** 32 bytes in base64url. */
    salt: z.string(),
    value: z.string(),
  }),
})
export type LedgerDisclosure = z.infer<typeof LedgerDisclosure>

const entryRule = 'must be the id of an entry, a UUID of version 7'
const personRule = 'must be the id of an account, of 1 to 128 characters'

/** `GET /v1/ledger/disclosures`: what the commitments of an entry stand for. */
export const DisclosuresQuery = z.strictObject(fields.internal({ entry: z.uuidv7({ error: entryRule }) }))
export type DisclosuresQuery = z.infer<typeof DisclosuresQuery>

export const Disclosures = z.object({
  ...fields.internal({ entryId: z.string() }),
  ...fields.confidential({ disclosures: z.array(LedgerDisclosure.omit({ tenant: true, entryId: true })) }),
})
export type Disclosures = z.infer<typeof Disclosures>

/** `DELETE /v1/ledger/disclosures`: all that is disclosed of a person, in a tenant, or in all by `*`. */
export const DisclosuresErasure = z.strictObject(
  fields.internal({
    person: z.string({ error: personRule }).regex(/^[A-Za-z0-9_-]{1,128}$/, { error: personRule }),
    tenant: RoleTenant,
  }),
)
export type DisclosuresErasure = z.infer<typeof DisclosuresErasure>

/** What one call erased. Where it is not complete, there was more than it had time for: the same call goes on. */
export const DisclosuresErased = z.object(fields.internal({ erased: z.int().min(0), isComplete: z.boolean() }))
export type DisclosuresErased = z.infer<typeof DisclosuresErased>
