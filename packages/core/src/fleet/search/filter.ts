import type { AgentFilter } from '@infinity-matrix/contracts'

/** An equality on a field of an agent's document. */
export interface Condition {
  path: readonly [string, ...string[]]
  value: string | boolean
}

/**
 * What a filter asks of documents. Equalities only, in the order of ids: Firestore answers any combination by merging the
 * indexes that every field has, so no combination needs an index of its own.
 *
 * @see https://cloud.google.com/firestore/docs/query-data/index-overview#taking_advantage_of_index_merging
 */
export const conditionsOf = ({ labels = {}, ...fields }: AgentFilter): Condition[] => [
  ...Object.entries(fields).flatMap(([field, value]): Condition[] =>
    value === undefined ? [] : [{ path: [field], value }],
  ),
  ...Object.entries(labels).map(([label, value]): Condition => ({ path: ['labels', label], value })),
]
