import { hash, randomBytes } from 'node:crypto'
import { collections, LedgerDisclosure, type LedgerEntry } from '@infinity-matrix/contracts'
import type { Transaction, WriteBatch } from '@google-cloud/firestore'
import type { Context } from './context.ts'
import { protection } from './protection.ts'

const saltBytes = 16
const perCommit = 200

/** What an entry has in place of a value: nobody finds the value by trying, who does not have the salt. */
export const commitmentOf = (salt: Uint8Array, value: string): string =>
  hash('sha256', Buffer.concat([salt, Buffer.from(value)]), 'base64url')

/** A salt of its own for a value, and their commitment. */
export const commit = (value: string): { salt: string; commitment: string } => {
  const salt = randomBytes(saltBytes)
  return { salt: salt.toString('base64url'), commitment: commitmentOf(salt, value) }
}

// The end of a UUIDv7 is drawn by chance, where its beginning only grows.
const prefixOf = (entryId: string) => `${entryId.slice(-4)}-${entryId}.`

/** Part of an entry: its id, and what stands in it for values that are of a person. */
export interface Disclosed {
  fields: Pick<LedgerEntry, 'id' | 'commitments'>
  /** Writes the values, sealed under the tenant's key, in the transaction that appends the entry. */
  write: (transaction: Pick<Transaction | WriteBatch, 'create'>) => void
}

/** Values that are of a person on their way into an entry, which holds their commitments alone. */
export const disclose = async (
  context: Context,
  { tenant, person }: { tenant: string; person: string },
  values: Readonly<Record<string, string>>,
): Promise<Disclosed> => {
  const { firestore, nowMs, newId } = context
  const entryId = newId()
  const commitments: Record<string, string> = {}
  const documents = await Promise.all(
    Object.entries(values).map(async ([field, value]) => {
      const { salt, commitment } = commit(value)
      commitments[field] = commitment
      const id = `${prefixOf(entryId)}${field}`
      const recordedAt = new Date(nowMs()).toISOString()
      const disclosure: LedgerDisclosure = { tenant, entryId, field, person, recordedAt, salt, value }
      const place = { collection: 'ledgerDisclosures', id, tenant } as const
      return { id, document: await protection(context).seal(place, disclosure) }
    }),
  )
  return {
    fields: { id: entryId, commitments },
    write: (transaction) => {
      for (const { id, document } of documents)
        transaction.create(firestore.collection(collections.ledgerDisclosures).doc(id), document)
    },
  }
}

/** What the commitments of an entry stand for, as far as it was not erased. */
export const disclosuresOf = async (context: Context, entryId: string): Promise<LedgerDisclosure[]> => {
  const prefix = prefixOf(entryId)
  const all = context.firestore.collection(collections.ledgerDisclosures)
  const query = all.where('__name__', '>=', prefix).where('__name__', '<', `${prefix}~`)
  const { docs } = await query.get()
  return Promise.all(
    docs.map(async (snapshot) => {
      const place = {
        collection: 'ledgerDisclosures',
        id: snapshot.id,
        tenant: String(snapshot.get('tenant')),
      } as const
      return LedgerDisclosure.parse(await protection(context).open(place, snapshot.data()))
    }),
  )
}

/**
 * Erases what the ledger could tell of a person. The entries stay, and with them every proof: without its salt a commitment
 * says nothing.
 *
 * @returns how many values were erased
 */
export const eraseDisclosures = async ({ firestore }: Context, person: string): Promise<number> => {
  const query = firestore.collection(collections.ledgerDisclosures).where('person', '==', person).limit(perCommit)
  for (let erased = 0; ;) {
    const { docs } = await query.get()
    if (docs.length === 0) return erased
    const batch = firestore.batch()
    for (const { ref } of docs) batch.delete(ref)
    await batch.commit()
    erased += docs.length
  }
}
