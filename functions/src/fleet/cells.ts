import { CellDocument, collections, type AgentObservation } from '@infinity-matrix/contracts'
import { acquireLease, holdsLease, releaseLease } from '@infinity-matrix/core/lease'
import { cellOf, confirmSilences, sweepSilences, type SilenceNews } from '@infinity-matrix/core/fleet'
import { FieldPath, FieldValue, type DocumentReference, type Firestore } from '@google-cloud/firestore'

type Heartbeat = Extract<AgentObservation, { type: 'agent.heartbeat.v1' }>

const sweepLeaseSeconds = 50

/** What a sweep found in one cell, held under a lease until its news is published. */
export interface CellSweep {
  tenant: string
  region: string
  news: SilenceNews[]
  token: number
}

/** Cells in Firestore: one document for the heartbeats of many agents. */
export const createCellStore = (firestore: Firestore, cellsPerRegion: number) => {
  const cells = firestore.collection(collections.cells)

  /** Notes that an agent was heard. Firestore keeps the latest, so order and repetition do not matter. */
  const hear = async ({ agentId, tenant, region, tier, time, data }: Heartbeat): Promise<void> => {
    const cell = cells.doc(cellOf(tenant, region, agentId, cellsPerRegion))
    const at = FieldValue.maximum(Date.parse(time))
    const said = data.leaving ? { leftAtMs: at } : { heardAtMs: at }
    const heard = { ...said, silenceBoundSeconds: data.silenceBoundSeconds, tier }
    await cell.set({ tenant, region, heard: { [agentId]: heard } }, { merge: true })
  }

  const list = (): Promise<DocumentReference[]> => cells.listDocuments()

  /** Takes the lease of a cell and notes its silences; null while another sweeper holds it. */
  const sweep = (cell: DocumentReference, holder: string, nowMs: number): Promise<CellSweep | null> =>
    firestore.runTransaction(async (transaction) => {
      const snapshot = await transaction.get(cell)
      if (!snapshot.exists) return null
      const document = CellDocument.parse(snapshot.data())
      const lease = acquireLease(document.lease, holder, nowMs, sweepLeaseSeconds)
      if (lease === null) return null
      const { silent, news, forgotten } = sweepSilences(document, nowMs)
      // Field paths, since an agent's id may hold dots.
      const forget = forgotten.flatMap((agentId) => [new FieldPath('heard', agentId), FieldValue.delete()])
      transaction.update(cell, 'lease', lease, 'silent', silent, ...forget)
      return { tenant: document.tenant, region: document.region, news, token: lease.token }
    })

  /** After the news is published: it is not told again. Does nothing when another sweeper has taken over since. */
  const confirm = (cell: DocumentReference, token: number, nowMs: number): Promise<void> =>
    firestore.runTransaction(async (transaction) => {
      const { lease, silent } = CellDocument.parse((await transaction.get(cell)).data())
      if (lease === null || !holdsLease(lease, token)) return
      transaction.update(cell, { silent: confirmSilences(silent), lease: releaseLease(lease, nowMs) })
    })

  return { hear, list, sweep, confirm }
}
