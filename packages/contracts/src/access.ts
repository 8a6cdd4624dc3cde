import { z } from 'zod'
import { fields } from './data-class.ts'
import { Instant } from './when.ts'

/** What people and services may be in a tenant. An agent has the role `agent`, in its own tenant only. */
export const grantableRoles = ['viewer', 'editor', 'admin', 'service'] as const
export const roles = [...grantableRoles, 'agent'] as const
export type Role = (typeof roles)[number]

/** The platform itself: who has a role in it has that role in every tenant. */
export const platformTenant = '*'

const roleRule = `must be one of ${grantableRoles.join(', ')}`
const tenantRule = 'must be 1 to 63 of a-z, 0-9 or -, or * for the platform'

export const GrantableRole = z.enum(grantableRoles, { error: roleRule })
export type GrantableRole = z.infer<typeof GrantableRole>

/** A tenant, or the platform. */
export const RoleTenant = z
  .string({ error: tenantRule })
  .regex(/^(?:\*|[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)$/, { error: tenantRule })

/** A role for each tenant in which there is one. */
export const RolesByTenant = z.record(RoleTenant, GrantableRole)
export type RolesByTenant = z.infer<typeof RolesByTenant>

/** What a service may do of what its role allows. `events:publish` is `POST /v1/events`. */
export const scopes = [
  'agents:read',
  'agents:write',
  'agent-keys:read',
  'agent-keys:write',
  'events:publish',
  'letters:read',
  'letters:write',
  'subscriptions:read',
  'subscriptions:write',
  'erasures:read',
  'erasures:write',
  'ledger:read',
] as const
export type Scope = (typeof scopes)[number]

/** `members/{uid}`: what an account may do. Its custom claims say the same, to who is shown its token. */
export const Member = z.object(
  fields.internal({
    uid: z.string(),
    roles: RolesByTenant,
    /** Sessions that began until then are over, in seconds since 1970; 0 where none was ended. */
    signedInFrom: z.int().default(0),
    changedAt: Instant,
    changedBy: z.string(),
  }),
)
export type Member = z.infer<typeof Member>

/**
 * `revocations/{id}`: tokens of a principal that were issued until `at` are refused from now on. Every instance reads what
 * is new here. It can be forgotten when no such token could still be good.
 */
export const Revocation = z.object(fields.internal({ principal: z.string(), at: Instant, shard: z.int() }))
export type Revocation = z.infer<typeof Revocation>

/** Revocations stand in so many ranges of the index on `at`, which only grows. */
export const revocationShards = 8

/** The longest that a token is good for: Firebase's own live this long. */
export const tokenSecondsMax = 3600
