import { collections, Revocation, revocationShards, tokenSecondsMax } from '@infinity-matrix/contracts'
import type { Context } from '../context.ts'
import { unavailable } from '../problem.ts'

// What is revoked is refused everywhere within 60 seconds: the list is at most this old ...
const freshSeconds = 20
// ... and where it cannot be read, nobody is let in once it is older than this.
const staleSecondsMax = 60
// Clocks differ, and a write may take a while from when it took its time.
const overlapSeconds = 120

/** Which tokens are revoked, as this instance knows it. */
export const createRevocations = ({ firestore, nowMs }: Pick<Context, 'firestore' | 'nowMs'>) => {
  const revokedUntilMs = new Map<string, number>()
  let readAtMs = Number.NEGATIVE_INFINITY
  let reading: Promise<void> | undefined

  const read = async (): Promise<void> => {
    const startedAtMs = nowMs()
    const sinceMs = Math.max(startedAtMs - tokenSecondsMax * 1000, readAtMs) - overlapSeconds * 1000
    const revoked = firestore
      .collection(collections.revocations)
      .where('shard', 'in', [...Array(revocationShards).keys()])
      .where('at', '>=', new Date(sinceMs).toISOString())
    for (const document of (await revoked.get()).docs) {
      const { principal, at } = Revocation.parse(document.data())
      revokedUntilMs.set(principal, Math.max(Date.parse(at), revokedUntilMs.get(principal) ?? 0))
    }
    // Tokens as old as that have expired.
    for (const [principal, untilMs] of revokedUntilMs)
      if (untilMs < startedAtMs - (tokenSecondsMax + overlapSeconds) * 1000) revokedUntilMs.delete(principal)
    readAtMs = startedAtMs
  }

  const refresh = async (): Promise<void> => {
    if (nowMs() - readAtMs < freshSeconds * 1000) return
    reading ??= read().finally(() => (reading = undefined))
    try {
      await reading
    } catch (error) {
      if (nowMs() - readAtMs >= staleSecondsMax * 1000)
        throw Object.assign(unavailable('Whether credentials are revoked cannot be told now.', 1), { cause: error })
    }
  }

  /**
   * Whether a token of a principal (`person/{uid}`, `agent/{id}`) is revoked.
   *
   * @param issuedAtSeconds as the token says: one of the second in which it was revoked is refused
   * @throws {RequestProblem} 503 where it cannot be told
   */
  return async (principal: string, issuedAtSeconds: number): Promise<boolean> => {
    await refresh()
    const untilMs = revokedUntilMs.get(principal)
    return untilMs !== undefined && issuedAtSeconds * 1000 <= untilMs
  }
}
export type Revocations = ReturnType<typeof createRevocations>
