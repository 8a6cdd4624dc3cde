import type { AgentDocument, ParkedReport } from '@infinity-matrix/contracts'
import type { Delivery, Verdict } from '@infinity-matrix/core/fleet'

/** What one commit is to fold into one agent. */
export interface Share {
  agentId: string
  deliveries: readonly Delivery[]
}

/** What a commit did with one agent. */
export interface FoldedAgent extends Share {
  /** As it was stored before the commit; undefined for a new one. */
  before: AgentDocument | undefined
  /** As it is stored after the commit; undefined while nothing is known of it but an observation. */
  document: AgentDocument | undefined
  /** When Firestore took the write, in milliseconds since 1970; undefined where there was nothing to write. */
  writtenAtMs: number | undefined
  /** One for each delivery, in their order. */
  verdicts: readonly Verdict[]
  /** Parked before and applied now, in their order: nobody delivers them again. */
  released: readonly ParkedReport[]
}
