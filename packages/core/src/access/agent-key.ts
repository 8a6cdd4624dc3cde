import {
  agentKeysMax,
  agentTokensMax,
  type AgentKey,
  type AgentKeysDocument,
  type TenantAgent,
} from '@infinity-matrix/contracts'
import type { Principal } from './principal.ts'

export type AgentKeysDecision =
  | { kind: 'next'; document: AgentKeysDocument }
  | { kind: 'refused'; field: string; rule: string }

/** What is kept of an agent that has no keys yet. */
export const noAgentKeys = ({ tenant, agentId }: TenantAgent): AgentKeysDocument => ({
  tenant,
  subject: `agents/${agentId}`,
  keys: [],
  spent: [],
})

/** Registers one more key of an agent. */
export const addAgentKey = (document: AgentKeysDocument, key: AgentKey): AgentKeysDecision => {
  const refused = (rule: string): AgentKeysDecision => ({ kind: 'refused', field: 'publicKey', rule })
  if (document.keys.some(({ publicKey }) => publicKey === key.publicKey))
    return refused('must not be a key that the agent has already')
  if (document.keys.length >= agentKeysMax)
    return refused(`must be one of at most ${agentKeysMax} keys of the agent: remove one first`)
  return { kind: 'next', document: { ...document, keys: [...document.keys, key] } }
}

export const removeAgentKey = (document: AgentKeysDocument, id: string): AgentKeysDocument => ({
  ...document,
  keys: document.keys.filter((key) => key.id !== id),
})

export interface SignedChallenge {
  id: string
  expiresAt: string
  /** The key that its signature is of. */
  keyId: string
}

export type SpendDecision =
  | { kind: 'next'; document: AgentKeysDocument }
  | { kind: 'refused'; reason: 'expired' | 'key-removed' | 'challenge-used' }
  | { kind: 'too-many'; freeAt: string }

/** Makes use of a challenge, which is done once. What was used is remembered for as long as it could be shown again. */
export const spendChallenge = (
  document: AgentKeysDocument,
  { id, expiresAt, keyId }: SignedChallenge,
  now: string,
): SpendDecision => {
  const spent = document.spent.filter((one) => one.expiresAt > now)
  if (expiresAt <= now) return { kind: 'refused', reason: 'expired' }
  if (!document.keys.some((key) => key.id === keyId)) return { kind: 'refused', reason: 'key-removed' }
  if (spent.some((one) => one.id === id)) return { kind: 'refused', reason: 'challenge-used' }
  const [first] = spent.map((one) => one.expiresAt).toSorted()
  if (first !== undefined && spent.length >= agentTokensMax) return { kind: 'too-many', freeAt: first }
  const keys = document.keys.map((key) => (key.id === keyId ? { ...key, lastUsedOn: now.slice(0, 10) } : key))
  return { kind: 'next', document: { ...document, keys, spent: [...spent, { id, expiresAt }] } }
}

/** Who an agent is when it asks: an agent of its own tenant, and of no other. */
export const agentPrincipal = ({ tenant, agentId }: TenantAgent): Principal => ({
  kind: 'agent',
  id: agentId,
  method: 'agent-token',
  roles: { [tenant]: 'agent' },
  scopes: null,
  hasSecondFactor: false,
})

/** By what tokens that were got with a key are revoked: a key that is registered again is another one. */
export const agentKeyPrincipal = (keyId: string): string => `agent-key/${keyId}`
