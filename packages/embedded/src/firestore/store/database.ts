import type { Principal } from '../access/principal.ts'
import type { MapValue } from '../values/value.ts'
import type { History } from './history.ts'
import { Collection, DocumentNode, type LiveVersion, type Version } from './tree.ts'

/** One document's part in a commit. */
export interface DocumentChange {
  readonly node: DocumentNode
  readonly before: LiveVersion | null
  /** The new version; its `fields` are null when the document was deleted. */
  readonly after: Version
}

/** Everything a commit changed, at one moment. */
export interface CommitEvent {
  readonly database: Database
  readonly time: number
  readonly changes: readonly DocumentChange[]
  readonly origin: Origin
}

/** How a commit came to be: by whom, where that is known; or from an export, to which nobody reacts. */
export interface Origin {
  readonly by?: Principal | null
  readonly imported?: boolean
}

/** A document's new state, before it is a version. */
export interface PendingChange {
  readonly segments: readonly string[]
  readonly before: LiveVersion | null
  readonly fields: MapValue | null
  readonly createTime: number
  readonly size: number
}

/** The documents of one database, in memory, each with its recent versions. */
export class Database {
  /** `projects/{p}/databases/{d}` */
  readonly name: string
  /** Where the collections at the top lie. */
  readonly root: DocumentNode
  readonly #groups = new Map<string, Set<Collection>>()
  readonly #history: History

  constructor(name: string, history: History) {
    this.name = name
    this.root = new DocumentNode(`${name}/documents`, null)
    this.#history = history
  }

  find(segments: readonly string[]): DocumentNode | undefined {
    let node: DocumentNode | undefined = this.root
    for (let i = 0; i < segments.length && node; i += 2) {
      node = node.collections?.get(segments[i] as string)?.find(segments[i + 1] as string)
    }
    return node
  }

  findCollection(segments: readonly string[]): Collection | undefined {
    return this.find(segments.slice(0, -1))?.collections?.get(segments.at(-1) as string)
  }

  /** All collections with this id, wherever they lie. */
  group(collectionId: string): Iterable<Collection> {
    return this.#groups.get(collectionId) ?? []
  }

  /** Makes new versions of documents at `time`, which must be later than every version there is. */
  apply(pending: Iterable<PendingChange>, time: number, origin: Origin = {}): CommitEvent {
    const changes: DocumentChange[] = []
    for (const { segments, before, fields, createTime, size } of pending) {
      const node = this.#ensure(segments)
      const after: Version = { time, createTime, fields, size, previous: node.head }
      node.head = after
      node.collection?.reindex(node, before?.fields ?? null, fields)
      this.#history.supersede(node, after)
      changes.push({ node, before, after })
    }
    return { database: this, time, changes, origin }
  }

  #ensure(segments: readonly string[]): DocumentNode {
    let node = this.root
    for (let i = 0; i < segments.length; i += 2) {
      const id = segments[i] as string
      node.collections ??= new Map()
      let collection = node.collections.get(id)
      if (!collection) {
        const group = this.#groups.get(id) ?? new Set()
        this.#groups.set(id, group)
        collection = new Collection(id, node, group)
        node.collections.set(id, collection)
      }
      node = collection.ensure(segments[i + 1] as string)
    }
    return node
  }
}
