import { collections, LedgerBundle, LedgerEntry, type LedgerEntriesPage } from '@infinity-matrix/contracts'
import { filterTerm, idTerm, matches, type EntryFilter } from '@infinity-matrix/core/ledger'
import { parseEntryBundle } from '@infinity-matrix/core/merkle'
import type { Firestore, Query } from '@google-cloud/firestore'
import { termOf } from './term.ts'

/** An entry, where it stands in the log, and the bytes that are its leaf. */
export interface PlacedEntry {
  index: number
  entry: LedgerEntry
  bytes: Uint8Array
}

// A bundle is up to 800 KB.
const bundlesPerRead = 4
// Of one page: who looks for what is seldom in a tenant of many pages on by `next`.
const bundlesPerPageMax = 32

const entriesOf = ({ first, bytes, count }: LedgerBundle): PlacedEntry[] =>
  parseEntryBundle(bytes, count).map((leaf, at) => ({
    index: first + at,
    entry: LedgerEntry.parse(JSON.parse(Buffer.from(leaf).toString('utf8'))),
    bytes: leaf,
  }))

/** Finds entries by the terms of their bundles, and looks at each in a bundle that is found. */
export const createSearch = (firestore: Firestore) => {
  const withTerm = (term: string): Query =>
    firestore.collection(collections.ledgerEntries).where('terms', 'array-contains', term).orderBy('first', 'desc')
  const read = async (query: Query): Promise<LedgerBundle[]> =>
    (await query.limit(bundlesPerRead).get()).docs.map((snapshot) => LedgerBundle.parse(snapshot.data()))

  /** The entry with an id; undefined until it is sealed. */
  const find = async (id: string): Promise<PlacedEntry | undefined> => {
    const bundles = await read(withTerm(idTerm(termOf, id)))
    return bundles.flatMap(entriesOf).find(({ entry }) => entry.id === id)
  }

  /** The newest that match, at most `limit`, of those before a place in the log. */
  const page = async (filter: EntryFilter, limit: number, before: number | undefined): Promise<LedgerEntriesPage> => {
    const term = filterTerm(termOf, filter)
    const entries: LedgerEntriesPage['entries'] = []
    let end = before ?? Number.MAX_SAFE_INTEGER
    for (let examined = 0; examined < bundlesPerPageMax; examined += bundlesPerRead) {
      const bundles = await read(withTerm(term).where('first', '<', end))
      // What was in parts may be one bundle at the next look: it is by places in the log that nothing is shown twice.
      for (const bundle of bundles) {
        const candidates = entriesOf(bundle).filter(({ index, entry }) => index < end && matches(filter, entry))
        for (const { index, entry } of candidates.toReversed()) {
          entries.push({ index, entry })
          if (entries.length === limit) return { entries, next: index }
        }
        end = bundle.first
      }
      if (bundles.length < bundlesPerRead) return { entries, next: null }
    }
    return { entries, next: end }
  }

  return { find, page }
}
