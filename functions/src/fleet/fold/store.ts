import { AgentDocument, collections, exactly, ParkedReport } from '@infinity-matrix/contracts'
import type { StoredAgent } from '@infinity-matrix/core/fleet'
import type { Firestore } from '@google-cloud/firestore'
import {
  millisOf,
  type Batches,
  type ConditionalWrite,
  type StoredDocument,
  type UpdateTime,
} from '../../runtime/batches.ts'
import { differenceOf } from '../../runtime/difference.ts'

/** An agent as read, and the write it was read after: a precondition for the next one. Undefined: there is none yet. */
export interface LoadedAgent {
  stored: StoredAgent | undefined
  updateTime: UpdateTime | undefined
}

/** By agent: when Firestore wrote those that are saved, in milliseconds since 1970, and why the others are not. */
export interface Saved {
  writtenAtMs: Map<string, number>
  failures: Map<string, unknown>
}

/** What `fold` made of a loaded agent. */
export interface AgentChange {
  agentId: string
  loaded: LoadedAgent
  next: StoredAgent
}

const isAgentDocument = exactly(AgentDocument)

/**
 * Agents in Firestore: read many at once, written each under the precondition that nobody wrote it in between. Nothing
 * is locked, and one agent's conflict is its own.
 */
export const createAgentStore = (firestore: Firestore, batches: Batches) => {
  const pathOf = (agentId: string) => `${collections.agents}/${agentId}`
  const parkedOf = (agentId: string) => firestore.doc(pathOf(agentId)).collection(collections.parked)

  /** One result for each agent: a document that cannot be read is its own agent's failure. */
  const load = async (agentIds: readonly string[]): Promise<PromiseSettledResult<LoadedAgent>[]> => {
    const documents = await batches.readAll(agentIds.map(pathOf))
    return Promise.allSettled(documents.map(read))
  }

  const read = async (found: StoredDocument | undefined): Promise<LoadedAgent> => {
    if (!found) return { stored: undefined, updateTime: undefined }
    const document = isAgentDocument(found.fields) ? found.fields : AgentDocument.parse(found.fields)
    const elsewhere = document.parkedElsewhere === 0 ? [] : (await parkedOf(document.agentId).get()).docs
    const parkedElsewhere = elsewhere.map((parked) => ParkedReport.parse(parked.data()))
    return { stored: { document, parkedElsewhere }, updateTime: found.updateTime }
  }

  const writeOf = ({ agentId, loaded, next }: AgentChange): ConditionalWrite =>
    loaded.stored && loaded.updateTime
      ? { path: pathOf(agentId), ...differenceOf(loaded.stored.document, next.document), after: loaded.updateTime }
      : { path: pathOf(agentId), fields: next.document }

  // Rare: so many reports wait that some have documents of their own, which must change together with the agent's.
  const saveWithParked = async ({ agentId, loaded, next }: AgentChange): Promise<number> => {
    // The client's module is large, and loaded only where it is needed.
    const { Timestamp } = await import('@google-cloud/firestore')
    const agent = firestore.doc(pathOf(agentId))
    const sequences = (parked: readonly ParkedReport[]) => new Set(parked.map(({ sequence }) => sequence))
    const before = loaded.stored?.parkedElsewhere ?? []
    const [had, has] = [sequences(before), sequences(next.parkedElsewhere)]
    const batch = firestore.batch()
    if (loaded.stored && loaded.updateTime) {
      const { seconds, nanos } = loaded.updateTime
      const lastUpdateTime = new Timestamp(Number(seconds), nanos ?? 0)
      batch.update(agent, changedFields(loaded.stored.document, next.document), { lastUpdateTime })
    } else batch.create(agent, next.document)
    for (const { sequence } of before) if (!has.has(sequence)) batch.delete(parkedOf(agentId).doc(String(sequence)))
    for (const parked of next.parkedElsewhere)
      if (!had.has(parked.sequence)) batch.set(parkedOf(agentId).doc(String(parked.sequence)), parked)
    const [written] = await batch.commit()
    return written?.writeTime.toMillis() ?? 0
  }

  /** Stores many changes in as few requests as Firestore's limits allow. */
  const saveAll = async (changes: readonly AgentChange[]): Promise<Saved> => {
    const [apart, together] = [
      changes.filter(hasParkedElsewhere),
      changes.filter((change) => !hasParkedElsewhere(change)),
    ]
    const results = await Promise.all([
      batches.writeAll(together.map(writeOf)),
      Promise.allSettled(apart.map(saveWithParked)),
    ])
    const saved: Saved = { writtenAtMs: new Map(), failures: new Map() }
    results.flat().forEach((result, index) => {
      const { agentId = '' } = together[index] ?? apart[index - together.length] ?? {}
      if (result.status === 'rejected') saved.failures.set(agentId, result.reason)
      else saved.writtenAtMs.set(agentId, typeof result.value === 'number' ? result.value : millisOf(result.value))
    })
    return saved
  }

  return { load, saveAll }
}

export type AgentStore = ReturnType<typeof createAgentStore>

const hasParkedElsewhere = ({ loaded, next }: AgentChange): boolean =>
  next.parkedElsewhere.length > 0 || (loaded.stored?.parkedElsewhere.length ?? 0) > 0

/** What differs, by identity: the fold keeps what it does not touch. */
const changedFields = (before: AgentDocument, after: AgentDocument): Partial<AgentDocument> => {
  const known = new Map<string, unknown>(Object.entries(before))
  return Object.fromEntries(Object.entries(after).filter(([field, value]) => known.get(field) !== value))
}
