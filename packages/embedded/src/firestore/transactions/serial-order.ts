/** A document as histories know it. */
export interface Row {
  readonly n: number
  readonly on: boolean
}

export type State = ReadonlyMap<string, Row>

/** What a query asks of a state: the numbers it finds. */
export type Finder = (state: State) => readonly number[]

/** What a transaction has seen: a document's number, or none; or what a query has found. */
export type Seen =
  | { readonly id: string; readonly n: number | null }
  | { readonly find: Finder; readonly found: readonly number[] }

/** A transaction that has committed: first it has read, then written. */
export interface Committed {
  readonly seen: readonly Seen[]
  /** null: deleted. */
  readonly wrote: ReadonlyMap<string, Row | null>
  /** Moments, in the order in which things happened for an observer outside. */
  readonly started: number
  readonly ended: number
}

const agrees = (state: State, seen: Seen): boolean => {
  if ('id' in seen) return (state.get(seen.id)?.n ?? null) === seen.n
  const found = seen.find(state)
  return found.length === seen.found.length && found.every((n, i) => n === seen.found[i])
}

const after = (state: State, { wrote }: Committed): State => {
  const next = new Map(state)
  for (const [id, row] of wrote) {
    if (row) next.set(id, row)
    else next.delete(id)
  }
  return next
}

const textOf = (state: State): string => JSON.stringify([...state].toSorted(([a], [b]) => (a < b ? -1 : 1)))

/**
 * An order in which doing the transactions one after the other, from `initial`, shows each of them what it has seen and
 * ends in `final`; null when there is none. Who had ended before another started comes before it. So it is a decision of
 * strict serialisability, by search, which needs to know nothing of how isolation is made.
 */
export const serialOrder = (
  initial: State,
  history: readonly Committed[],
  final: State,
): readonly Committed[] | null => {
  const deadEnds = new Set<string>()
  const wanted = textOf(final)
  const search = (state: State, rest: ReadonlySet<Committed>): Committed[] | null => {
    if (rest.size === 0) return textOf(state) === wanted ? [] : null
    const place = `${[...rest].map((one) => history.indexOf(one)).join()} ${textOf(state)}`
    if (deadEnds.has(place)) return null
    for (const next of rest) {
      const isFirst = ![...rest].some((other) => other.ended < next.started)
      if (!isFirst || !next.seen.every((seen) => agrees(state, seen))) continue
      const others = new Set(rest)
      others.delete(next)
      const order = search(after(state, next), others)
      if (order) return [next, ...order]
    }
    deadEnds.add(place)
    return null
  }
  return search(initial, new Set(history))
}
