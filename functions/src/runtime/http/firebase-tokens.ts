import { RolesByTenant } from '@infinity-matrix/contracts'
import type { Principal } from '@infinity-matrix/core/access'
import type { JWTPayload, JWTVerifyGetKey } from 'jose'
import { z } from 'zod'

const Claims = z.object({
  sub: z.string().min(1).max(128),
  iat: z.number(),
  roles: RolesByTenant.default({}),
  /** Set where the sign-in was by a passkey, which is two factors in one. */
  passkey: z.boolean().default(false),
  firebase: z.object({ sign_in_second_factor: z.string().optional() }).default({}),
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
}

/**
 * Who an ID token of Firebase is of.
 *
 * @throws what jose or zod throw for a token that is not good
 * @see https://firebase.google.com/docs/auth/admin/verify-id-tokens#verify_id_tokens_using_a_third-party_jwt_library
 */
export const verifyFirebaseToken = async (
  token: string,
  { projectId, nowMs, keys }: FirebaseTokens,
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
  const { sub, iat, roles, passkey, firebase } = Claims.parse(payload)
  const hasSecondFactor = passkey || firebase.sign_in_second_factor !== undefined
  return {
    principal: { kind: 'person', id: sub, method: 'firebase', roles, scopes: null, hasSecondFactor },
    issuedAtSeconds: iat,
  }
}
