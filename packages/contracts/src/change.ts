import { z } from 'zod'
import { fields } from './data-class.ts'
import type { AgentObservation, AgentReport } from './event.ts'
import type { ReportedState } from './event-types.ts'

/** What a commit made visible of one agent. */
export interface AgentChange {
  agentId: string
  /** When the agent first reported: UTC, milliseconds. */
  createdAt: string
  /** As it is after the commit, or later: an event that is told again finds its agent as it is then. */
  state: ReportedState & { region: string; tier: string; presence: string | null }
  /** In the order of `sequence`; then what was noticed about it. Old versions are as the current one. */
  events: (AgentReport | AgentObservation)[]
}

/**
 * What a commit made visible of a tenant's agents, on `firebase.realtime-sync`: published after the commit, at least once,
 * in any order. Read with the trust that the control plane has in itself: what is not of this form is refused.
 */
export const AgentsChanged = z.object({
  ...fields.internal({
    type: z.literal('fleet.changed.v1'),
    tenant: z.string(),
  }),
  ...fields.confidential({
    changes: z.array(
      z.custom<AgentChange>(
        (value) =>
          typeof value === 'object' &&
          value !== null &&
          'agentId' in value &&
          'createdAt' in value &&
          'state' in value &&
          'events' in value &&
          Array.isArray(value.events),
      ),
    ),
  }),
})
export type AgentsChanged = z.infer<typeof AgentsChanged>

/** A message of changes is at most so large, in characters, unless one event alone is larger. */
export const changesLengthMax = 200_000
