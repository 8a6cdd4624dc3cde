import { hash } from 'node:crypto'
import { collections, QuotaDocument } from '@infinity-matrix/contracts'
import { ownPart, takeBudget, windowEndMs, type Quota } from '@infinity-matrix/core/quota'
import { LRUCache } from 'lru-cache'
import type { Context } from './context.ts'
import { isContention } from './failure.ts'

/** What is left of a quota, as this instance knows it. */
export interface QuotaUse {
  isAdmitted: boolean
  limit: number
  /** What this instance may let through before it has to ask for more. */
  remaining: number
  /** What of it was used, or is given out; more than the limit by those that this instance refused. */
  used: number
  windowSeconds: number
  resetAtMs: number
}

/** An instance's part of one quota in one window. */
interface Part {
  endMs: number
  budget: number
  spent: number
  isExhausted: boolean
  refused: number
  asking: Promise<void> | undefined
}

// What was forgotten begins with its own part again: it is held for as many as can ask an instance in a window.
const partsMax = 100_000
// What an instance takes lasts so long at its rate, and is no more than it has spent.
const takenForSeconds = 10

/**
 * Counts requests by who makes them, for all instances together. An instance lets through its own part without a word to the
 * others; when that is not enough it takes parts of the rest from a document. So most requests cost neither a read nor a
 * write, and no window lets through more than its limit.
 *
 * @param name of the function, whose instances share the quotas
 */
export const createQuotas = ({ firestore, nowMs }: Pick<Context, 'firestore' | 'nowMs'>, name: string) => {
  const parts = new LRUCache<string, Part>({ max: partsMax })

  const take = async (key: string, quota: Quota, part: Part, wanted: number): Promise<void> => {
    const document = firestore.collection(collections.quotas).doc(hash('sha256', `${name} ${key}`).slice(0, 32))
    for (;;) {
      const snapshot = await document.get()
      const before = snapshot.exists ? QuotaDocument.parse(snapshot.data()) : undefined
      const taken = takeBudget(before, quota, { wanted, endMs: part.endMs })
      if (taken.granted === 0) {
        part.isExhausted = true
        return
      }
      try {
        await (snapshot.updateTime
          ? document.update({ ...taken.document }, { lastUpdateTime: snapshot.updateTime })
          : document.create(taken.document))
        part.budget += taken.granted
        return
      } catch (error) {
        // Another instance was first: one of all that try gets on.
        if (!isContention(error)) throw error
      }
    }
  }

  const partOf = (key: string, quota: Quota): Part => {
    const endMs = windowEndMs(quota.windowSeconds, nowMs())
    const known = parts.get(key)
    if (known?.endMs === endMs) return known
    const fresh = { endMs, budget: ownPart(quota), spent: 0, isExhausted: false, refused: 0, asking: undefined }
    parts.set(key, fresh)
    return fresh
  }

  const wantedBy = ({ spent, endMs }: Part, { windowSeconds }: Quota): number => {
    const seconds = windowSeconds - (endMs - nowMs()) / 1000
    return Math.max(1, Math.ceil((spent / Math.max(seconds, takenForSeconds)) * takenForSeconds))
  }

  const refusalOf = (part: Part, { limit, windowSeconds }: Quota): QuotaUse => {
    part.refused++
    const used = limit + part.refused
    return { isAdmitted: false, limit, remaining: 0, used, windowSeconds, resetAtMs: part.endMs }
  }

  /** The refusal of who has nothing left, as far as this instance knows; it asks nobody. */
  const refusal = (key: string, quota: Quota): QuotaUse | undefined => {
    const part = parts.get(key)
    return part?.isExhausted && part.endMs > nowMs() ? refusalOf(part, quota) : undefined
  }

  /**
   * Counts one request.
   *
   * @param key who makes it; stands in Firestore as a hash
   */
  const count = async (key: string, quota: Quota): Promise<QuotaUse> => {
    for (;;) {
      const part = partOf(key, quota)
      if (part.spent < part.budget) {
        part.spent++
        const { limit, windowSeconds } = quota
        const remaining = part.budget - part.spent
        return { isAdmitted: true, limit, remaining, used: part.spent, windowSeconds, resetAtMs: part.endMs }
      }
      if (part.isExhausted) return refusalOf(part, quota)
      part.asking ??= take(key, quota, part, wantedBy(part, quota)).finally(() => {
        part.asking = undefined
      })
      await part.asking
    }
  }

  return { count, refusal }
}

export type Quotas = ReturnType<typeof createQuotas>
