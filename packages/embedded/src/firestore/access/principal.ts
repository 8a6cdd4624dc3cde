import type { Metadata } from '@grpc/grpc-js'
import { Code, StatusError } from '../../wire/status-error.ts'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** What a token says of its bearer. */
export type Claims = { readonly [claim: string]: Json }

/** Someone whom rules bind, signed in with the claims of a token or not at all. */
export interface User {
  readonly kind: 'user'
  readonly claims: Claims | null
}

/** Who asks. `owner` is the administrator, whom Google's server clients say they are; anyone else is a user. */
export type Principal = { readonly kind: 'owner' } | User

export const OWNER: Principal = { kind: 'owner' }

const ANONYMOUS: Principal = { kind: 'user', claims: null }

const SEGMENT = /^[A-Za-z0-9_-]*={0,3}$/

const malformed = () => new StatusError(Code.INVALID_ARGUMENT, 'invalid jwt')

/** The bytes of a part of a token; Google's emulator takes any padding. */
const bytesOf = (segment: string): Buffer => {
  if (!SEGMENT.test(segment) || segment.replaceAll('=', '').length % 4 === 1) throw malformed()
  return Buffer.from(segment, 'base64url')
}

// Far more than any token has, and far less than is too much to go through.
const DEPTH_MAX = 100

/** Whether brackets lie in each other too deep; those in strings count too. */
const isTooDeep = (json: string): boolean => {
  let depth = 0
  for (const [bracket] of json.matchAll(/[[\]{}]/g)) {
    depth += bracket === '[' || bracket === '{' ? 1 : -1
    if (depth > DEPTH_MAX) return true
  }
  return false
}

const objectIn = (segment: string): Claims => {
  const text = bytesOf(segment).toString()
  if (isTooDeep(text)) throw malformed()
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw malformed()
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw malformed()
  return json as Claims
}

const claimsOf = (token: string): Claims => {
  const [header, claims, signature, more] = token.split('.')
  if (header === undefined || claims === undefined || signature === undefined || more !== undefined) throw malformed()
  objectIn(header)
  bytesOf(signature)
  return objectIn(claims)
}

/** Whether a service account has issued a token for itself, as Google's clients do over REST when they have its key. */
const isOfServiceAccount = ({ iss, sub }: Claims): boolean =>
  typeof iss === 'string' && iss === sub && iss.endsWith('.gserviceaccount.com')

const PRINTABLE = /^[\x20-\x7e]*$/
const BEARER = 'bearer '

/**
 * Reads who asks from an `authorization` header as Google's emulator does, which verifies nothing: `owner` and Google's
 * access tokens (`ya29.`) are the administrator, whatever their case; another bearer token is a JWT whose claims are
 * believed, signed or not, expired or not. As in production, and not in Google's emulator (googleapis/google-cloud-node
 * issue 7470), a service account is the administrator too. Throws INVALID_ARGUMENT for a malformed token, UNKNOWN for another scheme.
 */
export const principalOf = (authorization: string | null | undefined): Principal => {
  if (authorization === 'Bearer owner') return OWNER
  if (authorization === undefined || authorization === null || !PRINTABLE.test(authorization)) return ANONYMOUS
  if (authorization.slice(0, BEARER.length).toLowerCase() !== BEARER) throw new StatusError(Code.UNKNOWN, '')
  const token = authorization.slice(BEARER.length)
  if (/^(owner$|ya29\.)/i.test(token)) return OWNER
  const claims = claimsOf(token)
  return isOfServiceAccount(claims) ? OWNER : { kind: 'user', claims }
}

export const principalOfCall = (metadata: Metadata): Principal =>
  principalOf(metadata.get('authorization')[0]?.toString())
