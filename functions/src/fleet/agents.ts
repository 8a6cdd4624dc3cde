import { AgentDocument, AgentSummary, collections, type AgentFilter } from '@infinity-matrix/contracts'
import { conditionsOf } from '@infinity-matrix/core/fleet'
import type { Firestore, Query } from '@google-cloud/firestore'

const summaryFields = Object.keys(AgentSummary.shape)

/** The agents a filter means, in the order of their ids. */
export const agentsMatching = async (firestore: Firestore, filter: AgentFilter): Promise<Query> => {
  // The client's module is large, and not to be loaded with the functions.
  const { FieldPath } = await import('@google-cloud/firestore')
  return conditionsOf(filter).reduce<Query>(
    (query, { path, value }) => query.where(new FieldPath(...path), '==', value),
    firestore.collection(collections.agents).orderBy(FieldPath.documentId()),
  )
}

/** Agents that come after one with this id; all of them for null. */
export const agentsAfter = (query: Query, agentId: string | null, limit: number): Query =>
  (agentId === null ? query : query.startAfter(agentId)).limit(limit)

/** One page of a search. It costs a read for each agent it shows. */
export const searchAgents = async (
  firestore: Firestore,
  filter: AgentFilter,
  { afterAgentId, pageSize }: { afterAgentId: string | null; pageSize: number },
): Promise<AgentSummary[]> => {
  const matching = await agentsMatching(firestore, filter)
  const { docs } = await agentsAfter(matching, afterAgentId, pageSize)
    .select(...summaryFields)
    .get()
  return docs.map((agent) => AgentSummary.parse(agent.data()))
}

/** How many agents a filter means, now. It costs a read for each 1,000 of them, and looks at their indexes only. */
export const countAgents = async (
  firestore: Firestore,
  filter: AgentFilter,
): Promise<{ agents: number; asOf: string }> => {
  const counted = await (await agentsMatching(firestore, filter)).count().get()
  return { agents: counted.data().count, asOf: counted.readTime.toDate().toISOString() }
}

export const readAgent = async (firestore: Firestore, agentId: string): Promise<AgentDocument | undefined> => {
  const snapshot = await firestore.collection(collections.agents).doc(agentId).get()
  return snapshot.exists ? AgentDocument.parse(snapshot.data()) : undefined
}
