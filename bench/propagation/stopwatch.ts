/** Of many things that begin and end under way together, how long each takes. */
export interface Stopwatch {
  start: (key: string) => void
  /** Only the first time counts: what is seen twice was visible before. */
  stop: (key: string) => void
  /** Nothing is under way. */
  isIdle: () => boolean
  forget: () => void
  /** In milliseconds, of all that ended. */
  percentile: (share: number) => number
}

export const createStopwatch = (): Stopwatch => {
  const startedAt = new Map<string, number>()
  let tookMs: number[] = []
  return {
    start: (key) => startedAt.set(key, performance.now()),
    stop(key) {
      const started = startedAt.get(key)
      if (started === undefined) return
      startedAt.delete(key)
      tookMs.push(performance.now() - started)
    },
    isIdle: () => startedAt.size === 0,
    forget() {
      startedAt.clear()
      tookMs = []
    },
    percentile: (share) =>
      tookMs.toSorted((a, b) => a - b)[Math.min(tookMs.length - 1, Math.floor(tookMs.length * share))] ?? NaN,
  }
}
