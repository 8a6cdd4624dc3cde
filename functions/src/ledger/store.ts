import { collections, LedgerBundle, LedgerCheckpoint, LedgerTree } from '@infinity-matrix/contracts'
import { bundleId, emptyTree, joinsParts, seal, withCosigned } from '@infinity-matrix/core/ledger'
import { areEqual, tileWidth } from '@infinity-matrix/core/merkle'
import type { DocumentSnapshot, Firestore, Query, QuerySnapshot } from '@google-cloud/firestore'
import { sha256 } from '../runtime/sha256.ts'
import { termOf } from './term.ts'
import type { HeldLease, Leases } from '../runtime/lease.ts'
import type { Appended } from './intake.ts'

/** How far the log is sealed, and how far that is signed. */
export interface LogState {
  tree: LedgerTree
  /** Null before the first. */
  checkpoint: LedgerCheckpoint | null
}

/** The log in Firestore. Only the holder of the sealer's lease writes it. */
export const createLogStore = (firestore: Firestore, leases: Leases) => {
  const log = firestore.collection(collections.ledgerLog)
  const [treeDocument, checkpointDocument, cosignedDocument] = [
    log.doc('tree'),
    log.doc('checkpoint'),
    log.doc('cosigned'),
  ]
  const [tiles, bundles] = [
    firestore.collection(collections.ledgerTiles),
    firestore.collection(collections.ledgerEntries),
  ]

  const treeOf = (snapshot: DocumentSnapshot): LedgerTree =>
    snapshot.exists ? LedgerTree.parse(snapshot.data()) : emptyTree(sha256, new Date(0).toISOString())

  const checkpointOf = (snapshot: DocumentSnapshot): LedgerCheckpoint | null =>
    snapshot.exists ? LedgerCheckpoint.parse(snapshot.data()) : null

  const read = async (): Promise<LogState> => {
    const [tree, checkpoint] = await firestore.getAll(treeDocument, checkpointDocument)
    if (!tree || !checkpoint) throw new TypeError('Firestore answered for fewer documents than were asked for')
    return {
      tree: treeOf(tree),
      checkpoint: checkpointOf(checkpoint),
    }
  }

  /** What a bundle has: one document where it is full, else the part of each commit. */
  const partsQuery = (bundle: number): Query => {
    const id = bundleId(bundle)
    return bundles.where('__name__', '>=', id).where('__name__', '<', `${id}~`)
  }

  /** The same in the order of its entries. */
  const partsOf = async (bundle: number): Promise<LedgerBundle[]> => inOrder(await partsQuery(bundle).get())

  /**
   * Takes documents away from the intake and makes their entries part of the log: all of it, or nothing. A commit that was
   * done though its answer was lost is found done when the client tries it again.
   *
   * @returns the tree with them
   * @throws with the code `lease-lost`
   */
  const append = (held: HeldLease, before: LedgerTree, appended: readonly Appended[], sealedAt: string) => {
    const entries = appended.flatMap((one) => one.entries)
    let tried: LedgerTree | undefined
    return leases.commit(held, async (transaction) => {
      const current = treeOf(await transaction.get(treeDocument))
      if (tried && isSame(current, tried)) return tried
      if (!isSame(current, before))
        throw new Error(`the log has ${current.size} entries, and not the ${before.size} that were to be appended to`)
      const open = joinsParts(before, entries.length)
        ? await transaction.get(partsQuery(Math.floor(before.size / tileWidth)))
        : { docs: [] }
      const sealed = seal({ sha256, termOf }, before, { parts: inOrder(open), entries, sealedAt })
      for (const { ref } of [...appended, ...open.docs]) transaction.delete(ref, { exists: true })
      for (const [id, bytes] of sealed.tiles) transaction.create(tiles.doc(id), { bytes })
      for (const [id, bundle] of sealed.bundles) transaction.create(bundles.doc(id), bundle)
      transaction.set(treeDocument, sealed.tree)
      tried = sealed.tree
      return tried
    })
  }

  /** @throws with the code `lease-lost` */
  const saveCheckpoint = (held: HeldLease, checkpoint: LedgerCheckpoint): Promise<void> =>
    leases.commit(held, (transaction) => void transaction.set(checkpointDocument, checkpoint))

  /** The latest checkpoint that witnesses signed too. */
  const readCosigned = async (): Promise<LedgerCheckpoint | null> => checkpointOf(await cosignedDocument.get())

  /** Keeps what witnesses signed, if it is of a log that is no smaller than that of before. */
  const saveCosigned = (cosigned: Parameters<typeof withCosigned>[1]): Promise<void> =>
    firestore.runTransaction(async (transaction) => {
      const next = withCosigned(checkpointOf(await transaction.get(cosignedDocument)), cosigned)
      if (next) transaction.set(cosignedDocument, next)
    })

  return { read, partsOf, append, saveCheckpoint, readCosigned, saveCosigned }
}

export type LogStore = ReturnType<typeof createLogStore>

const isSame = (a: LedgerTree, b: LedgerTree): boolean => a.size === b.size && areEqual(a.root, b.root)

const inOrder = ({ docs }: Pick<QuerySnapshot, 'docs'>): LedgerBundle[] =>
  docs.map((snapshot) => LedgerBundle.parse(snapshot.data())).sort((a, b) => a.first - b.first)
