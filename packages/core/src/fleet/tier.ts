import type { AgentDocument } from '@infinity-matrix/contracts'

type Tier = AgentDocument['tier']

/** How agents of a tier are served. */
export interface Service {
  /** The share of a bound after which an agent is seen to: of `GAP_BOUND_SECONDS`, how long a missing report is waited for. */
  boundShare: number
  /** Whether people are alerted when it goes silent; of others they are told when they look. */
  alertsWhenSilent: boolean
}

/** Service by tier: the fewer agents a tier is meant for, the sooner each is seen to. */
export const serviceOf: Readonly<Record<Tier, Service>> = {
  elite: { boundShare: 0.25, alertsWhenSilent: true },
  mastery: { boundShare: 0.5, alertsWhenSilent: true },
  standard: { boundShare: 1, alertsWhenSilent: false },
}
