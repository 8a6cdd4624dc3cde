import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Which fields Firestore indexes, of `firestore.indexes.json`. */
export interface IndexConfig {
  indexes: { collectionGroup: string; fields: { fieldPath: string }[] }[]
  fieldOverrides: { collectionGroup: string; fieldPath: string; indexes: unknown[] }[]
}

export const readIndexConfig = (): IndexConfig =>
  JSON.parse(readFileSync(join(import.meta.dirname, '../../firestore.indexes.json'), 'utf8')) as IndexConfig

/**
 * Whether a field has single-field indexes: by default each has, also within maps; an override counts for a field and
 * those below it, the nearest one first, and `*` for all of a collection group.
 *
 * @see https://firebase.google.com/docs/reference/firestore/indexes
 */
export const isIndexed = (overrides: IndexConfig['fieldOverrides'], collection: string, path: string): boolean => {
  const names = path.split('.').map((_, index, parts) => parts.slice(0, parts.length - index).join('.'))
  for (const name of [...names, '*']) {
    const found = overrides.find((one) => one.collectionGroup === collection && one.fieldPath === name)
    if (found) return found.indexes.length > 0
  }
  return true
}
