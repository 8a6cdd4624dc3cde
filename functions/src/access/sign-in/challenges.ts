import { hash, randomBytes } from 'node:crypto'
import { challengeSeconds, collections, SignInChallenge, type ChallengePurpose } from '@infinity-matrix/contracts'
import type { Context } from '../../runtime/context.ts'

/** Challenges that nobody can guess, each to be answered once, wherever it was given out. */
export const createChallenges = ({ firestore, nowMs }: Pick<Context, 'firestore' | 'nowMs'>) => {
  // Who reads the collection can answer none.
  const documentOf = (challenge: Uint8Array) =>
    firestore.collection(collections.signInChallenges).doc(hash('sha256', challenge))

  /** A new one, of 32 bytes. @param uid whose answer it waits for; null where the answer tells who it is */
  const issue = async (purpose: ChallengePurpose, uid: string | null) => {
    const challenge = new Uint8Array(randomBytes(32))
    const expiresAt = new Date(nowMs() + challengeSeconds * 1000).toISOString()
    await documentOf(challenge).create({ purpose, uid, expiresAt } satisfies SignInChallenge)
    return { challenge, expiresAt }
  }

  /**
   * Takes a challenge away that was answered.
   *
   * @returns whether it was there, for this purpose and account, and in time; of several that take it, for one
   */
  const take = (challenge: Uint8Array, purpose: ChallengePurpose, uid: string | null): Promise<boolean> =>
    firestore.runTransaction(async (transaction) => {
      const snapshot = await transaction.get(documentOf(challenge))
      if (!snapshot.exists) return false
      const issued = SignInChallenge.parse(snapshot.data())
      if (issued.purpose !== purpose || issued.uid !== uid) return false
      transaction.delete(snapshot.ref)
      return Date.parse(issued.expiresAt) > nowMs()
    })

  return { issue, take }
}
