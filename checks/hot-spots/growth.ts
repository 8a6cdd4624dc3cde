/** A value of an index as it was written; `group` is what stands before it in the index, for it grows by itself there. */
export interface Written<Value> {
  value: Value
  group: string
}

// With fewer different values there is a place for each, and they fill up.
const distinctMin = 40
const growingShare = 0.3
// A group that takes no more of the writes than this is one shard of several.
const shardShareMax = 0.25
// Right behind another: so many writes later at most, and so far above it among all values that there are.
const writesBehindMax = 3
const distanceMax = 0.02

/** Which share of the writes goes right behind one of the last ones, or before it where values fall. */
const followingShare = (ranks: readonly number[], distinct: number): number => {
  const reach = Math.max(1, Math.floor(distinct * distanceMax))
  const share = (direction: 1 | -1) => {
    const following = ranks.filter((rank, index) =>
      ranks.slice(Math.max(0, index - writesBehindMax), index).some((earlier) => {
        const distance = direction * (rank - earlier)
        return distance >= 0 && distance <= reach
      }),
    )
    return following.length / ranks.length
  }
  return Math.max(share(1), share(-1))
}

/**
 * Whether values in the order in which they were written follow each other through their index: then all writes go to one
 * place in it, which moves, and Firestore takes 500 a second of those.
 *
 * @see https://firebase.google.com/docs/firestore/solutions/shard-timestamp
 */
export const isGrowing = <Value>(
  written: readonly Written<Value>[],
  compare: (a: Value, b: Value) => number,
  keyOf: (value: Value) => string,
): boolean => {
  const groups = Map.groupBy(written, ({ group }) => group)
  return [...groups.values()].some((group) => {
    if (group.length < shardShareMax * written.length) return false
    const distinct = new Map(group.map(({ value }) => [keyOf(value), value]))
    if (distinct.size < distinctMin) return false
    const sorted = [...distinct].sort(([, a], [, b]) => compare(a, b))
    const rankOf = new Map(sorted.map(([key], rank) => [key, rank]))
    const ranks = group.map(({ value }) => rankOf.get(keyOf(value)) ?? 0)
    return followingShare(ranks, distinct.size) >= growingShare
  })
}
