const checkMs = 250

/** Aborts when `progress` stays the same for too long. `stop` ends the watch. */
export const watchForStall = (progress: () => number, idleSecondsMax: number) => {
  const controller = new AbortController()
  let known = progress()
  let changedAt = performance.now()
  const timer = setInterval(() => {
    const current = progress()
    if (current !== known) changedAt = performance.now()
    known = current
    if (performance.now() - changedAt > idleSecondsMax * 1000) controller.abort()
  }, checkMs)
  return { signal: controller.signal, stop: () => clearInterval(timer) }
}
