import type { AgentDocument } from '@infinity-matrix/contracts'
import type { SilenceEvent } from './cells/silence-event.ts'

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

/** What people are to be told at once of what a sweeper noticed; undefined when they need not be. */
export const alarmOf = ({ tier, said }: Pick<SilenceEvent, 'tier' | 'said'>): string | undefined =>
  said.type === 'agent.went-silent.v1' && serviceOf[tier].alertsWhenSilent
    ? `an agent of tier ${tier} was not heard since ${said.data.lastHeardAt}`
    : undefined
