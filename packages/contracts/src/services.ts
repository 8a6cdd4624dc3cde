import { z } from 'zod'
import { RoleTenant, scopes } from './access.ts'
import { fields } from './data-class.ts'
import { Instant } from './when.ts'

// Services of a tenant: who shows an API key, and accounts of Google's that programs run as.

const nameRule = 'must be 1 to 64 characters'
const scopesRule = `must be a list of ${scopes.join(', ')}`
const daysRule = 'must be a whole number of days from 1 to 366'
const hoursRule = 'must be a whole number of hours from 0 to 168'
const accountRule = 'must be the unique id of a service account, of 10 to 32 digits'

/** What every service is asked to be made with. */
const request = {
  name: z.string({ error: nameRule }).min(1, { error: nameRule }).max(64, { error: nameRule }),
  scopes: z.array(z.enum(scopes, { error: scopesRule }), { error: scopesRule }).min(1, { error: scopesRule }),
  expiresInDays: z.int({ error: daysRule }).min(1, { error: daysRule }).max(366, { error: daysRule }).default(90),
}

/** What is kept of every service: what it may do where, and for how long. */
export const ServiceDocument = z.object(
  fields.internal({
    id: z.string(),
    tenant: z.string(),
    name: z.string(),
    scopes: z.array(z.enum(scopes)),
    createdAt: Instant,
    createdBy: z.string(),
    expiresAt: Instant,
    revokedAt: Instant.nullable(),
    /** The day it was last used, as `2026-01-31`. */
    lastUsedOn: z.string().nullable(),
  }),
)
export type ServiceDocument = z.infer<typeof ServiceDocument>

/** `POST /v1/api-keys`. */
export const ApiKeyRequest = z.strictObject(fields.internal({ tenant: RoleTenant, ...request }))
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
export const ApiKeyDocument = z.object({ ...ServiceDocument.shape, ...fields.internal({ secrets: z.array(Secret) }) })
export type ApiKeyDocument = z.infer<typeof ApiKeyDocument>

export const ApiKeyView = z.object({ ...ServiceDocument.shape, ...fields.internal({ prefix: z.string() }) })
export type ApiKeyView = z.infer<typeof ApiKeyView>
export const ApiKeyList = z.object(fields.internal({ keys: z.array(ApiKeyView) }))

/** What is answered once, when a secret is made: nobody can read it again. */
export const ApiKeySecret = z.object({
  ...ApiKeyView.shape,
  ...fields.restricted({ key: z.string() }),
})
export type ApiKeySecret = z.infer<typeof ApiKeySecret>

/** `POST /v1/service-accounts`: an account of Google's by its unique id, which no other account ever has again. */
export const ServiceAccountRequest = z.strictObject(
  fields.internal({
    tenant: RoleTenant,
    account: z.string({ error: accountRule }).regex(/^\d{10,32}$/, { error: accountRule }),
    ...request,
  }),
)
export type ServiceAccountRequest = z.infer<typeof ServiceAccountRequest>

/** `serviceAccounts/{tenant}.{account}`: what an account of Google's may do in a tenant. */
export const ServiceAccountDocument = z.object({
  ...ServiceDocument.shape,
  ...fields.internal({ account: z.string() }),
})
export type ServiceAccountDocument = z.infer<typeof ServiceAccountDocument>
export const ServiceAccountList = z.object(fields.internal({ accounts: z.array(ServiceAccountDocument) }))

/** The name of that document. No tenant has a dot in its name. */
export const serviceAccountName = (tenant: string, account: string): string => `${tenant}.${account}`
