import type { Context } from '../../runtime/context.ts'
import type { Subscriptions } from './subscriptions.ts'

// In the subscription's document, by each instance, however many failures there are.
const noteSeconds = 5

/** Notes failures in their subscriptions: the first at once, those of the next seconds together with the first after them. */
export const createFailureNotes = (
  { nowMs }: Pick<Context, 'nowMs'>,
  { noteFailures }: Pick<Subscriptions, 'noteFailures'>,
) => {
  const failing = new Map<string, { count: number; notedAtMs: number }>()

  return async (subscriptionId: string, message: string, eventId: string): Promise<void> => {
    const { count, notedAtMs } = failing.get(subscriptionId) ?? { count: 0, notedAtMs: 0 }
    const isDue = nowMs() - notedAtMs >= noteSeconds * 1000
    failing.set(subscriptionId, isDue ? { count: 0, notedAtMs: nowMs() } : { count: count + 1, notedAtMs })
    if (isDue) await noteFailures(subscriptionId, count + 1, message, eventId)
  }
}
