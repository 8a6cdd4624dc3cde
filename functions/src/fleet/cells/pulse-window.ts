import type { PulseDocument } from '@infinity-matrix/contracts'
import { createPulseGatherer, type Voice } from '@infinity-matrix/core/fleet'

export interface PulseWindowOptions {
  save: (pulses: readonly PulseDocument[]) => Promise<void>
  /** Where several deliveries wait, they wait this long for more. */
  windowMs?: number
}

interface Waiting {
  settle: () => void
  fail: (error: unknown) => void
}

/** Part of the lateness that a heartbeat may have: see `latenessSecondsMax`. */
export const pulseWindowMs = 1000
// A commit's request stays small and its answer quick.
const voicesPerCommitMax = 50_000

/**
 * Group commit of heartbeats: what an instance holds at the same time becomes one document for each shard. A delivery that is
 * alone is stored at once; where several are there together, more will come, and they wait for those. A delivery settles when
 * its heartbeats are stored.
 */
export const createPulseWindow = ({ save, windowMs = pulseWindowMs }: PulseWindowOptions) => {
  const gatherer = createPulseGatherer()
  let waiting: Waiting[] = []
  let isSaving = false
  let isScheduled = false
  let timer: NodeJS.Timeout | undefined

  const submit = (voices: readonly Voice[]): Promise<void> =>
    new Promise((settle, fail) => {
      for (const voice of voices) gatherer.add(voice)
      waiting.push({ settle, fail })
      schedule()
    })

  // Deliveries that arrive in one turn of the event loop are there together.
  const schedule = () => {
    if (isScheduled) return
    isScheduled = true
    setImmediate(() => {
      isScheduled = false
      if (isSaving || waiting.length === 0) return
      if (waiting.length === 1 || gatherer.size() >= voicesPerCommitMax) commit()
      else timer ??= setTimeout(commit, windowMs)
    })
  }

  const commit = () => {
    clearTimeout(timer)
    timer = undefined
    const settled = waiting
    waiting = []
    isSaving = true
    save(gatherer.take())
      .then(
        () => settled.forEach(({ settle }) => settle()),
        (error: unknown) => settled.forEach(({ fail }) => fail(error)),
      )
      .finally(() => {
        isSaving = false
        schedule()
      })
  }

  return { submit }
}
