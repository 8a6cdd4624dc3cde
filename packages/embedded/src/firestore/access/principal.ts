import type { Metadata } from '@grpc/grpc-js'

/** Who asks. `owner` is the administrator, whom Google's server clients say they are; anyone else is a user. */
export type Principal = { readonly kind: 'owner' } | { readonly kind: 'user'; readonly authorization: string | null }

export const OWNER: Principal = { kind: 'owner' }

/** Reads who asks from an `authorization` header. */
export const principalOf = (authorization: string | null | undefined): Principal =>
  authorization === 'Bearer owner' ? OWNER : { kind: 'user', authorization: authorization ?? null }

export const principalOfCall = (metadata: Metadata): Principal =>
  principalOf(metadata.get('authorization')[0]?.toString())
