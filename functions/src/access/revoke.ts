import { hash } from 'node:crypto'
import { collections, revocationShards, type Revocation } from '@infinity-matrix/contracts'
import type { Transaction } from '@google-cloud/firestore'
import type { Context } from '../runtime/context.ts'

/**
 * Makes tokens void in every instance within a minute, in the transaction of why.
 *
 * @param principal whose, as instances ask for it
 * @param at those that are issued until then
 */
export const revokeIn = (
  { firestore, newId }: Pick<Context, 'firestore' | 'newId'>,
  transaction: Transaction,
  principal: string,
  at: string,
): void => {
  const id = hash('sha256', newId()).slice(0, 32)
  const shard = Number.parseInt(id.slice(0, 2), 16) % revocationShards
  transaction.create(firestore.collection(collections.revocations).doc(id), {
    principal,
    at,
    shard,
  } satisfies Revocation)
}
