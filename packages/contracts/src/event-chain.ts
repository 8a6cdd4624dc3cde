import type { AgentDocument } from './documents.ts'

/**
 * All reports of an agent that ever had their turn, as a hash chain: what stands for them in the ledger. The ledger has
 * one entry for all agents of a commit, and `ledgerWindows/{window}` has what this agent has in it.
 */
export interface EventChain {
  /** SHA-256 in base64 of the head before, and of the last report's own JSON text. */
  head: string
  /** How many reports it has. */
  length: number
  /** The commit that stored the last one. */
  window: string
}

/** As an agent's document has it: as a map it would cost three times as much at each write of the agent. */
export const chainText = ({ window, length, head }: EventChain): string => `${window} ${length} ${head}`

/** The chain of an agent; undefined for one whose reports were all folded before there was a ledger. */
export const chainOf = ({ chain }: Pick<AgentDocument, 'chain'>): EventChain | undefined => {
  if (chain === '') return undefined
  const [window = '', length = '', head = ''] = chain.split(' ')
  return { window, length: Number(length), head }
}
