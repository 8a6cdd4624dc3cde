import { agentTokenText, type AgentTokenRequest, type TenantAgent } from '@infinity-matrix/contracts'
import { agentPrincipal, spendChallenge, type SpendDecision } from '@infinity-matrix/core/access'
import type { Context } from '../../runtime/context.ts'
import { actorOf } from '../../runtime/http/authorise.ts'
import { createAgentTokens, type KnownChallenge } from '../../runtime/http/agent-tokens.ts'
import { isFaultOfToken } from '../../runtime/http/fault-of-token.ts'
import { recorded } from '../../runtime/ledger.ts'
import { projectId } from '../../runtime/params.ts'
import { verifyEd25519 } from '../../runtime/verify-ed25519.ts'
import { createAgentKeys } from './agent-keys.ts'

export type Redeemed =
  | { kind: 'token'; agent: TenantAgent; token: string }
  | Exclude<SpendDecision, { kind: 'next' }>
  | { kind: 'refused'; reason: 'bad-challenge' | 'bad-signature' }

/** Gives tokens to agents for challenges that they signed. */
export const createAgentDesk = (context: Context) => {
  const tokens = createAgentTokens(context)
  const keys = createAgentKeys(context)

  const known = async (challenge: string): Promise<KnownChallenge | undefined> => {
    try {
      return await tokens.readChallenge(challenge)
    } catch (error) {
      if (isFaultOfToken(error)) return undefined
      throw error
    }
  }

  /** One token for a challenge, whoever else redeems it at the same moment, at this instance or another one. */
  const redeem = async ({ challenge, signature }: AgentTokenRequest): Promise<Redeemed> => {
    const asked = await known(challenge)
    if (!asked) return { kind: 'refused', reason: 'bad-challenge' }
    const { id, tenant, agentId, expiresAt } = asked
    const agent = { tenant, agentId }
    const text = agentTokenText({ audience: projectId(), tenant, agentId, challenge, expiresAt })
    const stored = await keys.read(agent)
    const key = stored.keys.find(({ publicKey }) => verifyEd25519(publicKey, text, signature))
    if (!key) return { kind: 'refused', reason: 'bad-signature' }
    // Before it is recorded, and told only after.
    const token = await tokens.issue(agent, key.id)
    return recorded(context, async (transaction, record) => {
      const now = new Date(context.nowMs()).toISOString()
      const decision = spendChallenge(await keys.read(agent, transaction), { id, expiresAt, keyId: key.id }, now)
      if (decision.kind !== 'next') return decision
      keys.write(transaction, agent, decision.document)
      record({
        kind: 'authentication',
        action: 'agent-token-issued',
        actor: actorOf(agentPrincipal(agent)),
        tenant,
        subject: `agents/${agentId}`,
        outcome: 'done',
        details: { key: key.id },
      })
      return { kind: 'token', agent, token }
    })
  }

  return { challenge: tokens.challenge, redeem }
}
