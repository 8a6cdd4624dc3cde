import type { AgentDocument } from '@infinity-matrix/contracts'

/** Whether an agent is to be asked for a snapshot now: its gap outlived the bound, and so did the last request for one. */
export const needsResync = (
  { gapSince, resyncRequestedAt }: Pick<AgentDocument, 'gapSince' | 'resyncRequestedAt'>,
  nowMs: number,
  boundMs: number,
): boolean => gapSince !== null && nowMs - Date.parse(resyncRequestedAt ?? gapSince) >= boundMs
