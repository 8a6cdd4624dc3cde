import { AgentDocument, collections, type DeadLetterDocument } from '@infinity-matrix/contracts'
import type { Firestore } from '@google-cloud/firestore'
import type { KeptLetter } from './check-letters.ts'

const agentsPerRead = 200

/** Every agent there is, some at a time: all of them are too many to hold. */
export async function* storedAgents(firestore: Firestore): AsyncGenerator<AgentDocument> {
  const inOrder = firestore.collection(collections.agents).orderBy('__name__').limit(agentsPerRead)
  let page = await inOrder.get()
  while (!page.empty) {
    for (const snapshot of page.docs) yield AgentDocument.parse(snapshot.data())
    page = await inOrder.startAfter(page.docs.at(-1)).get()
  }
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
