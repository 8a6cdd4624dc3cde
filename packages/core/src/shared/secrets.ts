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
  const isNewDue = !newest || isSecretOverdue(newest, nowMs)
  return { isNewDue, retired: enabled.slice(secretVersionsAccepted - (isNewDue ? 1 : 0)) }
}

/** Whether a version that others issued is older than one of ours would become. */
export const isSecretOverdue = ({ createdAt }: SecretVersion, nowMs: number): boolean =>
  nowMs - Date.parse(createdAt) >= secretRotationDays * 86_400_000
