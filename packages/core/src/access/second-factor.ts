/** A passkey that was shown counts as a second factor for so long. */
export const secondFactorSeconds = 12 * 3600
// Clocks of instances differ.
const aheadSecondsMax = 60

/**
 * What an ID token says of a sign-in, beside who it is. `passkey` and `provenAt` come from custom tokens only, which nobody
 * but `access-api` makes.
 */
export interface SignIn {
  /** Of Firebase: `password`, `google.com`, `custom` for a custom token. */
  provider: string | undefined
  /** The second factor that Firebase itself asked for, such as `totp`. */
  firebaseFactor: string | undefined
  /** Which passkey was shown, by the id of its document. */
  passkey: string | undefined
  /** When that, or whatever else the custom token is for, was shown; in seconds since 1970. */
  provenAt: number | undefined
  /** When Firebase took the first factor, or the custom token. */
  authTime: number
}

/** When somebody signed in: a custom token may be kept for an hour until it is used. In seconds since 1970. */
export const signedInAt = ({ authTime, provenAt }: Pick<SignIn, 'authTime' | 'provenAt'>): number =>
  Math.min(authTime, provenAt ?? authTime)

/** Whether the sessions of an account were ended after a sign-in. @param signedInFrom 0 where none was */
export const isEnded = (signIn: Pick<SignIn, 'authTime' | 'provenAt'>, signedInFrom: number): boolean =>
  signedInFrom > 0 && signedInAt(signIn) <= signedInFrom

/**
 * The second factor that was shown with a sign-in. A passkey counts only as long as it is still one of the account, which
 * is not told here. A refreshed token says what the first one did, so the time is looked at.
 */
export const secondFactorOf = (
  { provider, firebaseFactor, passkey, provenAt }: SignIn,
  nowSeconds: number,
): 'firebase' | { passkey: string } | undefined => {
  if (firebaseFactor !== undefined && firebaseFactor !== '') return 'firebase'
  if (provider !== 'custom' || passkey === undefined || provenAt === undefined) return undefined
  const age = nowSeconds - provenAt
  return age < secondFactorSeconds && age >= -aheadSecondsMax ? { passkey } : undefined
}

/** Who has a custom token of ours says this with it. */
export interface CustomClaims {
  provenAt: number
  passkey?: string
}
