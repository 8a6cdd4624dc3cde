import { AgentDocument, chainOf, collections, LedgerWindow, type DeadLetterDocument } from '@infinity-matrix/contracts'
import type { Firestore } from '@google-cloud/firestore'
import type { KeptLetter } from './check-letters.ts'

const agentsPerRead = 200

/** An agent, and what the ledger has under the name of its window. */
export interface RecordedAgent {
  stored: AgentDocument
  windows: LedgerWindow[]
}

/** Every agent there is, some at a time: all of them are too many to hold. */
export async function* storedAgents(firestore: Firestore): AsyncGenerator<RecordedAgent> {
  const inOrder = firestore.collection(collections.agents).orderBy('__name__').limit(agentsPerRead)
  let page = await inOrder.get()
  while (!page.empty) {
    const agents = page.docs.map((snapshot) => AgentDocument.parse(snapshot.data()))
    const windows = await windowsOf(firestore, agents)
    for (const stored of agents) yield { stored, windows: windows.get(stored.agentId) ?? [] }
    page = await inOrder.startAfter(page.docs.at(-1)).get()
  }
}

const windowsOf = async (firestore: Firestore, agents: readonly AgentDocument[]) => {
  const found = new Map<string, LedgerWindow[]>()
  const windows = firestore.collection(collections.ledgerWindows)
  for (const agent of agents) {
    const { agentId } = agent
    const chain = chainOf(agent)
    if (!chain) continue
    const names = [chain.window, `${chain.window}:${agentId}`]
    const snapshots = await firestore.getAll(...names.map((name) => windows.doc(name)))
    found.set(
      agentId,
      snapshots.filter(({ exists }) => exists).map((one) => LedgerWindow.parse(one.data())),
    )
  }
  return found
}

export const keptLetters = async (firestore: Firestore): Promise<KeptLetter[]> => {
  const { docs } = await firestore.collection(collections.deadLetters).get()
  return Promise.all(
    docs.map(async (snapshot) => {
      const { code, original } = snapshot.data() as DeadLetterDocument
      if (original) return { id: snapshot.id, code, bytes: original }
      const parts = await snapshot.ref.collection(collections.parts).orderBy('__name__').get()
      const bytes = Buffer.concat(parts.docs.map((part) => part.get('bytes') as Uint8Array))
      return { id: snapshot.id, code, bytes }
    }),
  )
}
