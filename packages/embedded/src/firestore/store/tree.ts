import { formatFieldPath, type FieldPath } from '../field-path.ts'
import { compareIds } from '../names.ts'
import type { DocumentMessage } from '../values/codec.ts'
import { Timestamp, type MapValue } from '../values/value.ts'
import { FieldIndex } from './field-index.ts'
import { orderedMap, type OrderedMap } from '../../structures/ordered-map.ts'

/** What a document was from `time` on, until its next version. Times are microseconds since the epoch. */
export interface Version {
  readonly time: number
  readonly createTime: number
  /** null: deleted. */
  readonly fields: MapValue | null
  /** Bytes as Firestore counts them. */
  readonly size: number
  /** Cut off when no reader can ask for it any more. */
  previous: Version | null
}

/** A version with fields. */
export interface LiveVersion extends Version {
  readonly fields: MapValue
}

/** A place for a document: it may hold one, have held one, or only lie on the way to documents below it. */
export class DocumentNode {
  readonly id: string
  /** null for the root, whose id is `projects/{p}/databases/{d}/documents`. */
  readonly collection: Collection | null
  head: Version | null = null
  collections: Map<string, Collection> | null = null

  constructor(id: string, collection: Collection | null) {
    this.id = id
    this.collection = collection
  }

  /** The full name. */
  get name(): string {
    return this.collection ? this.collection.prefix + this.id : this.id
  }

  /** The path below the database's `documents`. */
  get segments(): readonly string[] {
    return this.collection ? [...this.collection.segments, this.id] : []
  }

  /** The document as it is, or as it was at `time`; null when there is none. */
  at(time?: number): LiveVersion | null {
    let version = this.head
    if (time !== undefined) while (version && version.time > time) version = version.previous
    return version?.fields ? (version as LiveVersion) : null
  }

  toMessage(version: LiveVersion, fields: MapValue = version.fields): DocumentMessage {
    return {
      name: this.name,
      fields,
      createTime: Timestamp.fromMicros(version.createTime),
      updateTime: Timestamp.fromMicros(version.time),
    }
  }
}

// Each costs memory for every document that has the field.
const MAX_INDEXES = 40

export class Collection {
  readonly id: string
  readonly parent: DocumentNode
  readonly segments: readonly string[]
  /** What the names of its documents start with. */
  readonly prefix: string
  readonly nodes: OrderedMap<string, DocumentNode> = orderedMap(compareIds)
  readonly #byId = new Map<string, DocumentNode>()
  readonly #indexes = new Map<string, FieldIndex>()

  readonly #group: Set<Collection>

  /** `group` has all collections with this id; this one becomes a member. */
  constructor(id: string, parent: DocumentNode, group: Set<Collection>) {
    this.#group = group.add(this)
    this.id = id
    this.parent = parent
    this.segments = [...parent.segments, id]
    this.prefix = `${parent.name}/${id}/`
  }

  find(id: string): DocumentNode | undefined {
    return this.#byId.get(id)
  }

  ensure(id: string): DocumentNode {
    const known = this.#byId.get(id)
    if (known) return known
    const node = new DocumentNode(id, this)
    this.#byId.set(id, node)
    this.nodes.set(id, node)
    return node
  }

  /** Takes out a node that holds nothing, and with the last one the collection itself, and so on upwards. */
  remove(node: DocumentNode): void {
    this.#byId.delete(node.id)
    this.nodes.delete(node.id)
    if (this.#byId.size > 0) return
    this.#group.delete(this)
    const { parent } = this
    parent.collections?.delete(this.id)
    if (parent.collections?.size === 0) parent.collections = null
    const holdsNothing = !parent.collections && !parent.head?.fields && !parent.head?.previous
    if (holdsNothing) parent.collection?.remove(parent)
  }

  get size(): number {
    return this.#byId.size
  }

  /** The index of a field, which is made when it is first asked for; undefined when there are too many already. */
  index(path: FieldPath): FieldIndex | undefined {
    const key = formatFieldPath(path)
    const known = this.#indexes.get(key)
    if (known || this.#indexes.size >= MAX_INDEXES) return known
    const index = new FieldIndex(path, this.nodes.values())
    this.#indexes.set(key, index)
    return index
  }

  /** Keeps the indexes true when a document has changed. */
  reindex(node: DocumentNode, before: MapValue | null, after: MapValue | null): void {
    for (const index of this.#indexes.values()) index.update(node, before, after)
  }
}

/** Orders nodes as their names are ordered. */
export const compareNodes = (a: DocumentNode, b: DocumentNode): number => {
  if (a.collection === b.collection) return compareIds(a.id, b.id)
  return comparePaths(a.segments, b.segments)
}

export const comparePaths = (a: readonly string[], b: readonly string[]): number => {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const order = compareIds(a[i] as string, b[i] as string)
    if (order !== 0) return order
  }
  return a.length - b.length
}

/** Every document node at or below `node`, in order of names. */
export function* descendants(node: DocumentNode): Generator<DocumentNode> {
  for (const collection of childCollections(node)) {
    for (const child of collection.nodes.values()) {
      yield child
      yield* descendants(child)
    }
  }
}

export const childCollections = (node: DocumentNode): Collection[] =>
  [...(node.collections?.values() ?? [])].sort((a, b) => compareIds(a.id, b.id))

/** Whether a document is, or was at `time`, somewhere in the collection or below it. */
export const holdsDocuments = (collection: Collection, time?: number): boolean => {
  for (const node of collection.nodes.values()) if (node.at(time) || hasDescendants(node, time)) return true
  return false
}

export const hasDescendants = (node: DocumentNode, time?: number): boolean =>
  [...(node.collections?.values() ?? [])].some((collection) => holdsDocuments(collection, time))
