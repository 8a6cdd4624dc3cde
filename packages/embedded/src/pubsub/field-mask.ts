import type protobuf from 'protobufjs'
import { invalidArgument } from './errors.ts'
import { withFields } from './messages.ts'

/** A resource as protobufjs made it: it knows its own definition. */
type Typed = { readonly $type?: protobuf.Type }

const camel = (name: string): string => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

/** The field that one part of a path names, in the words of the definition: `push_config`, not `pushConfig`. */
const fieldOf = (type: protobuf.Type | null | undefined, name: string): protobuf.Field | undefined =>
  type && !/[A-Z]/.test(name) && Object.hasOwn(type.fields, camel(name)) ? type.fields[camel(name)] : undefined

const isKnown = (type: protobuf.Type | undefined, path: string): boolean => {
  let at: protobuf.Type | null | undefined = type
  for (const part of path.split('.')) {
    const field: protobuf.Field | undefined = fieldOf(at, part)?.resolve()
    if (!field) return false
    at = field.map || field.repeated ? null : (field.resolvedType as protobuf.Type | null)
  }
  return true
}

/** `current` with the one field of the path as `update` has it, and every message on the way kept. */
const withPath = (current: object, update: object, [field = '', ...rest]: string[]): object => {
  const next = (update as Record<string, unknown>)[field]
  const now = (current as Record<string, unknown>)[field]
  if (rest.length === 0) return withFields(current, { [field]: next })
  if (typeof next !== 'object' || next === null) {
    // Nothing to take: the field is cleared, if there is a message to clear it in.
    return typeof now === 'object' && now !== null ? withFields(current, { [field]: withPath(now, {}, rest) }) : current
  }
  const base = typeof now === 'object' && now !== null ? now : withFields(next, blank(next))
  return withFields(current, { [field]: withPath(base, next, rest) })
}

/** Every own field of a message, unset. */
const blank = (message: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.keys(message).map((key) => [key, (Object.getPrototypeOf(message) as Record<string, unknown>)[key]]),
  )

/**
 * A copy of `current` with the fields of an update mask taken from `update`; a field that `update` lacks is cleared.
 * Throws INVALID_ARGUMENT for an empty mask, an unknown field, and one that is not in `updatable` (camel case).
 */
export const applyFieldMask = <T extends object>(
  kind: string,
  current: T,
  update: T,
  paths: readonly string[],
  updatable: ReadonlySet<string>,
): T => {
  if (paths.length === 0) {
    throw invalidArgument(
      `The update_mask in the Update${kind}Request must be set, and must contain a non-empty paths list.`,
    )
  }
  const refuse = (what: string) => invalidArgument(`Invalid update_mask provided in the Update${kind}Request: ${what}`)
  let next: object = current
  for (const path of paths) {
    if (!isKnown((update as Typed).$type, path)) {
      throw refuse(
        `'${path}' is not a known ${kind} field. Note that field paths must be of the form 'push_config' rather than 'pushConfig'.`,
      )
    }
    const parts = path.split('.').map(camel)
    if (!updatable.has(parts[0] ?? '')) throw refuse(`the '${path}' field in the ${kind} is not mutable.`)
    next = withPath(next, update, parts)
  }
  return next as T
}
