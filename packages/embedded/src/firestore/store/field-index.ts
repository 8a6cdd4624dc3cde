import { getField, type FieldPath } from '../field-path.ts'
import { compareIds } from '../names.ts'
import { compareValues } from '../values/order.ts'
import type { MapValue, Value } from '../values/value.ts'
import { orderedMap, type OrderedMap } from '../../structures/ordered-map.ts'
import type { DocumentNode } from './tree.ts'

/** A place in an index: the edge before or after all documents with one value. */
export interface IndexKey {
  readonly value: Value
  readonly edge: 'before' | 'after'
}

const side = ({ edge }: IndexKey): number => (edge === 'before' ? -1 : 1)

export const compareKeys = (a: IndexKey, b: IndexKey): number => compareValues(a.value, b.value) || side(a) - side(b)

/** The documents with one value, by their ids. */
type Group = OrderedMap<string, DocumentNode>
// A field like a name has another value in each document: a map for each would be most of the index.
type GroupOrOne = Group | DocumentNode

const isOne = (group: GroupOrOne): group is DocumentNode => 'id' in group

/** Documents with one value, to be looked through by their ids. */
export interface Selection {
  readonly size: number
  /**
   * The first one, from the one with id `from` on, or only past that one; from the beginning without `from`. Backwards
   * when `descending`.
   */
  seek: (from: string | undefined, options: { isPast?: boolean; descending?: boolean }) => DocumentNode | undefined
}

/** The documents of one collection, as they are now, by the value of one field and then by id. */
export class FieldIndex {
  readonly #path: FieldPath
  readonly #groups: OrderedMap<Value, GroupOrOne> = orderedMap(compareValues)

  /** `nodes` must come in order of their ids: a tree is filled fastest in its own order. */
  constructor(path: FieldPath, nodes: Iterable<DocumentNode>) {
    this.#path = path
    for (const node of nodes) this.update(node, null, node.at()?.fields ?? null)
  }

  update(node: DocumentNode, before: MapValue | null, after: MapValue | null): void {
    const old = before ? getField(before, this.#path) : undefined
    const value = after ? getField(after, this.#path) : undefined
    if (old === value) return
    if (old !== undefined) this.#remove(old, node)
    if (value !== undefined) this.#add(value, node)
  }

  #add(value: Value, node: DocumentNode): void {
    const group = this.#groups.get(value)
    if (!group || group === node) this.#groups.set(value, node)
    else if (isOne(group)) {
      const several: Group = orderedMap(compareIds)
      for (const one of [group, node]) several.set(one.id, one)
      this.#groups.set(value, several)
    } else group.set(node.id, node)
  }

  #remove(value: Value, node: DocumentNode): void {
    const group = this.#groups.get(value)
    if (!group) return
    if (!isOne(group)) group.delete(node.id)
    if (isOne(group) || group.size === 0) this.#groups.delete(value)
  }

  /** The documents between two keys, in order or the other way round. */
  *between(low: IndexKey, high: IndexKey, descending: boolean): Generator<DocumentNode> {
    const groups = descending ? this.#groups.entriesReversed(high.value) : this.#groups.entries(low.value)
    for (const [value, group] of groups) {
      if (compareKeys({ value, edge: 'after' }, low) <= 0) {
        if (descending) return
        continue
      }
      if (compareKeys({ value, edge: 'before' }, high) >= 0) {
        if (!descending) return
        continue
      }
      if (isOne(group)) yield group
      else if (descending) for (const [, node] of group.entriesReversed()) yield node
      else yield* group.values()
    }
  }

  /** The documents with one value; undefined when there are none. */
  select(value: Value): Selection | undefined {
    const found = this.#groups.get(value)
    if (!found) return undefined
    const group: Group = isOne(found) ? orderedMap(compareIds) : found
    if (isOne(found)) group.set(found.id, found)
    return { size: group.size, seek: (from, options) => seekIn(group, from, options) }
  }
}

const seekIn = (group: Group, from: string | undefined, { isPast = false, descending = false }) => {
  if (from === undefined) return group.get((descending ? group.maxKey() : group.minKey()) ?? '')
  const pair = descending
    ? isPast
      ? group.nextLowerPair(from)
      : group.getPairOrNextLower(from)
    : isPast
      ? group.nextHigherPair(from)
      : group.getPairOrNextHigher(from)
  return pair?.[1]
}
