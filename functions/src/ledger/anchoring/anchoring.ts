import type { Anchorer } from '@infinity-matrix/anchors'
import {
  collections,
  LedgerAnchor,
  platformTenant,
  type EvmProgress,
  type LedgerCheckpoint,
} from '@infinity-matrix/contracts'
import { anchorDue } from '@infinity-matrix/core/ledger'
import type { Context } from '../../runtime/context.ts'
import { createLeases, isLeaseLost } from '../../runtime/lease.ts'
import { recordIn, sealSoon } from '../../runtime/ledger.ts'

export interface AnchoringOptions {
  /** Opened when there is something to do: its key is read on record. */
  anchorer: () => Promise<Anchorer<EvmProgress>>
  /** The checkpoint that would be anchored now; null where there is none. */
  checkpoint: () => Promise<LedgerCheckpoint | null>
  everyHours: number
  /** Unique among all that anchor. */
  holder: string
}

export const anchorDuty = 'ledger-anchor'
const leaseSeconds = 180

/** Anchors checkpoints one after the other, each in steps, and keeps what each step leaves under the lease. */
export const createAnchoring = (context: Context, { anchorer, checkpoint, everyHours, holder }: AnchoringOptions) => {
  const { firestore, nowMs } = context
  const leases = createLeases(context)
  const anchors = firestore.collection(collections.ledgerAnchors)

  const latestBegun = async (): Promise<LedgerAnchor | null> => {
    const { docs } = await anchors.orderBy('size', 'desc').limit(1).get()
    return docs[0] ? LedgerAnchor.parse(docs[0].data()) : null
  }

  /** The one that is on its way, or is to be begun. */
  const current = async (): Promise<LedgerAnchor | null> => {
    const latest = await latestBegun()
    if (latest?.state.status === 'pending') return latest
    return anchorDue(latest, await checkpoint(), nowMs(), everyHours)
  }

  /** Goes one step on with the checkpoint that is on its way, or begins with another if that is due. */
  const step = async () => {
    const held = await leases.acquire(anchorDuty, holder, leaseSeconds)
    if (held === null) return 'held by another'
    try {
      const known = await current()
      if (known?.state.status !== 'pending') return 'not due'
      const { kind, advance } = await anchorer()
      const id = `${kind}-${known.size}`
      const keep = (progress: EvmProgress): Promise<void> =>
        leases.commit(held, (transaction) => {
          const next: LedgerAnchor = { ...known, state: { status: 'pending', progress } }
          transaction.set(anchors.doc(id), next)
        })
      const anchor = await advance(known.checkpoint, known.state.progress, keep)
      if (!anchor) return 'on its way'
      await leases.commit(held, (transaction) => {
        const anchoredAt = new Date(nowMs()).toISOString()
        const next: LedgerAnchor = { ...known, state: { status: 'anchored', anchor, anchoredAt } }
        transaction.set(anchors.doc(id), next)
        recordIn(context, transaction, [
          {
            kind: 'automation',
            action: 'checkpoint-anchored',
            tenant: platformTenant,
            subject: `${collections.ledgerAnchors}/${id}`,
            outcome: 'done',
            details: { size: known.size, kind },
          },
        ])
      })
      await sealSoon(context)
      return 'anchored'
    } catch (error) {
      if (isLeaseLost(error)) return 'held by another'
      throw error
    } finally {
      await leases.release(held)
    }
  }

  return { step }
}
