import { hash } from 'node:crypto'
import { collections, ErasedAgent, Erasure, type AgentId } from '@infinity-matrix/contracts'
import { afterLateEvent, lookedOutForDays } from '@infinity-matrix/core/erasure'
import type { Context } from './context.ts'

/** Agents whose data was deleted, known by a hash of their ids for as long as events of them may still come. */
export const createErasedAgents = ({ firestore, batches, nowMs }: Pick<Context, 'firestore' | 'batches' | 'nowMs'>) => {
  const pathOf = (agentId: string) => `${collections.erasedAgents}/${hash('sha256', agentId)}`

  const remember = async (agentId: AgentId, { id: erasureId, tenant }: Erasure): Promise<void> => {
    const expiresAt = new Date(nowMs() + lookedOutForDays * 86_400_000).toISOString()
    await firestore.doc(pathOf(agentId)).set({ erasureId, tenant, expiresAt } satisfies ErasedAgent)
  }

  /** Those of the agents that were erased. It costs one read for each that is asked for. */
  const find = async (agentIds: readonly string[]): Promise<Map<string, ErasedAgent>> => {
    const documents = await batches.readAll(agentIds.map(pathOf))
    const found = new Map<string, ErasedAgent>()
    documents.forEach((document, index) => {
      if (!document) return
      const erased = ErasedAgent.parse(document.fields)
      if (Date.parse(erased.expiresAt) > nowMs()) found.set(agentIds[index] ?? '', erased)
    })
    return found
  }

  /** An event of it came after all: it is in the archive, or will be, and the erasure has to go there again. */
  const noteLate = (agentId: AgentId, { erasureId }: ErasedAgent): Promise<void> =>
    firestore.runTransaction(async (transaction) => {
      const document = firestore.collection(collections.erasures).doc(erasureId)
      const snapshot = await transaction.get(document)
      if (!snapshot.exists) return
      const erasure = Erasure.parse(snapshot.data())
      const next = afterLateEvent(erasure, agentId, nowMs())
      if (next !== erasure) transaction.set(document, next)
    })

  return { remember, find, noteLate }
}

export type ErasedAgents = ReturnType<typeof createErasedAgents>
