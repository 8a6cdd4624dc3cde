import {
  AgentDocument,
  archiveTables,
  collections,
  Erasure,
  topics,
  type AgentId,
  type ErasureRequest,
} from '@infinity-matrix/contracts'
import { afterPass, beginErasure, isDue } from '@infinity-matrix/core/erasure'
import type { Context } from '../../runtime/context.ts'
import { createErasedAgents } from '../../runtime/erased-agents.ts'
import { createLeases } from '../../runtime/lease.ts'
import { recorded, recordIn, type Happening } from '../../runtime/ledger.ts'
import { publish } from '../../runtime/publish.ts'
import { createAgentData } from './agent-data.ts'
import { createArchiveRows } from './archive-rows.ts'

const leaseSeconds = 600

/** Requests to delete an agent's data, each a document that says how far it is, worked on by whoever holds its lease. */
export const createErasures = (context: Context) => {
  const { firestore, nowMs, newId } = context
  const erasures = firestore.collection(collections.erasures)
  const agentOf = (agentId: string) => firestore.collection(collections.agents).doc(agentId)
  const leases = createLeases(context)
  const erasedAgents = createErasedAgents(context)
  const agentData = createAgentData(context)
  const archive = createArchiveRows()

  const isOthers = async ({ tenant, agentId }: ErasureRequest): Promise<boolean> => {
    const snapshot = await agentOf(agentId).get()
    return snapshot.exists && snapshot.get('tenant') !== tenant
  }

  /** Begun alike for an agent that is not there and for another tenant's, so that nobody learns which it is. */
  const begin = async (request: ErasureRequest): Promise<Erasure> => {
    const erasure = beginErasure(newId(), request, nowMs())
    // From here on nothing that comes late brings it back.
    if (!(await isOthers(request))) await erasedAgents.remember(request.agentId, erasure)
    await recorded(context, (transaction, record) => {
      transaction.create(erasures.doc(erasure.id), erasure)
      record(changeOf(erasure, 'erasure-requested'))
    })
    return erasure
  }

  // What was deleted by collection, and not whose it was.
  const changeOf = ({ id, tenant, deleted, state }: Erasure, action: string): Happening => ({
    kind: 'change',
    action,
    tenant,
    subject: `${collections.erasures}/${id}`,
    outcome: 'done',
    details: { status: state.status, ...deleted },
  })

  const get = async (id: string): Promise<Erasure | undefined> => {
    const snapshot = await erasures.doc(id).get()
    return snapshot.exists ? Erasure.parse(snapshot.data()) : undefined
  }

  const due = async (): Promise<Erasure[]> => {
    const { docs } = await erasures.where('state.status', '==', 'erasing').get()
    return docs.map((snapshot) => Erasure.parse(snapshot.data())).filter((erasure) => isDue(erasure, nowMs()))
  }

  // Whoever keeps its heartbeats forgets an agent that left. One that is not stored was never heard, or left before.
  const tellThatItLeft = async (agentId: AgentId): Promise<void> => {
    const snapshot = await agentOf(agentId).get()
    if (!snapshot.exists) return
    const { tenant, region, tier } = AgentDocument.parse(snapshot.data())
    const json = {
      specversion: '1.0',
      id: newId(),
      source: '//control-plane/events',
      type: 'agent.heartbeat.v1',
      subject: `agents/${agentId}`,
      time: new Date(nowMs()).toISOString(),
      tenant,
      region,
      tier,
      data: { silenceBoundSeconds: 60, leaving: true, will: null },
    }
    await publish(context, topics.healthChecks.name, { json })
  }

  /**
   * Goes through every tier once, if that is due; does nothing while another worker is at it. A worker that dies leaves the
   * erasure due, and what it deleted is not found again.
   */
  const work = async (id: string): Promise<void> => {
    const held = await leases.acquire(`erasure.${id}`, newId(), leaseSeconds)
    if (held === null) return
    try {
      const erasure = await get(id)
      if (!erasure || !isDue(erasure, nowMs()) || erasure.state.status !== 'erasing') return
      const { tenant } = erasure
      const { agentId } = erasure.state
      const target = { tenant, agentId, isOthers: await isOthers({ tenant, agentId }) }
      if (!target.isOthers) {
        await erasedAgents.remember(agentId, erasure)
        await tellThatItLeft(agentId)
      }
      const deleted = await agentData.erase(target)
      for (const table of Object.values(archiveTables)) {
        const rows = await archive.erase(table, tenant, agentId)
        if (rows > 0) deleted[table.table] = rows
      }
      await leases.commit(held, (transaction) => {
        const after = afterPass(erasure, deleted, nowMs())
        transaction.set(erasures.doc(id), after)
        recordIn(context, transaction, [{ ...changeOf(after, 'agent-data-erased'), kind: 'automation' }])
      })
    } finally {
      await leases.release(held)
    }
  }

  return { begin, get, due, work }
}
