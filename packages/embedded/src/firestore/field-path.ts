import { Code, StatusError } from '../wire/status-error.ts'
import { MapValue, type Value } from './values/value.ts'

/** The way to a field: the names of the maps it lies in, outermost first, and its own. */
export type FieldPath = readonly string[]

/** The pseudo-field of a document's own name in queries. */
export const NAME_FIELD = '__name__'

const SIMPLE = /^[a-zA-Z_][a-zA-Z_0-9]*/
const QUOTED = /^`((?:[^`\\]|\\.)+)`/s

const malformed = (path: string) =>
  new StatusError(
    Code.INVALID_ARGUMENT,
    `Invalid property path "${path}". Unquoted property paths must match regex ([a-zA-Z_][a-zA-Z_0-9]*), ` +
      'and quoted property paths must match regex (`(?:[^`\\\\]|(?:\\\\.))+`)',
  )

const parsed = new Map<string, FieldPath>()
const CACHE_SIZE = 10_000

const parse = (path: string): FieldPath => {
  if (path === '') throw new StatusError(Code.INVALID_ARGUMENT, 'Invalid empty property path string.')
  const names: string[] = []
  let rest = path
  while (true) {
    const simple = SIMPLE.exec(rest)
    const quoted = simple ? null : QUOTED.exec(rest)
    const match = simple ?? quoted
    if (!match) throw malformed(path)
    names.push(quoted ? (quoted[1] as string).replaceAll(/\\(.)/gs, '$1') : match[0])
    rest = rest.slice(match[0].length)
    if (rest === '') return names
    if (!rest.startsWith('.')) throw malformed(path)
    rest = rest.slice(1)
  }
}

/**
 * Parses `a.b` or `` a.`b c` ``; in backquotes a backslash takes the next character as it is.
 * Throws INVALID_ARGUMENT.
 */
export const parseFieldPath = (path: string): FieldPath => {
  const known = parsed.get(path)
  if (known) return known
  const names = parse(path)
  if (parsed.size >= CACHE_SIZE) parsed.clear()
  parsed.set(path, names)
  return names
}

/** The way `path` is written, with backquotes only where they are needed. */
export const formatFieldPath = (path: FieldPath): string =>
  path.map((name) => (SIMPLE.exec(name)?.[0] === name ? name : `\`${name.replaceAll(/[`\\]/g, '\\$&')}\``)).join('.')

/** The value at `path`, or undefined. */
export const getField = (fields: MapValue, path: FieldPath): Value | undefined => {
  let value: Value | undefined = fields.get(path[0] as string)
  for (let i = 1; i < path.length && value !== undefined; i++) {
    value = value instanceof MapValue ? value.get(path[i] as string) : undefined
  }
  return value
}

/**
 * `fields` with `value` at `path`, or without the field when `value` is undefined. What lies on the way and is no map
 * becomes one, unless a field is only removed.
 */
export const withField = (fields: MapValue, path: FieldPath, value: Value | undefined, depth = 0): MapValue => {
  const name = path[depth] as string
  if (depth === path.length - 1) return fields.with(name, value)
  const inner = fields.get(name)
  if (!(inner instanceof MapValue) && value === undefined) return fields
  return fields.with(name, withField(inner instanceof MapValue ? inner : MapValue.EMPTY, path, value, depth + 1))
}

/** Only the fields under `paths`. */
export const project = (fields: MapValue, paths: readonly FieldPath[]): MapValue => {
  let result = MapValue.EMPTY
  for (const path of paths) {
    const value = getField(fields, path)
    if (value !== undefined) result = withField(result, path, value)
  }
  return result
}
