import { hash, randomBytes } from 'node:crypto'
import { collections, LedgerDisclosure, platformTenant, type LedgerEntry } from '@infinity-matrix/contracts'
import type { QueryDocumentSnapshot, Transaction, WriteBatch } from '@google-cloud/firestore'
import type { Context } from './context.ts'
import { recorded } from './ledger.ts'
import { protection, type Place } from './protection.ts'

const saltBytes = 32
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

/** What an entry's commitments stand for, as far as it was not erased; still sealed, so that who asks can be looked at first. */
export interface Disclosures {
  tenant: string
  open: () => Promise<LedgerDisclosure[]>
}

/** @returns undefined where nothing is left of an entry, or it never had any */
export const disclosuresOf = async (context: Context, entryId: string): Promise<Disclosures | undefined> => {
  const prefix = prefixOf(entryId)
  const all = context.firestore.collection(collections.ledgerDisclosures)
  const { docs } = await all.where('__name__', '>=', prefix).where('__name__', '<', `${prefix}~`).get()
  const [first] = docs
  if (!first) return undefined
  const tenant = String(first.get('tenant'))
  const openOne = async (snapshot: QueryDocumentSnapshot) => {
    const place: Place = { collection: 'ledgerDisclosures', id: snapshot.id, tenant }
    return LedgerDisclosure.parse(await protection(context).open(place, snapshot.data()))
  }
  return { tenant, open: () => Promise.all(docs.map(openOne)) }
}

/** Of whom values are to be erased, and in which tenant; in all where that is undefined. */
export interface Erased {
  person: string
  tenant: string | undefined
}

/**
 * Erases what the ledger could tell of a person. The entries stay, and with them every proof: without its salt a commitment
 * says nothing. Each page is one transaction, with an entry that says how many there were, so that whoever is stopped goes on
 * by doing it again.
 *
 * @param untilMs no page is begun after that
 * @returns how many values were erased, and whether none is left
 */
export const eraseDisclosures = async (
  context: Context,
  { person, tenant }: Erased,
  untilMs: number,
): Promise<{ erased: number; isComplete: boolean }> => {
  const ofPerson = context.firestore.collection(collections.ledgerDisclosures).where('person', '==', person)
  const page = (tenant === undefined ? ofPerson : ofPerson.where('tenant', '==', tenant)).limit(perCommit)
  let erased = 0
  do {
    const count = await recorded(context, async (transaction, record) => {
      const { docs } = await transaction.get(page)
      for (const { ref } of docs) transaction.delete(ref)
      if (docs.length > 0)
        record({
          kind: 'change',
          action: 'disclosures-erased',
          tenant: tenant ?? platformTenant,
          subject: `${collections.members}/${person}`,
          outcome: 'done',
          details: { erased: docs.length },
        })
      return docs.length
    })
    erased += count
    if (count < perCommit) return { erased, isComplete: true }
  } while (context.nowMs() < untilMs)
  return { erased, isComplete: false }
}
