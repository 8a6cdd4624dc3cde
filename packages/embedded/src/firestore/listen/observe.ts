/** Snapshots as they come to a test, to be taken one after the other. */
export interface Observed<S> {
  /** Rejects with the error that ended them. */
  readonly next: () => Promise<S>
  /** Takes snapshots up to the first that is as wanted. */
  readonly until: (wanted: (snapshot: S) => boolean) => Promise<S>
  readonly stop: () => void
}

export const observe = <S>(
  subscribe: (next: (snapshot: S) => void, error: (error: Error) => void) => () => void,
): Observed<S> => {
  const come: S[] = []
  const waiting: PromiseWithResolvers<S>[] = []
  let failed: Error | null = null
  const stop = subscribe(
    (snapshot) => {
      const first = waiting.shift()
      if (first) first.resolve(snapshot)
      else come.push(snapshot)
    },
    (error) => {
      failed = error
      for (const one of waiting.splice(0)) one.reject(error)
    },
  )
  const next = async (): Promise<S> => {
    if (come.length > 0) return come.shift() as S
    if (failed) throw failed
    const one = Promise.withResolvers<S>()
    waiting.push(one)
    return one.promise
  }
  const until = async (wanted: (snapshot: S) => boolean): Promise<S> => {
    for (;;) {
      const snapshot = await next()
      if (wanted(snapshot)) return snapshot
    }
  }
  return { next, until, stop }
}
