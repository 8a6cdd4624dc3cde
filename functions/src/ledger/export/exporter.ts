import {
  collections,
  LedgerAnchor,
  LedgerExport,
  platformTenant,
  type LedgerCheckpoint,
  type LedgerTree,
} from '@infinity-matrix/contracts'
import {
  filledBy,
  isExportDue,
  isLedgerFault,
  nothingExported,
  openCheckpoint,
  parseNote,
  unfilledOf,
  type SignedCheckpoint,
  type VerifierKey,
} from '@infinity-matrix/core/ledger'
import { areEqual, tilePath, tileWidth, treeRoot, type Tile } from '@infinity-matrix/core/merkle'
import type { Context } from '../../runtime/context.ts'
import { createLeases, isLeaseLost, type HeldLease } from '../../runtime/lease.ts'
import { recordIn, sealSoon } from '../../runtime/ledger.ts'
import { sha256 } from '../../runtime/sha256.ts'
import type { LogReader } from '../reader.ts'
import { verifySignature } from '../signers/signing-key.ts'
import type { LogStore } from '../store.ts'
import type { Objects, StoredObject } from './objects.ts'

export interface ExporterOptions {
  store: LogStore
  reader: LogReader
  objects: Objects
  /** Those of the log, and the policy that names them. */
  keys: readonly VerifierKey[]
  policy: string
  everyHours: number
  /** Unique among all exporters. */
  holder: string
  /** Tells that something stands there that is not of this log. */
  alarm: (path: string) => Promise<void>
}

/** What stands at a path there is not what the log has. */
class DifferenceError extends Error {
  readonly path: string

  constructor(path: string) {
    super(`${path} stands in the bucket, and is not what the log has`)
    this.path = path
  }
}

export const exportDuty = 'ledger-export'
// Longer than the function works, so that it need not be renewed.
const leaseSeconds = 600
const bundlesAtOnce = 16

/**
 * Brings what stands in object storage up to the log, in the form of an exported folder. What is full is written once; so is
 * everything but the latest checkpoint and the policy. What stands there and is not the same is never overwritten.
 */
