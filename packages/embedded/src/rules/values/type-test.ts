import { Failure, unknown, type Outcome } from './failure.ts'
import { Symbolic, typeNames, typeOf, type RulesValue, type TypeName } from './value.ts'

const known: ReadonlySet<string> = new Set(typeNames)

const typesNamed = (name: string): readonly TypeName[] | null => {
  if (name === 'number') return ['int', 'float']
  // Google's emulator knows the name, and says of no value that it is one.
  if (name === 'set') return []
  return known.has(name) ? [name as TypeName] : null
}

export const isTypeName = (name: string): boolean => typesNamed(name) !== null

/** `value is name` */
export const testType = (name: string, value: RulesValue): Outcome => {
  const types = typesNamed(name)
  if (!types) return new Failure(`Type not found error: Name: [${name}].`)
  if (!(value instanceof Symbolic)) return types.includes(typeOf(value) as TypeName)
  const possible = value.facts.types
  if (possible?.every((type) => types.includes(type))) return true
  return possible && !possible.some((type) => types.includes(type)) ? false : unknown(value)
}
