import { randomBytes } from 'node:crypto'
import {
  agentKeysName,
  AgentKeysDocument,
  agentTokenSeconds,
  collections,
  type AgentKey,
  type AgentKeyRequest,
  type TenantAgent,
} from '@infinity-matrix/contracts'
import {
  addAgentKey,
  agentKeyPrincipal,
  nameOf,
  noAgentKeys,
  removeAgentKey,
  type AgentKeysDecision,
} from '@infinity-matrix/core/access'
import type { Transaction } from '@google-cloud/firestore'
import { originOf } from '../../runtime/acting.ts'
import type { Context } from '../../runtime/context.ts'
import { recorded, type Happening } from '../../runtime/ledger.ts'
import { revokeIn } from '../revoke.ts'

/** Keys of agents in Firestore: a document for each agent, of which every use and every change is a transaction. */
export const createAgentKeys = (context: Context) => {
  const { firestore, nowMs } = context
  const referenceOf = (agent: TenantAgent) => firestore.collection(collections.agentKeys).doc(agentKeysName(agent))
  const instant = (ms: number) => new Date(ms).toISOString()

  const happeningOf = ({ tenant, agentId }: TenantAgent, action: string, key: string): Happening => ({
    kind: 'change',
    action,
    tenant,
    subject: `agents/${agentId}`,
    outcome: 'done',
    details: { key },
  })

  /** @param transaction in which it is read; without one it may be changed at once */
  const read = async (agent: TenantAgent, transaction?: Transaction): Promise<AgentKeysDocument> => {
    const reference = referenceOf(agent)
    const snapshot = await (transaction ? transaction.get(reference) : reference.get())
    return snapshot.exists ? AgentKeysDocument.parse(snapshot.data()) : noAgentKeys(agent)
  }

  const write = (transaction: Transaction, agent: TenantAgent, document: AgentKeysDocument): void => {
    transaction.set(referenceOf(agent), document)
  }

  /** Registers a public key. */
  const add = async ({
    publicKey,
    ...agent
  }: AgentKeyRequest): Promise<{ decision: AgentKeysDecision; key: AgentKey }> => {
    const key: AgentKey = {
      id: randomBytes(8).toString('hex'),
      publicKey,
      createdAt: instant(nowMs()),
      createdBy: nameOf(originOf().actor),
      lastUsedOn: null,
    }
    const decision = await recorded(context, async (transaction, record) => {
      const decided = addAgentKey(await read(agent, transaction), key)
      if (decided.kind !== 'next') return decided
      write(transaction, agent, decided.document)
      record(happeningOf(agent, 'agent-key-registered', key.id))
      return decided
    })
    return { decision, key }
  }

  /** Removes a key, and revokes what was got with it. @returns undefined where the agent has no such key */
  const remove = (agent: TenantAgent, id: string): Promise<AgentKey | undefined> =>
    recorded(context, async (transaction, record) => {
      const document = await read(agent, transaction)
      const key = document.keys.find((one) => one.id === id)
      if (!key) return undefined
      write(transaction, agent, removeAgentKey(document, id))
      // Nothing is got with it from now on: so what was got last is older than this, whatever clocks say.
      revokeIn(context, transaction, agentKeyPrincipal(id), instant(nowMs() + agentTokenSeconds * 1000))
      record(happeningOf(agent, 'agent-key-removed', id))
      return key
    })

  return { read, write, add, remove }
}
export type AgentKeys = ReturnType<typeof createAgentKeys>