export const createExporter = (context: Context, options: ExporterOptions) => {
  const { firestore, nowMs } = context
  const { store, reader, objects, keys, policy, everyHours, holder, alarm } = options
  const leases = createLeases(context)
  const place = firestore.collection(collections.ledgerLog).doc('export')
  const anchors = firestore.collection(collections.ledgerAnchors)

  const progressNow = async (): Promise<LedgerExport> => {
    const snapshot = await place.get()
    return snapshot.exists ? LedgerExport.parse(snapshot.data()) : nothingExported
  }

  /** @param isAsGood whether what stands there may stay though its bytes are others */
  const create = async (path: string, bytes: Uint8Array, isAsGood = (_: Uint8Array) => false): Promise<void> => {
    if (await objects.create(path, bytes)) return
    const there = await objects.read(path)
    if (!there) throw new Error(`${path} was deleted while it was looked at`)
    if (!areEqual(there.bytes, bytes) && !isAsGood(there.bytes)) throw new DifferenceError(path)
  }

  const createTile = async (tree: LedgerTree, tile: Tile): Promise<void> => {
    const bytes = await reader.tileOf(tree, tile)
    if (!bytes) throw new Error(`the log has no ${tilePath(tile)}`)
    await create(tilePath(tile), bytes)
  }

  /** What a file is as a checkpoint of this log; undefined where it is none. */
  const openedFrom = (bytes: Uint8Array): SignedCheckpoint | undefined => {
    try {
      return openCheckpoint(verifySignature, Buffer.from(bytes).toString('utf8'), keys)
    } catch (error) {
      if (isLedgerFault(error)) return undefined
      throw error
    }
  }

  // Witnesses may have signed it since.
  const createCheckpoint = ({ size, text }: LedgerCheckpoint): Promise<void> =>
    create(`checkpoints/${size}`, Buffer.from(text), (there) => openedFrom(there)?.note.text === parseNote(text).text)

  /** What was put there last is of this log: else it is another log's bucket, or the log was cut short, or has a second history. */
  const readHead = async (tree: LedgerTree): Promise<StoredObject | undefined> => {
    const head = await objects.read(headPath)
    if (!head) return undefined
    const checkpoint = openedFrom(head.bytes)?.checkpoint
    const isOurs =
      checkpoint !== undefined &&
      checkpoint.size <= tree.size &&
      areEqual(await treeRoot(sha256, reader.readFor(tree), checkpoint.size), checkpoint.root)
    if (!isOurs) throw new DifferenceError(headPath)
    return head
  }

  /** @returns how far it came: not to `bundles` where the time was up */
  const exportFull = async (
    held: HeldLease,
    tree: LedgerTree,
    before: LedgerExport,
    bundles: number,
    untilMs: number,
  ): Promise<LedgerExport> => {
    let progress = before
    while (progress.bundles < bundles && nowMs() < untilMs) {
      const first = progress.bundles
      const count = Math.min(bundlesAtOnce, bundles - first)
      await Promise.all(
        Array.from({ length: count }, async (_, at) => {
          for (const tile of filledBy(first + at)) await createTile(tree, tile)
        }),
      )
      progress = { ...progress, bundles: first + count }
      await leases.commit(held, (transaction) => void transaction.set(place, progress))
    }
    return progress
  }

  /** @returns the size of the latest anchor that stands there now */
  const exportAnchors = async (after: number, upTo: number): Promise<number> => {
    const { docs } = await anchors.where('size', '>', after).where('size', '<=', upTo).orderBy('size').get()
    let latest = after
    for (const snapshot of docs) {
      const { size, state } = LedgerAnchor.parse(snapshot.data())
      if (state.status !== 'anchored') break
      await create(`anchors/${snapshot.id}.json`, Buffer.from(`${JSON.stringify(state.anchor)}\n`))
      latest = size
    }
    return latest
  }

  const replace = async (path: string, text: string, before: StoredObject | undefined): Promise<void> => {
    const bytes = Buffer.from(text)
    if (before && areEqual(before.bytes, bytes)) return
    if (!(await objects.replace(path, bytes, before))) throw new Error(`${path} was written by another`)
  }

  const finish = async (
    held: HeldLease,
    tree: LedgerTree,
    progress: LedgerExport,
    checkpoint: LedgerCheckpoint,
    head: StoredObject | undefined,
  ): Promise<void> => {
    const { size } = checkpoint
    await Promise.all(unfilledOf(size).map((tile) => createTile(tree, tile)))
    await createCheckpoint(checkpoint)
    const cosigned = await store.readCosigned()
    if (cosigned && cosigned.size <= size) await createCheckpoint(cosigned)
    await replace(policyPath, policy, await objects.read(policyPath))
    const anchoredSize = await exportAnchors(progress.anchoredSize, size)
    // Last, when all is there that it speaks of.
    await replace(headPath, checkpoint.text, head)
    const finishedAt = new Date(nowMs()).toISOString()
    await leases.commit(held, (transaction) => {
      transaction.set(place, { ...progress, size, anchoredSize, finishedAt } satisfies LedgerExport)
      recordIn(context, transaction, [
        {
          kind: 'automation',
          action: 'ledger-exported',
          tenant: platformTenant,
          subject: 'ledger/export',
          outcome: 'done',
          details: { size, anchoredSize },
        },
      ])
    })
    await sealSoon(context)
  }

  const run = async (held: HeldLease, untilMs: number) => {
    const [before, { tree, checkpoint }] = await Promise.all([progressNow(), store.read()])
    if (!checkpoint || !isExportDue(before, checkpoint.size, nowMs(), everyHours)) return 'not due'
    const head = await readHead(tree)
    const bundles = Math.floor(checkpoint.size / tileWidth)
    const progress = await exportFull(held, tree, before, bundles, untilMs)
    if (progress.bundles < bundles) return 'unfinished'
    await finish(held, tree, progress, checkpoint, head)
    return 'finished'
  }

  /**
   * Exports, if that is due, until it is done or the time is up; the next one goes on there.
   *
   * @returns `refused` where something stands there that is not of this log, which was told
   */
  const work = async (untilMs: number) => {
    const held = await leases.acquire(exportDuty, holder, leaseSeconds)
    if (held === null) return 'held by another'
    try {
      return await run(held, untilMs)
    } catch (error) {
      if (isLeaseLost(error)) return 'held by another'
      if (!(error instanceof DifferenceError)) throw error
      await alarm(error.path)
      return 'refused'
    } finally {
      await leases.release(held)
    }
  }

  return { work }
}

const headPath = 'checkpoint'
const policyPath = 'policy'
