import { collections, RollupJournal, type Rollup } from '@infinity-matrix/contracts'
import { rollUp } from '@infinity-matrix/core/events'
import type { FieldValue, Transaction } from '@google-cloud/firestore'
import type { Context } from '../../runtime/context.ts'
import { createLeases, isLeaseLost, type HeldLease } from '../../runtime/lease.ts'
import type { ReceiptQueue } from './receipt-queue.ts'

const duty = 'analytics-rollup'
const leaseSeconds = 60
// Each batch is a transaction, whose documents are one for a tenant and minute.
const batchSize = 400

/**
 * Adds receipts to their rollups, each message once: which messages a batch counted is stored with the counts, and
 * forgotten only when they are acknowledged. One worker at a time, under a lease; what a former one writes is refused.
 */
export const createRollups = (context: Context, queue: ReceiptQueue) => {
  const { firestore, nowMs, newId } = context
  const leases = createLeases(context)
  const journal = firestore.collection(collections.rollupJournal).doc(duty)

  const add = (
    transaction: Transaction,
    { tenant, minute, lagCounts, ...counts }: Rollup,
    increment: typeof FieldValue.increment,
  ): void => {
    const plus = (values: Record<string, number>) =>
      Object.fromEntries(Object.entries(values).map(([name, value]) => [name, increment(value)]))
    const document = firestore.collection(collections.rollups).doc(`${tenant}.${minute}`)
    transaction.set(document, { tenant, minute, ...plus(counts), lagCounts: plus(lagCounts) }, { merge: true })
  }

  const forget = (held: HeldLease, messageIds: ReadonlySet<string>): Promise<void> =>
    leases.commit(held, async (transaction) => {
      const { unacknowledged } = RollupJournal.parse((await transaction.get(journal)).data())
      transaction.set(journal, { unacknowledged: unacknowledged.filter((id) => !messageIds.has(id)) })
    })

  /** Counts what waits, for some seconds or until nothing does; does nothing while another worker is at it. */
  const work = async (secondsMax: number): Promise<void> => {
    const held = await leases.acquire(duty, newId(), leaseSeconds)
    if (held === null) return
    const endMs = nowMs() + secondsMax * 1000
    // The client's module is large, and loaded only where it is needed.
    const { FieldValue: Value } = await import('@google-cloud/firestore')
    try {
      while (nowMs() < endMs) {
        const queued = await queue.pull(batchSize)
        if (queued.length === 0) return
        const messageIds = new Set(queued.map(({ messageId }) => messageId))
        await leases.commit(held, async (transaction) => {
          const snapshot = await transaction.get(journal)
          const counted = new Set(snapshot.exists ? RollupJournal.parse(snapshot.data()).unacknowledged : [])
          const fresh = [...new Map(queued.map((one) => [one.messageId, one])).values()].filter(
            ({ messageId }) => !counted.has(messageId),
          )
          for (const rollup of rollUp(fresh.flatMap(({ published }) => published ?? [])))
            add(transaction, rollup, (by) => Value.increment(by))
          transaction.set(journal, { unacknowledged: [...new Set([...counted, ...messageIds])] })
        })
        await queue.acknowledge(queued)
        await forget(held, messageIds)
      }
    } catch (error) {
      if (!isLeaseLost(error)) throw error
    } finally {
      await leases.release(held)
    }
  }

  return { work }
}
