import type { AgentDocument } from '@infinity-matrix/contracts'
import { serviceOf } from './tier.ts'

type Gap = Pick<AgentDocument, 'gapSince' | 'resyncRequestedAt' | 'tier'>

/**
 * Whether an agent is to be asked for a snapshot now: its gap outlived its tier's share of the bound, and so did the last
 * request for one.
 */
export const needsResync = ({ gapSince, resyncRequestedAt, tier }: Gap, nowMs: number, boundMs: number): boolean =>
  gapSince !== null && nowMs - Date.parse(resyncRequestedAt ?? gapSince) >= boundMs * serviceOf[tier].boundShare
