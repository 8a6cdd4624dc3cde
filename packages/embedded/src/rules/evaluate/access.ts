import {
  Failure,
  describe,
  functionNotFound,
  nullValue,
  outOfBound,
  typeError,
  undefinedProperty,
  unknown,
  unsupported,
  type Outcome,
} from '../values/failure.ts'
import { Path, Symbolic, isList, isMap, type RulesValue } from '../values/value.ts'

/** `object.name` */
export const member = (object: RulesValue, name: string): Outcome => {
  if (isMap(object)) return object.get(name) ?? absent(object, name)
  if (object === null) return nullValue
  if (object instanceof Symbolic) return object.facts.entries ? symbolicEntry(object, name) : unknown(object)
  return typeError(object, 'map,path')
}

const absent = (object: ReadonlyMap<string, RulesValue>, name: string): Outcome =>
  object.has(name) ? null : undefinedProperty(name)

/** An entry of a map of which only some are known: that others are not there is not known either. */
const symbolicEntry = ({ facts }: Symbolic, name: string): Outcome =>
  facts.entries?.get(name) ?? (facts.entries?.has(name) ? null : undefinedProperty(name))

/** `object[index]` */
export const element = (object: RulesValue, index: RulesValue): Outcome => {
  if (object === null) return nullValue
  if (isMap(object) || (object instanceof Symbolic && object.facts.entries)) {
    if (typeof index === 'string') return member(object, index)
    return index instanceof Symbolic ? unknown(index) : unsupported(`map[${describe(index)}]`, 'map[string]')
  }
  if (object instanceof Symbolic) return unknown(object)
  if (index instanceof Symbolic) return unknown(index)
  const items = itemsOf(object)
  if (!items) return functionNotFound('[')
  if (typeof index !== 'bigint') {
    if (object instanceof Path && typeof index === 'string') return undefinedProperty(index)
    return unsupported(`${describe(object)}[${describe(index)}]`, `${describe(object)}[int]`)
  }
  const item = index >= 0n && index < items.length ? items[Number(index)] : undefined
  return item === undefined ? outOfBound(index, items.length) : item
}

/** `object[from:to]` */
export const slice = (object: RulesValue, from: RulesValue, to: RulesValue): Outcome => {
  if (object === null) return nullValue
  for (const value of [object, from, to]) if (value instanceof Symbolic) return unknown(value)
  const items = itemsOf(object)
  if (!items) return functionNotFound('[:]')
  if (typeof from !== 'bigint' || typeof to !== 'bigint') {
    const type = describe(object)
    return unsupported(`${type}[${describe(from)}:${describe(to)}]`, `${type}[int:int]`)
  }
  // Production looks at both ends as elements, so an empty list has no slice and [0:0] is none.
  if (from < 0n || from >= items.length) return outOfBound(from, items.length)
  if (to - 1n < 0n || to - 1n >= items.length) return outOfBound(to - 1n, items.length)
  if (from > to) return new Failure(`Illegal range error. From index: [${from}] , To index: [${to}].`)
  const part = items.slice(Number(from), Number(to))
  if (isList(object)) return part
  return typeof object === 'string' ? part.map(String).join('') : new Path(part.map(String))
}

const itemsOf = (object: RulesValue): readonly RulesValue[] | null => {
  if (isList(object)) return object
  if (typeof object === 'string') return object.split('')
  return object instanceof Path ? object.segments : null
}
