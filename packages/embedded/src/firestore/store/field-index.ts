import { getField, type FieldPath } from '../field-path.ts'
import { compareIds } from '../names.ts'
import { compareValues } from '../values/order.ts'
import type { MapValue, Value } from '../values/value.ts'
import { orderedMap, type OrderedMap } from '../../structures/ordered-map.ts'
import type { DocumentNode } from './tree.ts'

/** A place in an index: an entry, or the edge before or after all entries of one value. */
export type IndexKey =
  | { readonly value: Value; readonly node: Pick<DocumentNode, 'id'> }
  | { readonly value: Value; readonly edge: 'before' | 'after' }

const side = (key: IndexKey): number => ('node' in key ? 0 : key.edge === 'before' ? -1 : 1)

export const compareKeys = (a: IndexKey, b: IndexKey): number => {
  const order = compareValues(a.value, b.value) || side(a) - side(b)
  return order === 0 && 'node' in a && 'node' in b ? compareIds(a.node.id, b.node.id) : order
}

/** The documents of one collection, as they are now, by the value of one field and then by id. */
export class FieldIndex {
  readonly #path: FieldPath
  readonly #entries: OrderedMap<IndexKey, DocumentNode> = orderedMap(compareKeys)

  /** `nodes` must come in order of their ids. */
  constructor(path: FieldPath, nodes: Iterable<DocumentNode>) {
    this.#path = path
    const entries: { value: Value; node: DocumentNode }[] = []
    for (const node of nodes) {
      const fields = node.at()?.fields
      const value = fields && getField(fields, path)
      if (value !== undefined) entries.push({ value, node })
    }
    // Sorting is stable, so ids stay in order; and a tree is filled fastest in its own order.
    entries.sort((a, b) => compareValues(a.value, b.value))
    for (const entry of entries) this.#entries.set(entry, entry.node)
  }

  update(node: DocumentNode, before: MapValue | null, after: MapValue | null): void {
    const old = before ? getField(before, this.#path) : undefined
    const value = after ? getField(after, this.#path) : undefined
    if (old === value) return
    if (old !== undefined) this.#entries.delete({ value: old, node })
    if (value !== undefined) this.#entries.set({ value, node }, node)
  }

  /** The documents between two keys, in order or the other way round. */
  *between(low: IndexKey, high: IndexKey, descending: boolean): Generator<DocumentNode> {
    const entries = descending ? this.#entries.entriesReversed(high) : this.#entries.entries(low)
    for (const [key, node] of entries) {
      if (descending ? compareKeys(key, low) < 0 : compareKeys(key, high) > 0) return
      yield node
    }
  }

  /**
   * The first document with a value, from the one with id `from` on, or only past that one; from the beginning without
   * `from`. Backwards when `descending`.
   */
  seek(value: Value, from: string | undefined, { isPast = false, descending = false }): DocumentNode | undefined {
    const entries = this.#entries
    const key: IndexKey =
      from === undefined ? { value, edge: descending ? 'after' : 'before' } : { value, node: { id: from } }
    const pair = descending
      ? isPast
        ? entries.nextLowerPair(key)
        : entries.getPairOrNextLower(key)
      : isPast
        ? entries.nextHigherPair(key)
        : entries.getPairOrNextHigher(key)
    return pair && compareValues(pair[0].value, value) === 0 ? pair[1] : undefined
  }
}
