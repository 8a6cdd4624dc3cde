import type { SignInToken } from '@infinity-matrix/contracts'
import type { CustomClaims } from '@infinity-matrix/core/access'
import type { Context } from '../../runtime/context.ts'
import type { Accounts } from '../members/accounts.ts'

// As Firebase has it.
const customTokenSeconds = 3600

/** A custom token for an account, of which something was shown just now. Tokens of sign-ins with it say so. */
export const customTokenFor = async (
  { nowMs }: Pick<Context, 'nowMs'>,
  accounts: Accounts,
  uid: string,
  shown: Omit<CustomClaims, 'provenAt'>,
): Promise<SignInToken> => {
  const provenAt = Math.floor(nowMs() / 1000)
  return {
    uid,
    customToken: await accounts.customToken(uid, { ...shown, provenAt }),
    expiresAt: new Date((provenAt + customTokenSeconds) * 1000).toISOString(),
  }
}
