/**
 * One thing that is wrong after a run. `lost`: an event that was published and stands nowhere. `appliedTwice`: one that
 * the state counts more than once. `unexplained`: anything else that the history does not account for.
 */
export interface Finding {
  kind: 'lost' | 'appliedTwice' | 'unexplained'
  what: string
  agentId?: string
  sequence?: number
  /** The beginning of a bad input. */
  input?: string
  expected: unknown
  stored: unknown
}
