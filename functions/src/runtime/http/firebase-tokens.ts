import { RolesByTenant } from '@infinity-matrix/contracts'
import { isEnded, secondFactorOf, signedInAt, type Principal } from '@infinity-matrix/core/access'
import type { JWTPayload, JWTVerifyGetKey } from 'jose'
import { z } from 'zod'
import { unauthenticated } from './authorise.ts'

const Claims = z.object({
  sub: z.string().min(1).max(128),
  iat: z.number(),
  auth_time: z.number(),
  // Of the account, as the table of members has it.
  roles: RolesByTenant.default({}),
  signedInFrom: z.number().default(0),
  // Of custom tokens.
  provenAt: z.number().optional(),
  passkey: z.string().optional(),
  firebase: z
    .object({ sign_in_provider: z.string().optional(), sign_in_second_factor: z.string().optional() })
    .default({}),
})

const issuerPrefix = 'https://securetoken.google.com/'
export const isFirebaseIssuer = (issuer: string | undefined): boolean => issuer?.startsWith(issuerPrefix) === true

/** Where Google publishes the keys of Firebase's ID tokens. */
export const firebaseKeysUrl =
  'https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com'

export interface FirebaseTokens {
  projectId: string
  nowMs: () => number
  /** Google's keys; `unsigned` where the Auth emulator issues tokens, which signs nothing. */
  keys: JWTVerifyGetKey | 'unsigned'
  /** Whether a passkey is one of an account. */
  isPasskeyOf: (id: string, uid: string) => Promise<boolean>
}

/**
 * Who an ID token of Firebase is of.
 *
 * @throws {RequestProblem} 401 where the sessions of the account were ended since its sign-in
 * @throws what jose or zod throw for a token that is not good
 * @see https://firebase.google.com/docs/auth/admin/verify-id-tokens#verify_id_tokens_using_a_third-party_jwt_library
 */
export const verifyFirebaseToken = async (
  token: string,
  { projectId, nowMs, keys, isPasskeyOf }: FirebaseTokens,
): Promise<{ principal: Principal; issuedAtSeconds: number }> => {
  const { jwtVerify, UnsecuredJWT } = await import('jose')
  const expected = {
    issuer: issuerPrefix + projectId,
    audience: projectId,
    currentDate: new Date(nowMs()),
    clockTolerance: 60,
    requiredClaims: ['exp', 'iat', 'sub'],
  }
  const { payload }: { payload: JWTPayload } =
    keys === 'unsigned'
      ? UnsecuredJWT.decode(token, expected)
      : await jwtVerify(token, keys, { ...expected, algorithms: ['RS256'] })
  const { sub, iat, auth_time: authTime, roles, signedInFrom, provenAt, passkey, firebase } = Claims.parse(payload)
  const signIn = {
    provider: firebase.sign_in_provider,
    firebaseFactor: firebase.sign_in_second_factor,
    passkey,
    provenAt,
    authTime,
  }
  if (isEnded(signIn, signedInFrom)) throw unauthenticated('The session was ended.', 'invalid_token')
  const factor = secondFactorOf(signIn, Math.floor(nowMs() / 1000))
  const hasSecondFactor = factor === 'firebase' || (factor !== undefined && (await isPasskeyOf(factor.passkey, sub)))
  return {
    principal: {
      kind: 'person',
      id: sub,
      method: 'firebase',
      roles,
      scopes: null,
      hasSecondFactor,
      signedInAtSeconds: signedInAt(signIn),
    },
    issuedAtSeconds: iat,
  }
}
