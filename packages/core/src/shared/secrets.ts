/** A version of a secret, without what it says. */
export interface SecretVersion {
  version: string
  createdAt: string
}

export const secretRotationDays = 90
/** The newest is used, and the one before it is still accepted. */
export const secretVersionsAccepted = 2

export interface SecretPlan {
  isNewDue: boolean
  /** Those that are not accepted any more. */
  retired: SecretVersion[]
}

/**
 * What is to be done about a secret now. A new version is added while the newest still works, and the one before it goes with
 * the rotation after: so each is accepted for 180 days, of which it is used for 90.
 *
 * @param enabled the newest first
 */
export const secretPlan = (enabled: readonly SecretVersion[], nowMs: number): SecretPlan => {
  const [newest] = enabled
  const isNewDue = !newest || nowMs - Date.parse(newest.createdAt) >= secretRotationDays * 86_400_000
  return { isNewDue, retired: enabled.slice(secretVersionsAccepted - (isNewDue ? 1 : 0)) }
}

/** A new version is used only when whoever accepts it knows of it. */
export const secretUsedAfterSeconds = 600

/** The version that is for use: the newest that everybody knows, or the only one. */
export const secretForUse = <Version extends SecretVersion>(
  accepted: readonly Version[],
  nowMs: number,
): Version | undefined =>
  accepted.find(({ createdAt }) => nowMs - Date.parse(createdAt) >= secretUsedAfterSeconds * 1000) ?? accepted.at(-1)
