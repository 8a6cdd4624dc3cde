import { NAME_FIELD, getField } from '../field-path.ts'
import type { MapValue } from '../values/value.ts'
import { compileFilter, type Named, type Predicate } from './match.ts'
import type { Query, Source } from './query.ts'

/** Whether a document at this path is among those a query looks at. */
const inSource = ({ parent, kind, collectionId }: Source, segments: readonly string[]): boolean => {
  if (segments.length <= parent.length || parent.some((segment, i) => segment !== segments[i])) return false
  if (kind === 'descendants') return true
  if (kind === 'children') return segments.length === parent.length + 2
  return segments.at(-2) === collectionId && (kind === 'group' || segments.length === parent.length + 2)
}

/** Whether a document of the source belongs to the result, but for cursors, offset and limit. */
export const compileMembership = (query: Query): Predicate => {
  const passes = compileFilter(query.filter)
  const needed = [...query.orders.map(({ field }) => field).filter((field) => field !== NAME_FIELD), ...query.required]
  return (document: Named, fields: MapValue) =>
    passes(document, fields) && needed.every((path) => getField(fields, path) !== undefined)
}

/** Whether a document belongs to the result of a query, but for cursors, offset and limit. */
export const compileCoverage = (query: Query): ((segments: readonly string[], fields: MapValue) => boolean) => {
  const belongs = compileMembership(query)
  return (segments, fields) =>
    inSource(query.source, segments) && belongs({ name: `${query.database}/documents/${segments.join('/')}` }, fields)
}
