import { z } from 'zod'
import { GrantableRole, RoleTenant, scopes } from './access.ts'
import { fields } from './data-class.ts'
import { Instant } from './when.ts'

// What `access-api` takes and answers.

const uidRule = 'must be the id of an account, of 1 to 128 characters'
const uid = z.string({ error: uidRule }).regex(/^[A-Za-z0-9_-]{1,128}$/, { error: uidRule })
const emailRule = 'must be an e-mail address of at most 256 characters'

/** `POST /v1/members`: gives an account a role. The account is there already, and is named by its id or its address. */
export const MemberGrant = z
  .strictObject({
    ...fields.internal({ tenant: RoleTenant, role: GrantableRole, uid: uid.optional() }),
    ...fields.confidential({ email: z.email({ error: emailRule }).max(256, { error: emailRule }).optional() }),
  })
  .refine(({ uid: id, email }) => (id === undefined) !== (email === undefined), {
    error: 'must have either uid or email',
    path: ['uid'],
  })
export type MemberGrant = z.infer<typeof MemberGrant>

export const MemberView = z.object(
  fields.internal({ uid: z.string(), tenant: z.string(), role: GrantableRole, changedAt: Instant }),
)
export type MemberView = z.infer<typeof MemberView>
export const MemberList = z.object(fields.internal({ members: z.array(MemberView) }))

const nameRule = 'must be 1 to 64 characters'
const scopesRule = `must be a list of ${scopes.join(', ')}`
const daysRule = 'must be a whole number of days from 1 to 366'
const hoursRule = 'must be a whole number of hours from 0 to 168'

/** `POST /v1/api-keys`. */
export const ApiKeyRequest = z.strictObject(
  fields.internal({
    tenant: RoleTenant,
    name: z.string({ error: nameRule }).min(1, { error: nameRule }).max(64, { error: nameRule }),
    scopes: z.array(z.enum(scopes, { error: scopesRule }), { error: scopesRule }).min(1, { error: scopesRule }),
    expiresInDays: z.int({ error: daysRule }).min(1, { error: daysRule }).max(366, { error: daysRule }).default(90),
  }),
)
export type ApiKeyRequest = z.infer<typeof ApiKeyRequest>

/** `POST /v1/api-keys/{id}/rotate`: how long the secret before is good beside the new one. */
export const ApiKeyRotation = z.strictObject(
  fields.internal({
    overlapHours: z.int({ error: hoursRule }).min(0, { error: hoursRule }).max(168, { error: hoursRule }).default(24),
  }),
)

/**
 * A secret by its SHA-256, in hex, which nobody can do anything with: 32 random bytes cannot be guessed, however fast their
 * hash is.
 */
const Secret = z.object(fields.internal({ digest: z.string(), createdAt: Instant, expiresAt: Instant.nullable() }))

/** `apiKeys/{id}`: a service of a tenant. The latest secret is the first. */
export const ApiKeyDocument = z.object(
  fields.internal({
    id: z.string(),
    tenant: z.string(),
    name: z.string(),
    scopes: z.array(z.enum(scopes)),
    secrets: z.array(Secret),
    createdAt: Instant,
    createdBy: z.string(),
    expiresAt: Instant,
    revokedAt: Instant.nullable(),
    /** The day it was last used, as `2026-01-31`. */
    lastUsedOn: z.string().nullable(),
  }),
)
export type ApiKeyDocument = z.infer<typeof ApiKeyDocument>

export const ApiKeyView = ApiKeyDocument.omit({ secrets: true }).extend(fields.internal({ prefix: z.string() }))
export type ApiKeyView = z.infer<typeof ApiKeyView>
export const ApiKeyList = z.object(fields.internal({ keys: z.array(ApiKeyView) }))

/** What is answered once, when a secret is made: nobody can read it again. */
export const ApiKeySecret = z.object({
  ...ApiKeyView.shape,
  ...fields.restricted({ key: z.string() }),
})
export type ApiKeySecret = z.infer<typeof ApiKeySecret>
