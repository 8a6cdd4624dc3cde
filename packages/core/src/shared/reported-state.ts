import {
  amountMax,
  countMax,
  otherTools,
  toolsMax,
  type AgentReport,
  type Problem,
  type ReportedState,
  type Usage,
} from '@infinity-matrix/contracts'

/** What is known of an agent before its first report. */
export const newAgent: ReportedState = {
  status: 'new',
  usage: { steps: 0, costUsd: 0, tokensIn: 0, tokensOut: 0, observationBytes: 0, toolCalls: {} },
}

type Active = Extract<ReportedState, { status: 'running' | 'waiting' | 'draining' }>

const isActive = (state: ReportedState): state is Active =>
  state.status === 'running' || state.status === 'waiting' || state.status === 'draining'

const statusOfOutcome = {
  success: 'succeeded',
  failure: 'failed',
  completed: 'completed',
  cancelled: 'cancelled',
} as const

/** What an agent can say of itself, without its envelope. */
export type ReportContent = {
  [Report in AgentReport as Report['type']]: { type: Report['type']; data: Report['data'] }
}[AgentReport['type']]

/** Why a report cannot follow a state; undefined when it can. A start is always legal: agents crash and come back. */
export const refusalOf = (state: ReportedState, report: ReportContent): Problem | undefined => {
  switch (report.type) {
    case 'agent.started.v1':
    case 'agent.properties-reported.v1':
    case 'agent.snapshot.v1':
      return undefined
    case 'agent.step-taken.v1':
    case 'agent.status-changed.v1':
    case 'agent.finished.v2':
      return isActive(state)
        ? undefined
        : {
            code: 'illegal-transition',
            field: 'type',
            rule: `${report.type} needs a running agent, and this one is ${state.status}`,
          }
    default:
      return report satisfies never
  }
}

const countTool = (toolCalls: Usage['toolCalls'], tool: string | undefined): Usage['toolCalls'] => {
  if (tool === undefined) return toolCalls
  const named = Object.keys(toolCalls).filter((name) => name !== otherTools)
  const name = Object.hasOwn(toolCalls, tool) || named.length < toolsMax ? tool : otherTools
  const before = Object.hasOwn(toolCalls, name) ? (toolCalls[name] ?? 0) : 0
  return { ...toolCalls, [name]: plus(before, 1) }
}

// Totals end at what their schema allows, which no honest agent reaches.
const plus = (total: number, count: number) => Math.min(total + count, countMax)
const plusAmount = (total: number, amount: number) => Math.min(total + amount, amountMax)

/**
 * The state after a report that `refusalOf` lets through; a report it refuses changes nothing. The fleet folds with it,
 * and an agent keeps its own state with it, so that a snapshot says what its reports would have.
 *
 * @param at when the agent reported it: UTC, milliseconds, `Z`
 */
export const evolve = (state: ReportedState, report: ReportContent, at: string): ReportedState => {
  const { usage } = state
  switch (report.type) {
    case 'agent.started.v1': {
      const number = state.status === 'new' ? 1 : plus(state.run.number, 1)
      return { status: 'running', run: { ...report.data, number, startedAt: at }, usage }
    }
    case 'agent.step-taken.v1': {
      if (!isActive(state)) return state
      const { tool, costUsd = 0, tokensIn = 0, tokensOut = 0, observationBytes = 0 } = report.data
      return {
        ...state,
        usage: {
          steps: plus(usage.steps, 1),
          costUsd: plusAmount(usage.costUsd, costUsd),
          tokensIn: plus(usage.tokensIn, tokensIn),
          tokensOut: plus(usage.tokensOut, tokensOut),
          observationBytes: plus(usage.observationBytes, observationBytes),
          toolCalls: countTool(usage.toolCalls, tool),
        },
      }
    }
    case 'agent.status-changed.v1':
      return isActive(state) ? { run: state.run, usage, ...report.data } : state
    case 'agent.finished.v2': {
      if (!isActive(state)) return state
      const { data } = report
      return {
        status: statusOfOutcome[data.outcome],
        run: state.run,
        usage: { ...usage, costUsd: plusAmount(usage.costUsd, data.costUsd ?? 0) },
        finish: { ...data, finishedAt: at },
      }
    }
    // Properties are no part of a run: they stand beside it.
    case 'agent.properties-reported.v1':
      return state
    case 'agent.snapshot.v1':
      return report.data.state
    default:
      return report satisfies never
  }
}
