import { allowed, type Decision } from './decide.ts'
import type { Principal } from './principal.ts'

/** An account has at most so many passkeys. */
export const passkeysMax = 20
/** Without a second factor, the first passkey of an account is added within so many seconds of a sign-in. */
export const recentSignInSeconds = 300

const refused = (reason: 'second-factor-needed' | 'recent-sign-in-needed'): Decision => ({
  isAllowed: false,
  status: 403,
  reason,
})

/**
 * Whether somebody may add a passkey to their account. Who has one shows it, or another second factor, first: a token that
 * was stolen is not enough to stay.
 *
 * @param known how many the account has
 */
export const mayAddPasskey = (
  { hasSecondFactor, signedInAtSeconds = 0 }: Pick<Principal, 'hasSecondFactor' | 'signedInAtSeconds'>,
  known: number,
  nowSeconds: number,
): Decision => {
  if (hasSecondFactor) return allowed
  if (known > 0) return refused('second-factor-needed')
  return nowSeconds - signedInAtSeconds <= recentSignInSeconds ? allowed : refused('recent-sign-in-needed')
}

/** Whether somebody may remove a passkey of their account. */
export const mayRemovePasskey = ({ hasSecondFactor }: Pick<Principal, 'hasSecondFactor'>): Decision =>
  hasSecondFactor ? allowed : refused('second-factor-needed')

/**
 * Whether a passkey may have been copied: each use counts, where its authenticator counts at all.
 *
 * @see https://www.w3.org/TR/webauthn-3/#sctn-sign-counter
 */
export const isCounterGood = (stored: number, shown: number): boolean => shown > stored || (shown === 0 && stored === 0)
