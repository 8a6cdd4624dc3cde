import { includes } from '../values/equality.ts'
import { unknown, type Outcome } from '../values/failure.ts'
import { RulesSet, Symbolic, isList, isMap, type RulesValue } from '../values/value.ts'
import { sortedKeys } from './collections.ts'

/**
 * A method call in which something is not known: what can be told all the same is told, else it fails. A list of which
 * some elements are known has those; a map of which some entries are known gives those, and their keys.
 */
export const callSymbolic = (object: RulesValue, name: string, args: readonly RulesValue[]): Outcome => {
  const [first] = args
  const known = knownItems(object)
  switch (name) {
    case 'get':
      return args.length === 2 ? knownEntry(object, first as RulesValue) : unknown(object, ...args)
    case 'keys':
      return args.length === 0 ? knownKeys(object) : unknown(object)
    case 'toSet':
      if (args.length > 0 || !known || (object instanceof Symbolic && !object.facts.types?.includes('list'))) break
      if (object instanceof Symbolic) return new Symbolic({ types: ['set'], contains: known }, object.message)
      break
    case 'hasAny':
    case 'hasAll': {
      const others = args.length === 1 && first !== undefined ? completeItems(first) : null
      // A list takes no set.
      const fits = isSet(object) || (first !== undefined && isList(first))
      if (!known || !others || !fits) break
      const found = others.map((other) => includes(known, other) === true)
      if (name === 'hasAny' ? found.includes(true) : !found.includes(false)) return true
      break
    }
    default:
  }
  return unknown(object, ...args, ...(isList(object) ? object : []))
}

const isSet = (value: RulesValue): boolean =>
  value instanceof RulesSet || (value instanceof Symbolic && value.facts.types?.join() === 'set')

/** Elements that a list or set has, whatever else it has. */
const knownItems = (value: RulesValue): readonly RulesValue[] | null => {
  if (isList(value)) return value
  if (value instanceof RulesSet) return value.items
  return value instanceof Symbolic ? (value.facts.contains ?? null) : null
}

const completeItems = (value: RulesValue): readonly RulesValue[] | null =>
  value instanceof Symbolic ? null : knownItems(value)

const knownEntry = (object: RulesValue, key: RulesValue): Outcome => {
  let value: RulesValue | undefined = object
  for (const name of isList(key) ? key : [key]) {
    if (typeof name !== 'string') return unknown(object, name)
    if (value instanceof Map) value = value.get(name) as RulesValue | undefined
    else if (value instanceof Symbolic) value = value.facts.entries?.get(name)
    else return unknown(object)
    if (value === undefined) return unknown(object)
  }
  return value
}

const knownKeys = (object: RulesValue): Outcome => {
  if (isMap(object)) return sortedKeys(object)
  if (!(object instanceof Symbolic) || !object.facts.entries) return unknown(object)
  return new Symbolic({ types: ['list'], contains: [...object.facts.entries.keys()] }, object.message)
}
