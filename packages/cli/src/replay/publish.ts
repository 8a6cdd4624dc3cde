import { setTimeout as delay } from 'node:timers/promises'
import type { Publisher } from '../agent/reporter.ts'
import type { WireEvent } from '../events.ts'

// As many are under way as fill several requests of Google's client, which batches them.
const underWayMax = 500
const rateSteps = 20

interface PublishOptions {
  /** At most so many; undefined: as fast as they are taken. */
  ratePerSecond?: number | undefined
  signal: AbortSignal
  onPublished: (count: number) => void
}

/** Publishes events in their order, each as a message of its own. */
export const publishAll = async (
  { publish }: Publisher,
  events: readonly WireEvent[],
  { ratePerSecond, signal, onPublished }: PublishOptions,
): Promise<void> => {
  const share = ratePerSecond === undefined ? underWayMax : Math.ceil(ratePerSecond / rateSteps)
  const size = Math.min(underWayMax, share)
  const startedAt = performance.now()
  for (let done = 0; done < events.length; done += size) {
    const dueInMs = ratePerSecond === undefined ? 0 : startedAt + (done / ratePerSecond) * 1000 - performance.now()
    if (dueInMs > 0) await delay(dueInMs, undefined, { signal })
    signal.throwIfAborted()
    const part = events.slice(done, done + size)
    await Promise.all(part.map(publish))
    onPublished(done + part.length)
  }
}
