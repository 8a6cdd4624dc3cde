import { AgentDocument, collections, ParkedReport } from '@infinity-matrix/contracts'
import type { StoredAgent } from '@infinity-matrix/core/fleet'
import type { BulkWriter, DocumentReference, DocumentSnapshot, Firestore, Timestamp } from '@google-cloud/firestore'

/** An agent as read, and the write it was read after: a precondition for the next one. Undefined: there is none yet. */
export interface LoadedAgent {
  stored: StoredAgent | undefined
  updateTime: Timestamp | undefined
}

/** What `fold` made of a loaded agent. */
export interface AgentChange {
  agentId: string
  loaded: LoadedAgent
  next: StoredAgent
}

/**
 * Agents in Firestore: read many at once, written each under the precondition that nobody wrote it in between. Nothing
 * is locked, and one agent's conflict is its own.
 */
export const createAgentStore = (firestore: Firestore) => {
  const agents = firestore.collection(collections.agents)
  const parkedOf = (agent: DocumentReference) => agent.collection(collections.parked)
  /** One result for each agent: a document that cannot be read is its own agent's failure. */
  const load = async (agentIds: readonly string[]): Promise<PromiseSettledResult<LoadedAgent>[]> => {
    const snapshots = await firestore.getAll(...agentIds.map((id) => agents.doc(id)))
    return Promise.allSettled(snapshots.map(read))
  }

  const read = async (snapshot: DocumentSnapshot): Promise<LoadedAgent> => {
    if (!snapshot.exists) return { stored: undefined, updateTime: undefined }
    const document = AgentDocument.parse(snapshot.data())
    const elsewhere = document.parkedElsewhere === 0 ? [] : (await parkedOf(snapshot.ref).get()).docs
    const parkedElsewhere = elsewhere.map((parked) => ParkedReport.parse(parked.data()))
    return { stored: { document, parkedElsewhere }, updateTime: snapshot.updateTime }
  }

  // Settles when the change is stored; rejects with the status that Firestore gave for this one write.
  const save = async (writer: BulkWriter, change: AgentChange): Promise<void> => {
    const agent = agents.doc(change.agentId)
    const { document, parkedElsewhere } = change.next
    const { stored, updateTime } = change.loaded
    const before = stored?.parkedElsewhere ?? []
    if (before.length > 0 || parkedElsewhere.length > 0) return saveWithParked(change)
    await (updateTime
      ? writer.update(agent, changedFields(stored?.document, document), { lastUpdateTime: updateTime })
      : writer.create(agent, document))
  }

  // Rare: so many reports wait that some have documents of their own, which must change together with the agent's.
  const saveWithParked = async ({ agentId, loaded, next }: AgentChange): Promise<void> => {
    const agent = agents.doc(agentId)
    const sequences = (parked: readonly ParkedReport[]) => new Set(parked.map(({ sequence }) => sequence))
    const before = loaded.stored?.parkedElsewhere ?? []
    const [had, has] = [sequences(before), sequences(next.parkedElsewhere)]
    const batch = firestore.batch()
    if (loaded.updateTime)
      batch.update(agent, changedFields(loaded.stored?.document, next.document), { lastUpdateTime: loaded.updateTime })
    else batch.create(agent, next.document)
    for (const { sequence } of before) if (!has.has(sequence)) batch.delete(parkedOf(agent).doc(String(sequence)))
    for (const parked of next.parkedElsewhere)
      if (!had.has(parked.sequence)) batch.set(parkedOf(agent).doc(String(parked.sequence)), parked)
    await batch.commit()
  }

  /** Stores many changes in as few requests as Firestore's limits allow; one result for each. */
  const saveAll = (changes: readonly AgentChange[]): Promise<PromiseSettledResult<void>[]> => {
    // Our own retry reads again, which the writer's cannot; and its ramp-up is for bulk loads.
    const writer = firestore.bulkWriter({ throttling: false })
    writer.onWriteError(() => false)
    const saved = Promise.allSettled(changes.map((change) => save(writer, change)))
    void writer.close()
    return saved
  }

  return { load, saveAll }
}

export type AgentStore = ReturnType<typeof createAgentStore>

/** What differs, by identity: the fold keeps what it does not touch. */
const changedFields = (before: AgentDocument | undefined, after: AgentDocument): Partial<AgentDocument> => {
  const known = new Map<string, unknown>(Object.entries(before ?? {}))
  return Object.fromEntries(Object.entries(after).filter(([field, value]) => known.get(field) !== value))
}
