import type { FirestoreEngine } from '@infinity-matrix/embedded/firestore'
import { compareValues } from '../../packages/embedded/src/firestore/values/order.ts'
import { isArray, MapValue, type Value } from '../../packages/embedded/src/firestore/values/value.ts'
import { isGrowing, type Written } from './growth.ts'
import { isIndexed, type IndexConfig } from './index-config.ts'

/** The name under which the ids of a collection's documents are told. */
export const documentId = '__name__'

/** The fields that have indexes of their own, by their paths; an array has an entry for each of its values. */
const leavesOf = (fields: MapValue, prefix = ''): [string, Value][] =>
  fields.keys.flatMap((key, index): [string, Value][] => {
    const value = fields.values[index] ?? null
    if (value instanceof MapValue) return leavesOf(value, `${prefix}${key}.`)
    return isArray(value) ? value.map((item) => [`${prefix}${key}`, item]) : [[`${prefix}${key}`, value]]
  })

const valueAt = (fields: MapValue, path: string): Value | undefined =>
  path
    .split('.')
    .reduce<Value | undefined>((value, key) => (value instanceof MapValue ? value.get(key) : undefined), fields)

const keyOf = (value: Value): string => {
  if (typeof value === 'string') return value
  if (typeof value === 'bigint' || typeof value === 'number' || typeof value === 'boolean') return `${value}`
  return JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? `${part}` : part))
}

type Fields = Map<string, Written<Value>[]>

/** What is written to an engine's indexes from now on, in its order: each field's new values, and the ids of documents. */
export const recordWrites = ({ engine }: FirestoreEngine, config: IndexConfig) => {
  const collections = new Map<string, Fields>()
  const note = (collection: string, name: string, value: Value, group = '') => {
    const fields = collections.get(collection) ?? new Map<string, Written<Value>[]>()
    const written = fields.get(name) ?? []
    collections.set(collection, fields.set(name, written))
    written.push({ value, group })
  }

  const noteFields = (collection: string, before: MapValue, after: MapValue) => {
    const known = new Set(leavesOf(before).map(([name, value]) => `${name}=${keyOf(value)}`))
    // What stays as it was is not written to its index again.
    for (const [name, value] of leavesOf(after))
      if (!known.has(`${name}=${keyOf(value)}`)) note(collection, name, value)
  }

  // An index of several fields grows where the values before the growing one do not spread it.
  const noteComposites = (collection: string, before: MapValue, after: MapValue) => {
    for (const { collectionGroup, fields } of config.indexes) {
      if (collectionGroup !== collection) continue
      const values = (of: MapValue) => fields.map(({ fieldPath }) => keyOf(valueAt(of, fieldPath) ?? null))
      const [old, now] = [values(before), values(after)]
      if (old.join() === now.join()) continue
      fields.forEach(({ fieldPath }, index) => {
        const value = valueAt(after, fieldPath)
        const name = `(${fields
          .slice(0, index + 1)
          .map((field) => field.fieldPath)
          .join(', ')})`
        if (index > 0 && value !== undefined) note(collection, name, value, now.slice(0, index).join())
      })
    }
  }

  const stop = engine.store.onCommit(({ changes }) => {
    for (const { node, before, after } of changes) {
      const collection = node.collection?.id ?? ''
      if (!after.fields) continue
      if (!before) note(collection, documentId, node.name)
      const old = before?.fields ?? MapValue.EMPTY
      noteFields(collection, old, after.fields)
      noteComposites(collection, old, after.fields)
    }
  })

  /** `{collection}.{field}` of each index that only grows; of one with several fields, the field that does. */
  const growing = ({ fieldOverrides }: Pick<IndexConfig, 'fieldOverrides'> = config): string[] =>
    [...collections].flatMap(([collection, fields]) =>
      [...fields]
        .filter(([name]) => /^[_(]/.test(name) || isIndexed(fieldOverrides, collection, name))
        .filter(([, written]) => isGrowing(written, compareValues, keyOf))
        .map(([name]) => `${collection}.${name}`),
    )

  return { stop, growing, collections: (): ReadonlySet<string> => new Set(collections.keys()) }
}
