import { Code, StatusError } from '../../wire/status-error.ts'
import { getField, withField, type FieldPath } from '../field-path.ts'
import type { WriteResult } from '../rpc/messages.ts'
import type { Database, PendingChange } from '../store/database.ts'
import type { LiveVersion } from '../store/tree.ts'
import { requireIndexable } from '../values/index-entries.ts'
import { requireSize, requireValidFields, requireWithinLimits } from '../values/limits.ts'
import { identical } from '../values/order.ts'
import { MapValue, Timestamp } from '../values/value.ts'
import { applyTransforms } from './transform.ts'
import type { PreparedWrite } from './write.ts'

/** What a commit would do: one change for each document that is changed, one result for each write. */
export interface Outcome {
  readonly changes: ReadonlyMap<string, PendingChange>
  readonly results: readonly WriteResult[]
}

/** What one write of a commit makes of its document; null fields: there is none. */
export interface Step {
  readonly write: PreparedWrite
  readonly before: MapValue | null
  readonly after: MapValue | null
}

/** A document in the middle of a commit. */
interface State {
  fields: MapValue | null
  createTime: number
  updateTime: number
  stored: LiveVersion | null
  /** Whether the write before, in the same commit, has deleted it. */
  isDeletedHere: boolean
}

const requireState = ({ kind, requirement, name }: PreparedWrite, state: State): void => {
  if (!requirement) return
  if ('updateTime' in requirement) {
    const stored = state.fields ? state.updateTime : 0
    if (stored === requirement.updateTime) return
    throw new StatusError(
      Code.FAILED_PRECONDITION,
      `the stored version (${stored}) does not match the required base version (${requirement.updateTime})`,
    )
  }
  // Whatever is stored, such a commit makes no sense.
  if (requirement.exists && state.isDeletedHere && (kind === 'update' || kind === 'transform')) {
    throw new StatusError(Code.INVALID_ARGUMENT, `A commit cannot update a document that it has deleted: ${name}`)
  }
  if (requirement.exists && !state.fields) throw new StatusError(Code.NOT_FOUND, `No document to update: ${name}`)
  if (!requirement.exists && state.fields) {
    throw new StatusError(Code.ALREADY_EXISTS, `Document already exists: ${name}`)
  }
}

const merge = (stored: MapValue, update: MapValue, mask: readonly FieldPath[]): MapValue =>
  mask.reduce((fields, path) => withField(fields, path, getField(update, path)), stored)

const written = (write: PreparedWrite, stored: MapValue): MapValue => {
  if (write.kind === 'transform') return stored
  return write.mask ? merge(stored, write.fields, write.mask) : write.fields
}

const update = (write: PreparedWrite, state: State, time: number, change: (size: number) => void): WriteResult => {
  const base = written(write, state.fields ?? MapValue.EMPTY)
  const { fields, results } = applyTransforms(base, write.transforms, time)
  if (write.transforms.length > 0) {
    requireValidFields(fields)
    requireWithinLimits(write.segments, fields)
  }
  const size = requireSize(write.name, write.segments, fields)
  requireIndexable(write.path, fields, size)
  if (!state.fields || !identical(state.fields, fields)) {
    if (!state.fields) state.createTime = time
    state.fields = fields
    state.updateTime = time
    change(size)
  }
  const updateTime = Timestamp.fromMicros(state.updateTime)
  return results.length > 0 ? { updateTime, transformResults: results } : { updateTime }
}

/**
 * Works out what `writes`, in order, make of the stored documents when they are committed at `time`, and changes
 * nothing. A write that changes nothing leaves the document's update time.
 * Each write's own part is added to `steps`. Throws NOT_FOUND, ALREADY_EXISTS, FAILED_PRECONDITION or INVALID_ARGUMENT.
 */
export const outcomeOf = (
  database: Database,
  writes: readonly PreparedWrite[],
  time: number,
  steps?: Step[],
): Outcome => {
  const states = new Map<string, State>()
  const changes = new Map<string, PendingChange>()
  const results: WriteResult[] = []
  for (const write of writes) {
    let state = states.get(write.path)
    if (!state) {
      const stored = database.find(write.segments)?.at() ?? null
      const { fields = null, createTime = 0, time: updateTime = 0 } = stored ?? {}
      state = { fields, createTime, updateTime, stored, isDeletedHere: false }
      states.set(write.path, state)
    }
    requireState(write, state)
    const { segments, path } = write
    const { stored, fields: before } = state
    const change = (size: number): void => {
      const { fields, createTime } = state
      changes.set(path, { segments, before: stored, fields, createTime, size })
    }
    if (write.kind === 'verify') {
      results.push({ updateTime: Timestamp.fromMicros(state.fields ? state.updateTime : time) })
    } else if (write.kind === 'delete') {
      state.fields = null
      if (stored) change(0)
      else changes.delete(path)
      results.push({})
    } else {
      results.push(update(write, state, time, change))
    }
    state.isDeletedHere = write.kind === 'delete'
    steps?.push({ write, before, after: state.fields })
  }
  return { changes, results }
}
