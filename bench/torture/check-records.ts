import { hash } from 'node:crypto'
import { chainOf, windowPartText, type AgentDocument, type LedgerWindow } from '@infinity-matrix/contracts'
import { extendChain } from '@infinity-matrix/core/event-chain'
import type { Finding } from './finding.ts'
import type { AgentHistory } from './history.ts'

const textHash = (text: string) => hash('sha256', text, 'base64')

/**
 * What is wrong with an agent's part in the ledger: its chain must be that of its reports in their order, and stand in the
 * window that the agent names.
 *
 * @param windows of that name, and of the agent alone: whichever there are
 */
export const checkRecord = (
  { agentId, reports }: Pick<AgentHistory, 'agentId' | 'reports'>,
  stored: Pick<AgentDocument, 'chain' | 'tenant'>,
  windows: readonly Pick<LedgerWindow, 'parts'>[],
): Finding[] => {
  const finding = (kind: Finding['kind'], what: string, expected: unknown, found: unknown): Finding => ({
    kind,
    agentId,
    what,
    expected,
    stored: found,
  })
  const chain = chainOf(stored)
  if (!chain) return [finding('lost', 'chain of events', `${reports.length} events`, 'none')]
  const part = windowPartText({ agent: agentId, head: chain.head, length: chain.length, tenant: stored.tenant })
  const found = windows.flatMap(({ parts }) => parts.split('\n').filter((line) => line === part))
  const findings = found.length === 1 ? [] : [finding('lost', 'record in the ledger', part, found)]
  // What a snapshot overtook was never in the chain, or was, by the order of arrival.
  if (reports.some(({ type }) => type === 'agent.snapshot.v1')) return findings
  const texts = reports.map((report) => JSON.stringify(report))
  const head = extendChain(textHash, undefined, texts, chain.window).head
  return head === chain.head ? findings : [...findings, finding('unexplained', 'head of the chain', head, chain.head)]
}
