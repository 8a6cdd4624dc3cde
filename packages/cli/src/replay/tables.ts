import type { AgentDocument } from '@infinity-matrix/contracts'
import Table from 'cli-table3'
import colors from 'picocolors'
import prettyBytes from 'pretty-bytes'
import type { ReplaySummary } from './replay.ts'

const colorOf: Record<string, (text: string) => string> = {
  success: colors.green,
  failure: colors.red,
  cancelled: colors.yellow,
}

const outcomeOf = ({ reported }: AgentDocument) => ('finish' in reported ? reported.finish.outcome : '-')
const paint = (outcome: string) => (colorOf[outcome] ?? String)(outcome)
const money = (usd: number) => (usd === 0 ? '-' : `$${usd.toFixed(2)}`)

const numbersFrom = (column: number, columns: number) =>
  Array.from({ length: columns }, (_, index) => (index < column ? ('left' as const) : ('right' as const)))

/** One row for each agent, the first `rowsMax` of them. */
export const agentsTable = (documents: readonly AgentDocument[], rowsMax: number): string => {
  const head = ['agent', 'status', 'outcome', 'steps', 'tool calls', 'observed', 'cost']
  const table = new Table({ head, colAligns: numbersFrom(3, head.length), style: { head: [], border: [] } })
  for (const document of documents.slice(0, rowsMax)) {
    const { usage } = document.reported
    const calls = Object.values(usage.toolCalls).reduce((sum, count) => sum + count, 0)
    const observed = prettyBytes(usage.observationBytes)
    table.push([
      document.agentId,
      document.status,
      paint(outcomeOf(document)),
      usage.steps,
      calls,
      observed,
      money(usage.costUsd),
    ])
  }
  const more = documents.length - rowsMax
  return `${table.toString()}${more > 0 ? `\nand ${more} more; --all shows each` : ''}`
}

/** Agents counted by status and outcome. */
export const outcomesTable = (documents: readonly AgentDocument[]): string => {
  const groups = Map.groupBy(documents, (document) => `${document.status} ${outcomeOf(document)}`)
  const head = ['status', 'outcome', 'agents', 'steps', 'cost']
  const table = new Table({ head, colAligns: numbersFrom(2, head.length), style: { head: [], border: [] } })
  for (const [name, members] of [...groups].sort(([a], [b]) => a.localeCompare(b))) {
    const [status = '', outcome = ''] = name.split(' ')
    const steps = members.reduce((sum, { reported }) => sum + reported.usage.steps, 0)
    const cost = members.reduce((sum, { reported }) => sum + reported.usage.costUsd, 0)
    table.push([status, paint(outcome), members.length, steps, money(cost)])
  }
  return table.toString()
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
