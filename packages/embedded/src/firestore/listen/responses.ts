import type { StatusError } from '../../wire/status-error.ts'
import { project, type FieldPath } from '../field-path.ts'
import type { DocumentNode, LiveVersion } from '../store/tree.ts'
import { Timestamp } from '../values/value.ts'

// google.firestore.v1.TargetChange.TargetChangeType
const Change = { NO_CHANGE: 0, ADD: 1, REMOVE: 2, CURRENT: 3, RESET: 4 } as const

const targetChange = (targetChangeType: number, targetIds: readonly number[], more: object = {}): object => ({
  targetChange: { targetChangeType, targetIds, ...more },
})

/** A moment, and the token with which a client comes back to it. */
export interface Moment {
  readonly time: number
  readonly resumeToken: Uint8Array
}

const momentOf = ({ time, resumeToken }: Moment) => ({ readTime: Timestamp.fromMicros(time), resumeToken })

export const added = (id: number): object => targetChange(Change.ADD, [id])
export const removed = (id: number, cause: StatusError | null = null): object =>
  targetChange(Change.REMOVE, [id], cause ? { cause: { code: cause.code, message: cause.details } } : {})
export const reset = (id: number): object => targetChange(Change.RESET, [id])
export const current = (id: number, moment: Moment): object => targetChange(Change.CURRENT, [id], momentOf(moment))
/** Says that all that was sent before makes up the state at one moment, for every target. */
export const snapshot = (moment: Moment): object => targetChange(Change.NO_CHANGE, [], momentOf(moment))

/** What is sent of a document. */
export interface Delta {
  readonly node: DocumentNode
  /** null: deleted. */
  readonly version: LiveVersion | null
  /** The fields to tell of; null for all. */
  readonly projection: readonly FieldPath[] | null
  /** The targets that show it. */
  readonly shown: readonly number[]
  /** The targets that show it no more. */
  readonly left: readonly number[]
}

/** A document that is not there, or no more. */
export const deleted = (document: string, removedTargetIds: readonly number[], time: number): object => ({
  documentDelete: { document, removedTargetIds, readTime: Timestamp.fromMicros(time) },
})

/** What became of a document up to `time`. */
export const changed = ({ node, version, projection, shown, left }: Delta, time: number): object => {
  if (!version) return deleted(node.name, left, time)
  if (shown.length === 0) {
    // Its new contents are not told: it may be a document now that the client must not read.
    const readTime = Timestamp.fromMicros(time)
    return { documentRemove: { document: node.name, removedTargetIds: left, readTime } }
  }
  const fields = projection ? project(version.fields, projection) : version.fields
  return { documentChange: { document: node.toMessage(version, fields), targetIds: shown, removedTargetIds: left } }
}

interface GrowingDelta extends Delta {
  readonly shown: number[]
  readonly left: number[]
}

/** The changes of one moment, each document once, whichever targets it concerns. */
export class Deltas implements Iterable<Delta> {
  readonly #byNode = new Map<DocumentNode, GrowingDelta[]>()

  add(node: DocumentNode, target: number, isShown: boolean, projection: readonly FieldPath[] | null): void {
    const known = this.#byNode.get(node) ?? []
    if (known.length === 0) this.#byNode.set(node, known)
    let delta = known.find((one) => one.projection === projection)
    if (!delta) {
      delta = { node, version: node.at(), projection, shown: [], left: [] }
      known.push(delta)
    }
    if (isShown) delta.shown.push(target)
    else delta.left.push(target)
  }

  /** Of how many documents. */
  get size(): number {
    return this.#byNode.size
  }

  *[Symbol.iterator](): Generator<Delta> {
    for (const deltas of this.#byNode.values()) yield* deltas
  }
}
