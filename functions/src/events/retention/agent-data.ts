import { agentData, collections, type AgentData, type Erasure } from '@infinity-matrix/contracts'
import { mentions } from '@infinity-matrix/core/erasure'
import type { QueryDocumentSnapshot } from '@google-cloud/firestore'
import type { Context } from '../../runtime/context.ts'
import { deleteWhole, each } from '../documents.ts'

/** Whose data: an agent of a tenant. */
export interface Target extends Pick<Erasure, 'tenant'> {
  agentId: string
  /** Whether another tenant has the agent of that id: then it is only what says that it is of this tenant. */
  isOthers: boolean
}

type Found<Kind extends AgentData['found']> = Extract<AgentData, { found: Kind }>

/** What is stored of one agent in Firestore, found as `agentData` says. */
export const createAgentData = ({ firestore }: Pick<Context, 'firestore'>) => {
  // A document of another tenant under the same id is not this agent's.
  const isOf = (snapshot: { get: (field: string) => unknown }, { tenant, isOthers }: Target): boolean => {
    const owner: unknown = snapshot.get('tenant')
    return typeof owner === 'string' ? owner === tenant : !isOthers
  }

  const bytesOf = async (letter: QueryDocumentSnapshot): Promise<string> => {
    const parts = await letter.ref.collection(collections.parts).get()
    const bytes = [letter.get('original'), ...parts.docs.map((part): unknown => part.get('bytes'))]
    return Buffer.concat(bytes.filter((one) => one instanceof Uint8Array)).toString('latin1')
  }

  const eraseById = async (collection: string, target: Target): Promise<number> => {
    const document = firestore.collection(collection).doc(target.agentId)
    const snapshot = await document.get()
    return !snapshot.exists || isOf(snapshot, target) ? deleteWhole(document) : 0
  }

  const eraseBySubject = async (collection: string, { field }: Found<'subject'>, target: Target): Promise<number> => {
    let deleted = 0
    const subject = `agents/${target.agentId}`
    for await (const snapshot of each(firestore.collection(collection).where(field, '==', subject)))
      if (isOf(snapshot, target)) deleted += await deleteWhole(snapshot.ref)
    if (target.isOthers) return deleted
    // Whose these are could not be read from them.
    for await (const snapshot of each(firestore.collection(collection).where(field, '==', null)))
      if (mentions(await bytesOf(snapshot), target.agentId)) deleted += await deleteWhole(snapshot.ref)
    return deleted
  }

  // What still works keeps its place, which may be this agent; it is counted, so that another pass comes back to it.
  const eraseMentions = async (collection: string, { working }: Found<'mention'>, target: Target) => {
    let found = 0
    for await (const snapshot of each(firestore.collection(collection))) {
      if (!isOf(snapshot, target) || !mentions(JSON.stringify(snapshot.data()), target.agentId)) continue
      if (working?.values.includes(String(snapshot.get(working.field)))) found++
      else found += await deleteWhole(snapshot.ref)
    }
    return found
  }

  const eraseEntries = async (collection: string, { list }: Found<'entry'>, target: Target): Promise<number> => {
    const { agentId } = target
    let changed = 0
    if (target.isOthers) return changed
    for await (const snapshot of each(firestore.collectionGroup(collection))) {
      const entries: unknown = snapshot.get(list)
      if (!Array.isArray(entries)) continue
      const isOthers = (entry: unknown) =>
        !(typeof entry === 'object' && entry !== null && 'agentId' in entry && entry.agentId === agentId)
      const left = entries.filter(isOthers)
      if (left.length === entries.length) continue
      await snapshot.ref.update({ [list]: left }, { lastUpdateTime: snapshot.updateTime })
      changed++
    }
    return changed
  }

  const eraseFrom = async (collection: string, data: AgentData, target: Target): Promise<number> => {
    switch (data.found) {
      case 'id':
        return eraseById(collection, target)
      case 'subject':
        return eraseBySubject(collection, data, target)
      case 'mention':
        return eraseMentions(collection, data, target)
      case 'entry':
        return eraseEntries(collection, data, target)
      case 'beneath':
      case 'until it leaves':
      case 'nowhere':
        return 0
      default:
        return data satisfies never
    }
  }

  /** Deletes it all. @returns how many documents of each collection were deleted or changed */
  const erase = async (target: Target): Promise<Record<string, number>> => {
    const deleted: Record<string, number> = {}
    for (const [name, collection] of Object.entries(collections)) {
      const data = agentData[name]
      if (!data) continue
      const count = await eraseFrom(collection, data, target)
      if (count > 0) deleted[collection] = count
    }
    return deleted
  }

  return { erase }
}
