import type { Properties } from '@infinity-matrix/contracts'

type Json = Properties[string]

const isObject = (value: Json | undefined): value is Properties =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const ownOf = (properties: Properties, name: string): Json | undefined =>
  Object.hasOwn(properties, name) ? properties[name] : undefined

/**
 * Properties after a merge patch: null takes a name away, an object is merged, all else replaces.
 *
 * @see RFC 7386
 */
export const mergePatch = (target: Properties, patch: Properties): Properties => {
  const merged = new Map(Object.entries(target))
  for (const [name, value] of Object.entries(patch)) {
    const before = ownOf(target, name)
    if (value === null) merged.delete(name)
    else merged.set(name, isObject(value) ? mergePatch(isObject(before) ? before : {}, value) : value)
  }
  return Object.fromEntries(merged)
}

/** Whether two values are the same JSON; the order of names does not count. */
export const isEqual = (a: Json | undefined, b: Json): boolean => {
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && b.every((item, index) => isEqual(a[index], item))
  if (isObject(a) && isObject(b)) {
    const names = Object.keys(b)
    return Object.keys(a).length === names.length && names.every((name) => isEqual(ownOf(a, name), b[name] ?? null))
  }
  return a === b
}

/**
 * What desired says and reported does not, as a merge patch on reported: empty when they agree. What only the agent
 * reports is its own.
 */
export const deltaOf = (desired: Properties, reported: Properties): Properties =>
  Object.fromEntries(
    Object.entries(desired).flatMap(([name, wanted]): [string, Json][] => {
      const has = ownOf(reported, name)
      if (!isObject(wanted) || !isObject(has)) return isEqual(has, wanted) ? [] : [[name, wanted]]
      const inner = deltaOf(wanted, has)
      return Object.keys(inner).length === 0 ? [] : [[name, inner]]
    }),
  )

/** Whether what is reported is all that desired says. */
export const isInSync = (desired: Properties, reported: Properties): boolean =>
  Object.keys(deltaOf(desired, reported)).length === 0

/**
 * Whether somebody changed, between two states, what a merge patch is about to write: then merging it into the later state
 * would undo that unseen. If not, both changes stand after it.
 */
export const isOverlapping = (patch: Properties, before: Properties, now: Properties): boolean =>
  Object.entries(patch).some(([name, value]) => {
    const [was, is] = [ownOf(before, name), ownOf(now, name)]
    if (isObject(value) && isObject(was) && isObject(is)) return isOverlapping(value, was, is)
    return is === undefined ? was !== undefined : !isEqual(was, is)
  })
