import { parkedMax } from '@infinity-matrix/contracts'
import { reportJson } from '@infinity-matrix/testing'
import type { AgentHistory, ReportJson } from './history.ts'

const overflowing = 3

/**
 * One agent whose first report comes last. As many reports wait for it as may, so those after them are refused as
 * `gap-too-wide`; sent again once there is room, they are applied.
 */
export const createWideGap = (agentId: string, startMs: number) => {
  const reports: ReportJson[] = Array.from({ length: 1 + parkedMax + overflowing }, (_, index) => {
    const overrides = { agentId, timeMs: startMs + index }
    return index === 0
      ? reportJson('agent.started.v1', 1, { kind: 'late' }, overrides)
      : reportJson('agent.status-changed.v1', index + 1, { status: index % 2 === 0 ? 'running' : 'waiting' }, overrides)
  })
  const history: AgentHistory = { agentId, reports, illegal: new Set(), missing: undefined }
  return {
    history,
    first: reports.slice(0, 1),
    waiting: reports.slice(1, 1 + parkedMax),
    overflow: reports.slice(1 + parkedMax),
  }
}
