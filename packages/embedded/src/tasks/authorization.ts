import { randomBytes } from 'node:crypto'
import type { IdTokens } from '../oidc/id-tokens.ts'
import type { HttpRequest } from './messages.ts'

/** The `Authorization` header that a task asks for; undefined for none. */
export const authorizationOf = async (
  { url, oidcToken, oauthToken }: HttpRequest,
  tokens: IdTokens,
): Promise<string | undefined> => {
  // An access token is opaque to everyone but Google, so one that opens nothing is as good.
  if (oauthToken) return `Bearer ya29.${randomBytes(48).toString('base64url')}`
  return oidcToken
    ? `Bearer ${await tokens.issue(oidcToken.serviceAccountEmail, oidcToken.audience || url)}`
    : undefined
}
