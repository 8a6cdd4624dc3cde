import { collections, LedgerIntake, ledgerIntakeShards } from '@infinity-matrix/contracts'
import { readEntry, type ReadyEntry } from '@infinity-matrix/core/ledger'
import type { DocumentReference, Firestore, QueryDocumentSnapshot } from '@google-cloud/firestore'

/** One document of the intake. */
export interface Appended {
  ref: DocumentReference
  entries: ReadyEntry[]
}

export interface IntakePage {
  appended: Appended[]
  /** Where the next page begins: `''` where this one came to the end. */
  next: string
}

export interface IntakeOptions {
  /** Tells of a document that holds no entries, and stays where it is. */
  refuse: (ref: DocumentReference, error: unknown) => Promise<void>
  /** Of a page: as many as one commit takes away. */
  documentsMax?: number
  /** Of a page, roughly; a document has at most 1 MiB. A commit has at most 10 MiB. */
  bytesMax?: number
}

// Firestore takes as many writes in a commit as fit its 10 MiB. A reference is a hundred bytes, and the time that a commit
// takes is the latency of what comes meanwhile.
const defaultDocumentsMax = 2000
const defaultBytesMax = 5 * 2 ** 20

// The client's stream says that it is of text.
const isSnapshot = (value: unknown): value is QueryDocumentSnapshot =>
  typeof value === 'object' && value !== null && 'ref' in value

/** When its entries were appended is in a document's id, behind the shard: a UUIDv7 sorts by time. */
const timeOf = ({ ref }: Appended): string => ref.id.slice(ref.id.indexOf('-') + 1)

/** What is appended and not sealed yet. Only the holder of the sealer's lease takes it away. */
export const createIntake = (
  firestore: Firestore,
  { refuse, documentsMax = defaultDocumentsMax, bytesMax = defaultBytesMax }: IntakeOptions,
) => {
  const documents = firestore.collection(collections.ledgerIntake).orderBy('__name__')

  const parse = async (snapshot: QueryDocumentSnapshot): Promise<Appended | undefined> => {
    try {
      return {
        ref: snapshot.ref,
        entries: LedgerIntake.parse(snapshot.data()).entries.map((text) => readEntry(text, Buffer.from(text))),
      }
    } catch (error) {
      await refuse(snapshot.ref, error)
      return undefined
    }
  }

  /** The documents from an id on, in the order in which they were appended. */
  const read = async (from: string): Promise<IntakePage> => {
    const query = (from === '' ? documents : documents.startAfter(from)).limit(documentsMax)
    const appended: Appended[] = []
    let [count, bytes, last] = [0, 0, '']
    for await (const snapshot of query.stream()) {
      if (!isSnapshot(snapshot)) continue
      count++
      last = snapshot.id
      const one = await parse(snapshot)
      if (one) appended.push(one)
      bytes += one?.entries.reduce((sum, entry) => sum + entry.bytes.length, 0) ?? 0
      if (bytes >= bytesMax) break
    }
    appended.sort((a, b) => (timeOf(a) < timeOf(b) ? -1 : 1))
    return { appended, next: count === documentsMax || bytes >= bytesMax ? last : '' }
  }

  return { read }
}

export type Intake = ReturnType<typeof createIntake>

/** An id from which on to read the intake, so that whoever is behind another's entries is not always. @param fraction 0 to 1 */
export const somewhereInIntake = (fraction: number): string =>
  Math.floor(fraction * ledgerIntakeShards)
    .toString(16)
    .padStart(2, '0')
