import { z } from 'zod'
import { fields } from './data-class.ts'
import { Instant } from './when.ts'

/** What stands in a document in place of a field that is sealed: AES-256-GCM under one version of its tenant's data key. */
export const Sealed = z.strictObject(
  fields.internal({
    keyVersion: z.int(),
    /** Nonce of 12 bytes, ciphertext and tag of 16, in base64url. */
    sealed: z.string(),
  }),
)
export type Sealed = z.infer<typeof Sealed>

/** One version of a data key, of 32 bytes, wrapped by a key that never leaves its keeper: Cloud KMS, or a key file. */
export const WrappedKey = z.object({
  ...fields.internal({
    version: z.int(),
    /** The key that wrapped it. */
    wrappedBy: z.string(),
    createdAt: Instant,
  }),
  ...fields.confidential({ wrapped: z.string() }),
})
export type WrappedKey = z.infer<typeof WrappedKey>

/**
 * `tenantKeys/{tenant}`: with which versions of its data key a tenant's fields were sealed. The newest is for what is
 * sealed now, the others for what was sealed before. Destroyed, no copy of those fields can be read again, in a backup either.
 */
export const TenantKeys = z.discriminatedUnion('status', [
  z.object(fields.internal({ status: z.literal('active'), tenant: z.string(), versions: z.array(WrappedKey) })),
  z.object(fields.internal({ status: z.literal('destroyed'), tenant: z.string(), destroyedAt: Instant })),
])
export type TenantKeys = z.infer<typeof TenantKeys>

/** A data key seals for so many days, then the next version does. */
export const keyRotationDays = 90
/** An instance knows a tenant's keys for so long: a new version is used, and a destroyed one is not, after that time. */
export const tenantKeysKnownSeconds = 60

export const ReencryptionState = z.discriminatedUnion('status', [
  z.object(fields.internal({ status: z.literal('running') })),
  z.object(fields.internal({ status: z.literal('completed'), at: Instant })),
])

/** `reencryptions/{tenant}`: how far a tenant's documents are brought to the newest version of its key. */
export const Reencryption = z.object(
  fields.internal({
    tenant: z.string(),
    toVersion: z.int(),
    state: ReencryptionState,
    /** The collection it is in, and the last document there that was looked at; null before the first. */
    collection: z.string(),
    cursor: z.string().nullable(),
    /** Documents that were looked at, and that were sealed anew. */
    examined: z.int(),
    resealed: z.int(),
    /** At most so many are looked at. */
    ratePerSecond: z.int(),
    nextPageAt: Instant,
    startedAt: Instant,
    updatedAt: Instant,
  }),
)
export type Reencryption = z.infer<typeof Reencryption>
