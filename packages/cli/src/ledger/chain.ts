import { hash } from 'node:crypto'
import type { Archive } from '@infinity-matrix/archive'
import { isReport, parseEvent, type ChainProof, type EventChain } from '@infinity-matrix/contracts'
import { linked } from '@infinity-matrix/core/event-chain'

const textHash = (text: string) => hash('sha256', text, 'base64')

/**
 * The events that make an agent's chain, out of the archive.
 *
 * @throws Error where those that are archived do not make it: some are missing, or a snapshot came before some of those that
 *   it covers, which then never had their turn
 */
export const chainEvents = async (
  archive: Archive,
  agentId: string,
  { head: wanted, length }: EventChain,
): Promise<ChainProof['events']> => {
  const bySequence = new Map<number, string>()
  for await (const { raw, publishedAt } of archive.events({ agentIds: new Set([agentId]) })) {
    const parsed = parseEvent(JSON.parse(raw), Date.parse(publishedAt))
    if (!parsed.ok || !isReport(parsed.value)) continue
    // Whoever says something else under the same sequence came too late.
    if (!bySequence.has(parsed.value.sequence)) bySequence.set(parsed.value.sequence, raw)
  }
  const inOrder = [...bySequence].toSorted(([a], [b]) => a - b).slice(0, length)
  let head = ''
  const events = inOrder.map(([, text]) => ({ head: (head = linked(textHash, head, text)), text }))
  if (head !== wanted)
    throw new Error(`the ${bySequence.size} archived reports of ${agentId} do not make its chain of ${length}`)
  return events
}
