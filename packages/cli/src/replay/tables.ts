import type { AgentDocument } from '@infinity-matrix/contracts'
import colors from 'picocolors'
import prettyBytes from 'pretty-bytes'
import { tableOf } from '../table.ts'
import type { ReplaySummary } from './replay.ts'

const colorOf: Record<string, (text: string) => string> = {
  success: colors.green,
  failure: colors.red,
  cancelled: colors.yellow,
}

const outcomeOf = ({ reported }: AgentDocument) => ('finish' in reported ? reported.finish.outcome : '-')
const paint = (outcome: string) => (colorOf[outcome] ?? String)(outcome)
const money = (usd: number) => (usd === 0 ? '-' : `$${usd.toFixed(2)}`)
const sumOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0)

/** One row for each agent, the first `rowsMax` of them. */
export const agentsTable = (documents: readonly AgentDocument[], rowsMax: number): string => {
  const rows = documents.slice(0, rowsMax).map((document) => {
    const { steps, toolCalls, observationBytes, costUsd } = document.reported.usage
    const calls = sumOf(Object.values(toolCalls))
    const outcome = paint(outcomeOf(document))
    return [document.agentId, document.status, outcome, steps, calls, prettyBytes(observationBytes), money(costUsd)]
  })
  const table = tableOf(['agent', 'status', 'outcome', 'steps', 'tool calls', 'observed', 'cost'], 3, rows)
  const more = documents.length - rowsMax
  return `${table}${more > 0 ? `\nand ${more} more; --all shows each` : ''}`
}

/** Agents counted by status and outcome. */
export const outcomesTable = (documents: readonly AgentDocument[]): string => {
  const groups = Map.groupBy(documents, (document) => `${document.status} ${outcomeOf(document)}`)
  const rows = [...groups]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, members]) => {
      const [status = '', outcome = ''] = name.split(' ')
      const usages = members.map(({ reported }) => reported.usage)
      const steps = sumOf(usages.map((usage) => usage.steps))
      return [status, paint(outcome), members.length, steps, money(sumOf(usages.map((usage) => usage.costUsd)))]
    })
  return tableOf(['status', 'outcome', 'agents', 'steps', 'cost'], 2, rows)
}

export const totalsLine = ({
  agents,
  events,
  applied,
  duplicates,
  parked,
  deadLetters,
  lagMs,
}: ReplaySummary): string =>
  `${agents} agents, ${events} events: ${applied} applied, ${duplicates} duplicates, ${parked} parked, ${deadLetters} dead ` +
  `letters; publish to state p50 ${lagMs.p50} ms, p95 ${lagMs.p95} ms, p99 ${lagMs.p99} ms`
