import { isDeepStrictEqual } from 'node:util'
import { isReport, transitionsOf, type AgentDocument } from '@infinity-matrix/contracts'
import type { Delivery, StoredAgent } from '@infinity-matrix/core/fleet'
import type { Archive, EventFilter } from './archive.ts'
import { agentHistories, foldHistory } from './rebuild.ts'

/** A stored agent beside its history. */
export interface Comparison {
  agentId: string
  /** Archived events of it. */
  events: number
  /** What differs: facts of the document by name, `not stored` or `not archived`. */
  differences: string[]
  /** The first and last archived sequence that the stored agent has not seen; null when it has seen all. */
  unseen: { from: number; to: number } | null
}

/**
 * What of an agent's document its history decides, and nothing else does. The rest is of the folding: when and how often
 * it was written (`version`, `createdAt`, `updatedAt`, `foldedAt` and `publishedAt` of transitions, `gapSince`,
 * `resyncRequestedAt`), of what operators want (`desired`, `inSync`, `seenDesiredVersion`), and `presence`, for which it counts whether news of a
 * silence came before or after a report. Transitions count from the last snapshot on: what came before it may have been
 * skipped or not, by the order of arrival.
 */
const factsOf = ({ document, parkedElsewhere }: StoredAgent) => {
  const { agentId, tenant, region, tier, status, kind, labels, reported, properties } = document
  const transitions = transitionsOf(document).map(({ sequence, type, status: after, at, refused }) => ({
    sequence,
    type,
    after,
    at,
    refused,
  }))
  const snapshotAt = transitions.findLastIndex(({ type }) => type === 'agent.snapshot.v1')
  return {
    agentId,
    tenant,
    region,
    tier,
    status,
    kind,
    labels,
    reported,
    properties,
    lastSequence: document.lastSequence,
    waiting: [...document.parked, ...parkedElsewhere].map(({ sequence }) => sequence),
    transitions: transitions.slice(Math.max(0, snapshotAt)),
  }
}

/** The names of the facts in which two agents differ. */
export const differencesOf = (stored: StoredAgent, rebuilt: StoredAgent): string[] => {
  const [one, other] = [factsOf(stored), factsOf(rebuilt)]
  // What Firestore leaves out and what is undefined are the same.
  const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))
  return Object.entries(one).flatMap(([name, fact]) =>
    isDeepStrictEqual(plain(fact), plain(other[name as keyof typeof other])) ? [] : [name],
  )
}

const hasSeen = (stored: StoredAgent): ((delivery: Delivery) => boolean) => {
  const { document, parkedElsewhere } = stored
  const waiting = new Set([...document.parked, ...parkedElsewhere].map(({ sequence }) => sequence))
  const isOf = (tenant: AgentDocument['tenant']) => tenant === document.tenant
  return ({ event }) =>
    !isReport(event) || !isOf(event.tenant) || event.sequence <= document.lastSequence || waiting.has(event.sequence)
}

/**
 * Compares stored agents with what the archive rebuilds of as much of their history as they have seen: an agent that
 * reports meanwhile is compared as it was when it was read.
 *
 * @param stored in the order of their ids
 */
export async function* compareAgents(
  archive: Archive,
  stored: AsyncIterable<StoredAgent> | Iterable<StoredAgent>,
  filter: EventFilter = {},
): AsyncGenerator<Comparison> {
  const waiting = Symbol.asyncIterator in stored ? stored[Symbol.asyncIterator]() : stored[Symbol.iterator]()
  let next = await waiting.next()
  const notArchived = ({ document }: StoredAgent): Comparison => ({
    agentId: document.agentId,
    events: 0,
    differences: ['not archived'],
    unseen: null,
  })
  for await (const history of agentHistories(archive, filter)) {
    const { agentId } = history
    for (; !next.done && next.value.document.agentId < agentId; next = await waiting.next())
      yield notArchived(next.value)
    const agent = !next.done && next.value.document.agentId === agentId ? next.value : undefined
    if (agent) next = await waiting.next()
    const isSeen = agent ? hasSeen(agent) : () => true
    const { agent: rebuilt, events, leftOut: unseen } = await foldHistory(history, isSeen)
    if (agent && rebuilt) yield { agentId, events, differences: differencesOf(agent, rebuilt), unseen }
    else if (agent) yield { ...notArchived(agent), events, unseen }
    else if (rebuilt) yield { agentId, events, differences: ['not stored'], unseen: null }
  }
  for (; !next.done; next = await waiting.next()) yield notArchived(next.value)
}
