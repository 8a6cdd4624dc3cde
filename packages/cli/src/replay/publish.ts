import { setTimeout as delay } from 'node:timers/promises'
import type { Publisher } from '../agent/reporter.ts'
import type { WireEvent } from '../events.ts'

interface PublishOptions {
  /** At most so many; undefined: as fast as they are taken. */
  ratePerSecond?: number | undefined
  /** At most so many events are published that are not yet folded. */
  aheadMax: number
  folded: () => number
  signal: AbortSignal
  onPublished: (count: number) => void
}

const togetherMax = 100
const roundsPerSecond = 20
const pollMs = 10

/**
 * Publishes events in their order, and stays near what is folded: the emulator suite drops
 * what waits longer than a function's timeout, and never delivers it again.
 */
export const publishAll = async (
  { publish }: Publisher,
  events: readonly WireEvent[],
  { ratePerSecond = Infinity, aheadMax, folded, signal, onPublished }: PublishOptions,
): Promise<void> => {
  const startedAt = performance.now()
  const roundMax = Math.min(togetherMax, Math.ceil(ratePerSecond / roundsPerSecond))
  let done = 0
  while (done < events.length) {
    const dueInMs = startedAt + (done / ratePerSecond) * 1000 - performance.now()
    const room = Math.min(roundMax, folded() + aheadMax - done)
    if (dueInMs > 0 || room <= 0) {
      await delay(Math.max(pollMs, dueInMs), undefined, { signal })
      continue
    }
    signal.throwIfAborted()
    const part = events.slice(done, done + room)
    await Promise.all(part.map(publish))
    done += part.length
    onPublished(done)
  }
}
