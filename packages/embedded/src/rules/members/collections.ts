import { equals, includes, setOf } from '../values/equality.ts'
import { unsupported, type Outcome } from '../values/failure.ts'
import { compare } from '../values/order.ts'
import { MapDiff, RulesSet, isMap, type RulesMap, type RulesValue } from '../values/value.ts'
import { sizeMax, tooLarge } from '../evaluate/size.ts'
import { stringOf } from './conversions.ts'
import { functions, overload } from './signature.ts'

type List = readonly RulesValue[]

const has = (values: List, value: RulesValue): boolean => includes(values, value) === true

/** Tells what is among the values. Strings, of which there may be tens of thousands, are not gone through each time. */
const lookupIn = (values: List): ((value: RulesValue) => boolean) => {
  if (!values.every((value) => typeof value === 'string')) return (value) => has(values, value)
  const strings = new Set<RulesValue>(values)
  return (value) => (typeof value === 'string' ? strings.has(value) : has(values, value))
}

const hasAll = (values: List, all: List): boolean => all.every(lookupIn(values))
const hasAny = (values: List, any: List): boolean => any.some(lookupIn(values))
const without = (values: List, others: List): RulesValue[] => {
  const isOther = lookupIn(others)
  return values.filter((value) => !isOther(value))
}
/** Not more than `only`: it need not have all of them. */
const hasOnly = (values: List, only: List): boolean => hasAll(only, values)

const join = (list: List, separator: string): Outcome => {
  const texts: string[] = []
  for (const item of list) {
    const text = stringOf(item)
    if (typeof text !== 'string') return unsupported('list.join(string)')
    texts.push(text)
  }
  return separator.length * texts.length > sizeMax ? tooLarge : texts.join(separator)
}

export const listMethods = functions({
  size: overload([], (list: List) => BigInt(list.length)),
  concat: overload(['list'], (list: List, other: List) => [...list, ...other]),
  hasAll: overload(['list'], hasAll),
  hasAny: overload(['list'], hasAny),
  hasOnly: overload(['list'], hasOnly),
  join: overload(['string'], join),
  removeAll: overload(['list'], (list: List, others: List) => without(list, others)),
  toSet: overload([], (list: List) => setOf(list)),
})

const withEither = (test: (values: List, others: List) => boolean) => [
  overload(['set'], (set: RulesSet, other: RulesSet) => test(set.items, other.items)),
  overload(['list'], (set: RulesSet, other: List) => test(set.items, other)),
]

export const setMethods = functions({
  size: overload([], (set: RulesSet) => BigInt(set.items.length)),
  hasAll: withEither(hasAll),
  hasAny: withEither(hasAny),
  hasOnly: withEither(hasOnly),
  union: overload(['set'], (set: RulesSet, other: RulesSet) => setOf([...set.items, ...other.items])),
  intersection: overload(
    ['set'],
    (set: RulesSet, other: RulesSet) => new RulesSet(set.items.filter(lookupIn(other.items))),
  ),
  difference: overload(['set'], (set: RulesSet, other: RulesSet) => new RulesSet(without(set.items, other.items))),
})

/** What lies at a path of keys, or the default if any step of it fails. */
const getDeep = (map: RulesMap, keys: List, fallback: RulesValue): RulesValue => {
  let value: RulesValue = map
  for (const key of keys) {
    if (typeof key !== 'string' || !isMap(value)) return fallback
    const next: RulesValue | undefined = value.get(key)
    if (next === undefined) return fallback
    value = next
  }
  return value
}

/** In the order of their code points. */
export const sortedKeys = (map: RulesMap): string[] => [...map.keys()].toSorted((a, b) => compare(a, b) ?? 0)

export const mapMethods = functions({
  size: overload([], (map: RulesMap) => BigInt(map.size)),
  keys: overload([], sortedKeys),
  values: overload([], (map: RulesMap) => sortedKeys(map).map((key) => map.get(key) as RulesValue)),
  get: [
    overload(['string', 'any'], (map: RulesMap, key: string, fallback: RulesValue) => getDeep(map, [key], fallback)),
    overload(['list', 'any'], getDeep),
  ],
  diff: overload(['map'], (map: RulesMap, before: RulesMap) => new MapDiff(map, before)),
})

const added = ({ after, before }: MapDiff): string[] => [...after.keys()].filter((key) => !before.has(key))
const removed = ({ after, before }: MapDiff): string[] => [...before.keys()].filter((key) => !after.has(key))
const shared = ({ after, before }: MapDiff, same: boolean): string[] =>
  [...after.keys()].filter(
    (key) => before.has(key) && equals(after.get(key) as RulesValue, before.get(key) as RulesValue) === same,
  )

export const mapDiffMethods = functions({
  addedKeys: overload([], (diff: MapDiff) => new RulesSet(added(diff))),
  removedKeys: overload([], (diff: MapDiff) => new RulesSet(removed(diff))),
  changedKeys: overload([], (diff: MapDiff) => new RulesSet(shared(diff, false))),
  unchangedKeys: overload([], (diff: MapDiff) => new RulesSet(shared(diff, true))),
  affectedKeys: overload(
    [],
    (diff: MapDiff) => new RulesSet([...added(diff), ...removed(diff), ...shared(diff, false)]),
  ),
})
