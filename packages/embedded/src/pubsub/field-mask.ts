import { invalidArgument } from './errors.ts'
import { withFields } from './messages.ts'

const toCamel = (path: string): string => path.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

/**
 * A copy of `current` with the fields of an update mask taken from `update`. Throws INVALID_ARGUMENT for an empty mask
 * and for a field that is not in `updatable` (camel case). Sub-paths update the whole top-level field.
 */
export const applyFieldMask = <T extends object>(
  kind: string,
  current: T,
  update: T,
  paths: readonly string[],
  updatable: ReadonlySet<string>,
): T => {
  if (paths.length === 0) {
    throw invalidArgument(`The update_mask in the Update${kind}Request must be set, and must be non-empty.`)
  }
  const changes: Record<string, unknown> = {}
  for (const path of paths) {
    const field = toCamel(path.split('.', 1)[0] ?? '')
    if (!updatable.has(field)) {
      throw invalidArgument(
        `Invalid update_mask provided in the Update${kind}Request: the '${path}' field cannot be updated.`,
      )
    }
    changes[field] = (update as Record<string, unknown>)[field]
  }
  return withFields(current, changes as Partial<T>)
}
