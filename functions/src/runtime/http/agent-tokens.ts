import { randomUUID } from 'node:crypto'
import {
  agentChallengeSeconds,
  AgentId,
  agentTokenSeconds,
  Slug,
  type AgentChallenge,
  type TenantAgent,
} from '@infinity-matrix/contracts'
import { agentPrincipal, type Principal } from '@infinity-matrix/core/access'
import type { JWTVerifyGetKey } from 'jose'
import { z } from 'zod'
import type { Context } from '../context.ts'
import { projectId } from '../params.ts'
import { tenantKeys } from '../tenant-keys.ts'
import { createTokenKeys, type TokenKeys } from '../token-keys.ts'

const Claims = z.object({ sub: AgentId, tenant: Slug, key: z.string(), iat: z.number() })
const ChallengeClaims = z.object({ sub: AgentId, tenant: Slug, jti: z.string(), exp: z.number() })

// Clocks of instances differ.
const clockToleranceSeconds = 10

const issuer = () => `infinity-matrix/${projectId()}`
export const isOwnIssuer = (iss: string | undefined): boolean => iss === issuer()

/** What is said of an agent's challenge by its own text. */
export interface KnownChallenge extends TenantAgent, AgentChallenge {
  id: string
}

/**
 * The tokens of agents, and the challenges that they sign to get them: JWTs of ours, of which no instance has to remember
 * that it gave them out. The one is signed with EdDSA, the other authenticated with HS256 and a key of its own; each says in
 * `typ` which it is, and in `kid` the version of the keys.
 */
export const createAgentTokens = (context: Context) => {
  const { nowMs } = context
  const { current, believed } = createTokenKeys({ keys: tenantKeys(context), nowMs })
  const nowSeconds = () => Math.floor(nowMs() / 1000)

  const keyBy =
    (pick: (keys: TokenKeys) => TokenKeys['publicKey'] | Uint8Array): JWTVerifyGetKey =>
    async ({ kid }) => {
      const keys = await believed(kid)
      if (keys) return pick(keys)
      const { errors } = await import('jose')
      throw new errors.JWKSNoMatchingKey()
    }

  const expected = () => ({
    issuer: issuer(),
    audience: projectId(),
    currentDate: new Date(nowMs()),
    requiredClaims: ['exp', 'sub'],
  })

  /** A challenge for an agent, whether there is one or not. */
  const challenge = async ({ tenant, agentId }: TenantAgent): Promise<AgentChallenge> => {
    const { SignJWT } = await import('jose')
    const { version, challengeKey } = await current()
    const expiresAtSeconds = nowSeconds() + agentChallengeSeconds
    const text = await new SignJWT({ tenant })
      .setProtectedHeader({ alg: 'HS256', typ: 'agent-challenge+jwt', kid: String(version) })
      .setIssuer(issuer())
      .setAudience(projectId())
      .setSubject(agentId)
      .setJti(randomUUID())
      .setExpirationTime(expiresAtSeconds)
      .sign(challengeKey)
    return { challenge: text, expiresAt: new Date(expiresAtSeconds * 1000).toISOString() }
  }

  /** @throws what jose or zod throw for a challenge that is not good */
  const readChallenge = async (text: string): Promise<KnownChallenge> => {
    const { jwtVerify } = await import('jose')
    const key = keyBy(({ challengeKey }) => challengeKey)
    const { payload } = await jwtVerify(text, key, {
      ...expected(),
      typ: 'agent-challenge+jwt',
      algorithms: ['HS256'],
    })
    const { sub, tenant, jti, exp } = ChallengeClaims.parse(payload)
    return { tenant, agentId: sub, id: jti, challenge: text, expiresAt: new Date(exp * 1000).toISOString() }
  }

  /** @param keyId of the key that the agent signed with */
  const issue = async ({ tenant, agentId }: TenantAgent, keyId: string): Promise<string> => {
    const { SignJWT } = await import('jose')
    const { version, privateKey } = await current()
    const issuedAtSeconds = nowSeconds()
    return new SignJWT({ tenant, key: keyId })
      .setProtectedHeader({ alg: 'EdDSA', typ: 'agent+jwt', kid: String(version) })
      .setIssuer(issuer())
      .setAudience(projectId())
      .setSubject(agentId)
      .setIssuedAt(issuedAtSeconds)
      .setExpirationTime(issuedAtSeconds + agentTokenSeconds)
      .sign(privateKey)
  }

  /**
   * Whose a token is.
   *
   * @throws what jose or zod throw for a token that is not good
   */
  const verify = async (token: string): Promise<{ principal: Principal; keyId: string; issuedAtSeconds: number }> => {
    const { jwtVerify } = await import('jose')
    const key = keyBy(({ publicKey }) => publicKey)
    const { payload } = await jwtVerify(token, key, {
      ...expected(),
      typ: 'agent+jwt',
      algorithms: ['EdDSA'],
      clockTolerance: clockToleranceSeconds,
    })
    const { sub, tenant, key: keyId, iat } = Claims.parse(payload)
    return { principal: agentPrincipal({ tenant, agentId: sub }), keyId, issuedAtSeconds: iat }
  }

  return { challenge, readChallenge, issue, verify }
}
export type AgentTokens = ReturnType<typeof createAgentTokens>
