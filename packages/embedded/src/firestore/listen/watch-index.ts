import { randomBytes } from 'node:crypto'
import type { Source } from '../query/query.ts'
import type { CommitEvent } from '../store/database.ts'
import type { Store } from '../store/store.ts'
import type { Collection, DocumentNode, LiveVersion } from '../store/tree.ts'

/** Someone who wants to know of changes to documents in certain places. */
export interface Watcher {
  /** Called within the commit, at `time`; `before` is what the document was. */
  touched(node: DocumentNode, before: LiveVersion | null, time: number): void
}

// No name has an empty segment, so a key of one kind is never one of another.
const groupKey = (ancestor: string, collectionId: string): string => `${ancestor}//${collectionId}`
const childrenKey = (parent: string): string => `${parent}//*/`
const descendantsKey = (ancestor: string): string => `${ancestor}//**/`

/** The place that a query looks at; `documents` is `projects/{p}/databases/{d}/documents`. */
export const placeOf = (documents: string, { parent, kind, collectionId }: Source): string => {
  const name = [documents, ...parent].join('/')
  switch (kind) {
    case 'collection':
      return `${name}/${collectionId}/`
    case 'group':
      return groupKey(name, collectionId)
    case 'children':
      return childrenKey(name)
    case 'descendants':
      return descendantsKey(name)
  }
}

/** Every place in which the documents of a collection are, besides their own names. */
const placesOf = (collection: Collection): readonly string[] => {
  const places = [collection.prefix, childrenKey(collection.parent.name)]
  for (let node: DocumentNode | undefined = collection.parent; node; node = node.collection?.parent) {
    places.push(groupKey(node.name, collection.id), descendantsKey(node.name))
  }
  return places
}

/**
 * Who watches what, by place: a commit finds those whom its documents concern in a few look-ups, however many others
 * there are.
 */
export class WatchIndex {
  /** Stands in resume tokens: what another engine gave means nothing here. */
  readonly epoch: Uint8Array = randomBytes(6)
  /** When this engine began, in microseconds; of what was before no changes are known. */
  readonly startedAt: number
  readonly #watchers = new Map<string, Set<Watcher>>()
  readonly #places = new WeakMap<Collection, readonly string[]>()

  constructor(store: Store) {
    this.startedAt = store.timeline.millis() * 1000
    store.onCommit((event) => this.#committed(event))
  }

  /** `place` is the name of a document, or from `placeOf`. */
  add(place: string, watcher: Watcher): void {
    const known = this.#watchers.get(place)
    if (known) known.add(watcher)
    else this.#watchers.set(place, new Set([watcher]))
  }

  remove(place: string, watcher: Watcher): void {
    const known = this.#watchers.get(place)
    known?.delete(watcher)
    if (known?.size === 0) this.#watchers.delete(place)
  }

  #committed({ changes, time }: CommitEvent): void {
    if (this.#watchers.size === 0) return
    for (const { node, before } of changes) {
      for (const watcher of this.#watchers.get(node.name) ?? []) watcher.touched(node, before, time)
      for (const place of this.#placesOf(node)) {
        for (const watcher of this.#watchers.get(place) ?? []) watcher.touched(node, before, time)
      }
    }
  }

  #placesOf({ collection }: DocumentNode): readonly string[] {
    if (!collection) return []
    const known = this.#places.get(collection)
    if (known) return known
    const places = placesOf(collection)
    this.#places.set(collection, places)
    return places
  }
}
