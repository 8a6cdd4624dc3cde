import { toolsMax, type ReportedState } from '@infinity-matrix/contracts'
import type { Report } from '../events.ts'

/** An agent before its first report. */
export const unborn: ReportedState = {
  status: 'new',
  usage: { steps: 0, costUsd: 0, tokensIn: 0, tokensOut: 0, observationBytes: 0, toolCalls: {} },
}

const statusOfOutcome = {
  success: 'succeeded',
  failure: 'failed',
  completed: 'completed',
  cancelled: 'cancelled',
} as const

const withTool = (toolCalls: Record<string, number>, tool: string | undefined): Record<string, number> => {
  if (tool === undefined) return toolCalls
  const name = Object.hasOwn(toolCalls, tool) || Object.keys(toolCalls).length < toolsMax ? tool : 'other'
  return { ...toolCalls, [name]: (toolCalls[name] ?? 0) + 1 }
}

/**
 * What an agent knows of itself after it said something: the state it answers with when the control plane asks for a
 * snapshot, because some of what it said was lost.
 *
 * @param at when it said it, RFC 3339
 */
export const afterReport = (state: ReportedState, report: Report, at: string): ReportedState => {
  const { usage } = state
  if (report.type === 'agent.started.v1') {
    const number = state.status === 'new' ? 1 : state.run.number + 1
    return { status: 'running', run: { ...report.data, number, startedAt: at }, usage }
  }
  if (report.type === 'agent.snapshot.v1') return report.data.state
  // Between two runs there is nothing to say, and nothing changes.
  if (state.status === 'new' || 'finish' in state) return state
  switch (report.type) {
    case 'agent.step-taken.v1': {
      const { tool, costUsd = 0, tokensIn = 0, tokensOut = 0, observationBytes = 0 } = report.data
      return {
        ...state,
        usage: {
          steps: usage.steps + 1,
          costUsd: usage.costUsd + costUsd,
          tokensIn: usage.tokensIn + tokensIn,
          tokensOut: usage.tokensOut + tokensOut,
          observationBytes: usage.observationBytes + observationBytes,
          toolCalls: withTool(usage.toolCalls, tool),
        },
      }
    }
    case 'agent.status-changed.v1':
      return { run: state.run, usage, ...report.data }
    case 'agent.finished.v2':
      return {
        status: statusOfOutcome[report.data.outcome],
        run: state.run,
        usage: { ...usage, costUsd: usage.costUsd + (report.data.costUsd ?? 0) },
        finish: { ...report.data, finishedAt: at },
      }
    default:
      return report satisfies never
  }
}
