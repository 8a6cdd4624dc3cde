import { anonymous, nameOf, type Principal } from '@infinity-matrix/core/access'
import type { Context as Request } from 'hono'
import type { JWTVerifyGetKey } from 'jose'
import { once, type Context } from '../context.ts'
import { authEmulatorHost, projectId } from '../params.ts'
import { isRequestProblem, unavailable } from '../problem.ts'
import { createApiKeyCheck } from './api-keys.ts'
import { unauthenticated } from './authorise.ts'
import { firebaseKeysUrl, isFirebaseIssuer, verifyFirebaseToken } from './firebase-tokens.ts'
import type { Authenticate } from './guard.ts'
import { createRevocations } from './revocations.ts'

const tokenLengthMax = 8192

/** Google's keys, which jose asks for when it meets one that it does not know, and keeps. */
const googleKeys = once(async (): Promise<JWTVerifyGetKey> => {
  const { createRemoteJWKSet } = await import('jose')
  return createRemoteJWKSet(new URL(firebaseKeysUrl))
})

export interface AuthenticateOptions {
  firebaseKeys?: () => Promise<JWTVerifyGetKey | 'unsigned'>
}

/**
 * Who makes a request, by the bearer token that it shows.
 *
 * @returns what is asked of each request: `anonymous` for one without credentials
 * @throws {RequestProblem} 401 for credentials that are not good, 503 where that cannot be told
 */
export const createAuthenticate = (
  context: Context,
  { firebaseKeys = async () => (authEmulatorHost() ? 'unsigned' : googleKeys(undefined)) }: AuthenticateOptions = {},
): Authenticate => {
  const isRevoked = createRevocations(context)
  const serviceOf = createApiKeyCheck(context)

  const byFirebase = async (token: string): Promise<Principal> => {
    const tokens = { projectId: projectId(), nowMs: context.nowMs, keys: await firebaseKeys() }
    const { principal, issuedAtSeconds } = await verifyFirebaseToken(token, tokens)
    if (await isRevoked(nameOf(principal), issuedAtSeconds))
      throw unauthenticated('The token is revoked.', 'invalid_token')
    return principal
  }

  const byApiKey = async (token: string): Promise<Principal> => {
    const principal = await serviceOf(token)
    if (!principal) throw unauthenticated('The API key is not good, or not any more.', 'invalid_token')
    return principal
  }

  const byToken = async (token: string): Promise<Principal> => {
    if (token.startsWith('imx_')) return byApiKey(token)
    const { decodeJwt } = await import('jose')
    const { iss } = decodeJwt(token)
    if (isFirebaseIssuer(iss)) return byFirebase(token)
    throw unauthenticated('The token is of an issuer that is not known here.', 'invalid_token')
  }

  return async (request: Request) => {
    const header = request.req.header('authorization')
    if (header === undefined) return anonymous
    const [, token] = /^Bearer ([A-Za-z0-9._~+/=-]+)$/i.exec(header) ?? []
    if (token === undefined || token.length > tokenLengthMax)
      throw unauthenticated('The authorization header must be a bearer token.', 'invalid_token')
    try {
      return await byToken(token)
    } catch (error) {
      if (isRequestProblem(error)) throw error
      if (isFaultOfToken(error)) throw unauthenticated('The token is not good, or not any more.', 'invalid_token')
      throw Object.assign(unavailable('Credentials cannot be verified now.', 1), { cause: error })
    }
  }
}

// Everything else, such as keys that cannot be fetched, says nothing about the token.
const isFaultOfToken = (error: unknown): boolean =>
  error instanceof Error &&
  (error.name === 'ZodError' ||
    ('code' in error && /^ERR_(JWT|JWS|JOSE_(ALG|NOT)|JWKS_(NO|MULTIPLE))_/.test(String(error.code))))
