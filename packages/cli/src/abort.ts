/** Calls `run` when the signal aborts, at once if it has. @returns what takes the call back */
export const onAbort = (signal: AbortSignal, run: () => void): (() => void) => {
  if (signal.aborted) run()
  signal.addEventListener('abort', run, { once: true })
  return () => signal.removeEventListener('abort', run)
}
