import type { Metadata } from '@grpc/grpc-js'
import { Code, StatusError } from '../wire/status-error.ts'

/** Who asks. `owner` is the administrator, whom Google's server clients say they are; anyone else is a user. */
export type Principal = { readonly kind: 'owner' } | { readonly kind: 'user'; readonly authorization: string | null }

const OWNER = 'Bearer owner'

/** Reads who asks from an `authorization` header. */
export const principalOf = (authorization: string | null | undefined): Principal =>
  authorization === OWNER ? { kind: 'owner' } : { kind: 'user', authorization: authorization ?? null }

export const principalOfCall = (metadata: Metadata): Principal =>
  principalOf(metadata.get('authorization')[0]?.toString())

/**
 * The one gate that every request for data passes. Users are let through by security rules, which are not evaluated
 * yet, so all of them are denied.
 * Throws PERMISSION_DENIED.
 */
export const authorise = (principal: Principal): void => {
  if (principal.kind === 'owner') return
  throw new StatusError(Code.PERMISSION_DENIED, 'Missing or insufficient permissions.')
}
