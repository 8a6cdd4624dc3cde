import { agentKeyPrincipal, anonymous, nameOf, type Principal } from '@infinity-matrix/core/access'
import type { Context as Request } from 'hono'
import type { JWTVerifyGetKey } from 'jose'
import { once, type Context } from '../context.ts'
import { authEmulatorHost, projectId } from '../params.ts'
import { isRequestProblem, unavailable } from '../problem.ts'
import { createAgentTokens, isOwnIssuer } from './agent-tokens.ts'
import { createApiKeyCheck } from './api-keys.ts'
import { unauthenticated } from './authorise.ts'
import { isFaultOfToken } from './fault-of-token.ts'
import { firebaseKeysUrl, isFirebaseIssuer, verifyFirebaseToken } from './firebase-tokens.ts'
import { createServiceAccountCheck, googleKeysUrl, isGoogleIssuer } from './google-tokens.ts'
import type { Authenticate } from './guard.ts'
import { createPasskeyCheck } from './passkeys.ts'
import { createRevocations } from './revocations.ts'

const tokenLengthMax = 8192

/** Keys that Google publishes, which jose asks for when it meets one that it does not know, and keeps. */
const publishedKeys = (url: string) =>
  once(async (_: undefined): Promise<JWTVerifyGetKey> => {
    const { createRemoteJWKSet } = await import('jose')
    return createRemoteJWKSet(new URL(url))
  })
const keysOfFirebase = publishedKeys(firebaseKeysUrl)
const keysOfGoogle = publishedKeys(googleKeysUrl)

export interface AuthenticateOptions {
  firebaseKeys?: () => Promise<JWTVerifyGetKey | 'unsigned'>
  googleKeys?: () => Promise<JWTVerifyGetKey>
}

/**
 * Who makes a request, by the bearer token that it shows.
 *
 * @returns what is asked of each request: `anonymous` for one without credentials
 * @throws {RequestProblem} 401 for credentials that are not good, 503 where that cannot be told
 */
export const createAuthenticate = (
  context: Context,
  {
    firebaseKeys = async () => (authEmulatorHost() ? 'unsigned' : keysOfFirebase(undefined)),
    googleKeys = () => keysOfGoogle(undefined),
  }: AuthenticateOptions = {},
): Authenticate => {
  const isRevoked = createRevocations(context)
  const serviceOfKey = createApiKeyCheck(context)
  const serviceOfAccount = createServiceAccountCheck(context, googleKeys)
  const isPasskeyOf = createPasskeyCheck(context)
  const agentTokens = createAgentTokens(context)

  const requireUnrevoked = async (name: string, issuedAtSeconds: number): Promise<void> => {
    if (await isRevoked(name, issuedAtSeconds)) throw unauthenticated('The token is revoked.', 'invalid_token')
  }

  const byFirebase = async (token: string): Promise<Principal> => {
    const tokens = { projectId: projectId(), nowMs: context.nowMs, keys: await firebaseKeys(), isPasskeyOf }
    const { principal, issuedAtSeconds } = await verifyFirebaseToken(token, tokens)
    await requireUnrevoked(nameOf(principal), issuedAtSeconds)
    return principal
  }

  const byAgentToken = async (token: string): Promise<Principal> => {
    const { principal, keyId, issuedAtSeconds } = await agentTokens.verify(token)
    await requireUnrevoked(agentKeyPrincipal(keyId), issuedAtSeconds)
    return principal
  }

  const byApiKey = async (token: string): Promise<Principal> => {
    const principal = await serviceOfKey(token)
    if (!principal) throw unauthenticated('The API key is not good, or not any more.', 'invalid_token')
    return principal
  }

  const byGoogle = async (token: string): Promise<Principal> => {
    const principal = await serviceOfAccount(token)
    const detail = 'The token is of an account, or for an audience, that is not let in here, or not any more.'
    if (!principal) throw unauthenticated(detail, 'invalid_token')
    return principal
  }

  const byToken = async (token: string): Promise<Principal> => {
    if (token.startsWith('imx_')) return byApiKey(token)
    const { decodeJwt } = await import('jose')
    const { iss } = decodeJwt(token)
    if (isFirebaseIssuer(iss)) return byFirebase(token)
    if (isOwnIssuer(iss)) return byAgentToken(token)
    if (isGoogleIssuer(iss)) return byGoogle(token)
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
