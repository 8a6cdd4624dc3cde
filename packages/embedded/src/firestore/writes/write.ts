import { Code, StatusError } from '../../wire/status-error.ts'
import { parseFieldPath, type FieldPath } from '../field-path.ts'
import { parseDocumentName } from '../names.ts'
import type { FieldTransform, Write } from '../rpc/messages.ts'
import { requireValidFields, requireWithinLimits } from '../values/limits.ts'
import { MapValue } from '../values/value.ts'
import { parseTransform, type Transform } from './transform.ts'

/** What must hold of the stored document; `updateTime` in microseconds. */
export type Requirement = { exists: boolean } | { updateTime: number }

/** A write that is valid in itself, whatever is stored. */
export interface PreparedWrite {
  readonly kind: 'update' | 'delete' | 'verify' | 'transform'
  readonly name: string
  /** The path below `documents`, whole and in parts. */
  readonly path: string
  readonly segments: readonly string[]
  readonly fields: MapValue
  /** Which fields an update touches; null for all. */
  readonly mask: readonly FieldPath[] | null
  readonly transforms: readonly Transform[]
  readonly requirement: Requirement | null
}

const MAX_TRANSFORMS_PER_DOCUMENT = 500

const invalid = (message: string) => new StatusError(Code.INVALID_ARGUMENT, message)

const targetOf = (write: Write): string => {
  switch (write.operation) {
    case 'update':
      return write.update?.name ?? ''
    case 'delete':
      return write.delete
    case 'verify':
      return write.verify
    case 'transform':
      return write.transform?.document ?? ''
    default:
      throw invalid('Write has no operation.')
  }
}

const requirementOf = ({ currentDocument }: Write): Requirement | null => {
  if (currentDocument?.conditionType === 'exists') return { exists: currentDocument.exists }
  return currentDocument?.updateTime ? { updateTime: currentDocument.updateTime.toMicros() } : null
}

const requireVerify = (write: Write): void => {
  if (!requirementOf(write)) throw invalid('a verify must contain a precondition')
  if (write.updateMask) throw invalid('a verify must not specify a document mask.')
  if (write.updateTransforms.length > 0) throw invalid('a verify must not specify a update transform.')
}

const NO_TRANSFORMS: readonly FieldTransform[] = []

/** Checks one write of a request to `database`. Throws INVALID_ARGUMENT. */
export const prepareWrite = (database: string, write: Write): PreparedWrite => {
  const name = targetOf(write)
  const { database: owner, segments } = parseDocumentName(name)
  if (owner !== database) throw invalid(`Document "${name}" is not in database "${database}".`)
  const kind = write.operation as PreparedWrite['kind']
  const fields = write.update?.fields ?? MapValue.EMPTY
  if (kind === 'verify') requireVerify(write)
  requireValidFields(fields)
  requireWithinLimits(segments, fields)
  const transforms = kind === 'transform' ? (write.transform?.fieldTransforms ?? NO_TRANSFORMS) : write.updateTransforms
  return {
    kind,
    name,
    path: segments.join('/'),
    segments,
    fields,
    mask: write.updateMask ? write.updateMask.fieldPaths.map(parseFieldPath) : null,
    transforms: transforms.map(parseTransform),
    requirement: requirementOf(write),
  }
}

const requireVerifiedAlone = (writes: readonly PreparedWrite[]): void => {
  const seen = new Map<string, boolean>()
  for (const { path, kind } of writes) {
    const verify = kind === 'verify'
    const before = seen.get(path)
    if (before !== undefined && (before || verify)) {
      const how =
        before && verify
          ? 'verified more than once'
          : before
            ? 'verified and then written'
            : 'written and then verified'
      throw invalid(`the same document cannot be ${how} in a single request`)
    }
    seen.set(path, verify)
  }
}

const requireFewTransforms = (writes: readonly PreparedWrite[]): void => {
  const counts = new Map<string, number>()
  for (const { path, transforms } of writes) {
    if (transforms.length === 0) continue
    const count = (counts.get(path) ?? 0) + transforms.length
    if (count > MAX_TRANSFORMS_PER_DOCUMENT) {
      throw invalid(`maximum ${MAX_TRANSFORMS_PER_DOCUMENT} transforms allowed per document`)
    }
    counts.set(path, count)
  }
}

/** Checks all writes of a commit. Throws INVALID_ARGUMENT. */
export const prepareWrites = (database: string, writes: readonly Write[]): PreparedWrite[] => {
  const prepared = writes.map((write) => prepareWrite(database, write))
  if (prepared.some(({ kind }) => kind === 'verify')) requireVerifiedAlone(prepared)
  requireFewTransforms(prepared)
  return prepared
}
