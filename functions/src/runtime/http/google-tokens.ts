import { collections, RoleTenant, ServiceAccountDocument, serviceAccountName } from '@infinity-matrix/contracts'
import type { Principal } from '@infinity-matrix/core/access'
import type { JWTVerifyGetKey } from 'jose'
import { z } from 'zod'
import type { Context } from '../context.ts'
import { apiAudience } from '../params.ts'
import { createKnownServices } from './services.ts'

const issuer = 'https://accounts.google.com'
export const isGoogleIssuer = (iss: string | undefined): boolean => iss === issuer

/** Where Google publishes the keys of identity tokens. */
export const googleKeysUrl = 'https://www.googleapis.com/oauth2/v3/certs'

// Accounts of people are not services: they sign in, with a second factor.
const Claims = z.object({
  sub: z.string().regex(/^\d{10,32}$/),
  email: z.string().endsWith('.gserviceaccount.com'),
  email_verified: z.literal(true),
})

/** The tenant that a token is for, by its audience. Nothing of the token is verified here. */
const tenantOf = (audience: unknown): string | undefined => {
  const base = apiAudience.value()
  if (base === '' || typeof audience !== 'string' || !audience.startsWith(`${base}/`)) return undefined
  return RoleTenant.safeParse(audience.slice(base.length + 1)).data
}

/**
 * Which service an identity token of Google is of: an account that an admin of the tenant entered in `serviceAccounts`. The
 * audience names the tenant, so that no tenant can enter an account of another one, to have it act for itself.
 *
 * @returns undefined for an account that may not do anything there
 * @throws what jose or zod throw for a token that is not good, or for what its keys cannot be had
 * @see https://cloud.google.com/docs/authentication/token-types#id
 */
export const createServiceAccountCheck = (
  context: Pick<Context, 'firestore' | 'nowMs'>,
  keys: () => Promise<JWTVerifyGetKey>,
) => {
  const find = createKnownServices(context, {
    collection: collections.serviceAccounts,
    schema: ServiceAccountDocument,
    method: 'google',
  })

  return async (token: string): Promise<Principal | undefined> => {
    const { decodeJwt, jwtVerify } = await import('jose')
    const { aud } = decodeJwt(token)
    const tenant = tenantOf(aud)
    if (tenant === undefined) return undefined
    const { payload } = await jwtVerify(token, await keys(), {
      issuer,
      audience: `${apiAudience.value()}/${tenant}`,
      algorithms: ['RS256'],
      currentDate: new Date(context.nowMs()),
      clockTolerance: 60,
      requiredClaims: ['exp', 'iat', 'sub'],
    })
    const { sub } = Claims.parse(payload)
    return find(serviceAccountName(tenant, sub))
  }
}
