import { collections, Lease } from '@infinity-matrix/contracts'
import { acquireLease, holdsLease, releaseLease, renewLease } from '@infinity-matrix/core/lease'
import type { Transaction } from '@google-cloud/firestore'
import type { Context } from './context.ts'

/** A duty that this holder has, as long as nobody with a higher token took it. */
export interface HeldLease extends Lease {
  duty: string
}

/** Somebody else has the duty now: what this holder wanted to write was not written, and it should stop. */
export class LeaseLostError extends Error {
  readonly code = 'lease-lost'

  constructor({ duty, token }: HeldLease) {
    super(`the lease on ${duty} with token ${token} was lost to a later holder`)
  }
}

/**
 * Duties that only one may do at a time, each a lease in `leases/{duty}`. Expiry gives the duty of a holder that died to
 * the next one; that the former holder writes no more, though it may not know yet, is `commit`'s doing and needs no clock.
 */
export const createLeases = ({ firestore, nowMs }: Pick<Context, 'firestore' | 'nowMs'>) => {
  const leaseOf = (duty: string) => firestore.collection(collections.leases).doc(duty)

  const read = async (transaction: Transaction, duty: string): Promise<Lease | null> => {
    const snapshot = await transaction.get(leaseOf(duty))
    return snapshot.exists ? Lease.parse(snapshot.data()) : null
  }

  /**
   * Takes a duty for some seconds, with a token higher than any before.
   *
   * @param duty a document's name: no `/`
   * @param holder who asks, unique among all instances; the same holder may take its duty anew
   * @returns null while somebody else has it
   */
  const acquire = (duty: string, holder: string, seconds: number): Promise<HeldLease | null> =>
    firestore.runTransaction(async (transaction) => {
      const lease = acquireLease(await read(transaction, duty), holder, nowMs(), seconds)
      if (lease === null) return null
      transaction.set(leaseOf(duty), lease)
      return { duty, ...lease }
    })

  /**
   * A transaction that only the holder commits: the lease is read in it, so that a later holder and these writes exclude
   * each other. `work` may run more than once, as in any transaction, and reads before it writes. It costs one read.
   *
   * @throws {LeaseLostError} with nothing written
   */
  const commit = <T>(held: HeldLease, work: (transaction: Transaction) => Promise<T> | T): Promise<T> =>
    firestore.runTransaction(async (transaction) => {
      const current = await read(transaction, held.duty)
      if (!holdsLease(current, held.token)) throw new LeaseLostError(held)
      return work(transaction)
    })

  const change = (held: HeldLease, next: Lease): Promise<HeldLease> =>
    commit(held, (transaction) => {
      transaction.set(leaseOf(held.duty), next)
      return { duty: held.duty, ...next }
    })

  /** Keeps a duty for some more seconds, under the same token. @throws {LeaseLostError} */
  const renew = ({ duty, ...lease }: HeldLease, seconds: number): Promise<HeldLease> =>
    change({ duty, ...lease }, renewLease(lease, nowMs(), seconds))

  /** Gives a duty back before it expires; nothing happens when somebody else has it already. */
  const release = async ({ duty, ...lease }: HeldLease): Promise<void> => {
    await change({ duty, ...lease }, releaseLease(lease, nowMs())).catch((error: unknown) => {
      if (!isLeaseLost(error)) throw error
    })
  }

  return { acquire, commit, renew, release }
}

export type Leases = ReturnType<typeof createLeases>

export const isLeaseLost = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === 'lease-lost'
