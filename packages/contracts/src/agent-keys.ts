import { z } from 'zod'
import { fields } from './data-class.ts'
import { AgentId, Slug } from './envelope.ts'
import { Instant } from './when.ts'

// How an agent shows who it is: its tenant registers a public key of it, and the agent gets short-lived tokens by signing
// challenges with the other half.

/** So many keys an agent has at most, so that one can take the place of the other. */
export const agentKeysMax = 2
/** A challenge is good for so long, and once. */
export const agentChallengeSeconds = 60
/** A token is good for so long. */
export const agentTokenSeconds = 600
/** So many tokens an agent gets in the time for which a challenge is good. */
export const agentTokensMax = 20

export const agentTokenPath = '/v1/agent-tokens'
export const agentChallengePath = `${agentTokenPath}/challenge`

const publicKeyRule = 'must be an Ed25519 public key: 32 bytes in base64url without padding, as `x` of a JWK'
const publicKey = z.string({ error: publicKeyRule }).regex(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/, {
  error: publicKeyRule,
})
const signatureRule = 'must be an Ed25519 signature: 64 bytes in base64url without padding'
const challengeRule = 'must be a challenge, as it was given out'

/** An agent of a tenant. */
export const TenantAgent = z.strictObject(fields.internal({ tenant: Slug, agentId: AgentId }))
export type TenantAgent = z.infer<typeof TenantAgent>

/** `POST /v1/agent-keys`. */
export const AgentKeyRequest = z.strictObject(fields.internal({ tenant: Slug, agentId: AgentId, publicKey }))
export type AgentKeyRequest = z.infer<typeof AgentKeyRequest>

/** A public key of an agent. `id` is of this registration: the same key that comes back has another one. */
export const AgentKey = z.object(
  fields.internal({
    id: z.string(),
    publicKey: z.string(),
    createdAt: Instant,
    createdBy: z.string(),
    /** The day it was last used, as `2026-01-31`: the one that is not used any more can go. */
    lastUsedOn: z.string().nullable(),
  }),
)
export type AgentKey = z.infer<typeof AgentKey>
export const AgentKeyList = z.object(fields.internal({ keys: z.array(AgentKey) }))

/** `agentKeys/{tenant}.{agentId}`: the keys of an agent, and the challenges that it made use of while they were good. */
export const AgentKeysDocument = z.object(
  fields.internal({
    tenant: z.string(),
    /** `agents/{agentId}` */
    subject: z.string(),
    keys: z.array(AgentKey),
    spent: z.array(z.object(fields.internal({ id: z.string(), expiresAt: Instant }))),
  }),
)
export type AgentKeysDocument = z.infer<typeof AgentKeysDocument>

/** The name of that document. No tenant has a dot in its name. */
export const agentKeysName = ({ tenant, agentId }: TenantAgent): string => `${tenant}.${agentId}`

/** What `POST /v1/agent-tokens/challenge` answers to a `TenantAgent`, whether there is such an agent or not. */
export const AgentChallenge = z.object(fields.internal({ challenge: z.string(), expiresAt: Instant }))
export type AgentChallenge = z.infer<typeof AgentChallenge>

/** `POST /v1/agent-tokens`. `signature`: of `agentTokenText` in UTF-8. */
export const AgentTokenRequest = z.strictObject({
  ...fields.internal({
    challenge: z
      .string({ error: challengeRule })
      .regex(/^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+){2}$/, { error: challengeRule })
      .max(2048, { error: challengeRule }),
  }),
  ...fields.restricted({
    signature: z.string({ error: signatureRule }).regex(/^[A-Za-z0-9_-]{85}[AQgw]$/, { error: signatureRule }),
  }),
})
export type AgentTokenRequest = z.infer<typeof AgentTokenRequest>

export const AgentToken = z.object({
  ...fields.internal({ expiresInSeconds: z.int() }),
  ...fields.restricted({ token: z.string() }),
})
export type AgentToken = z.infer<typeof AgentToken>

/**
 * What an agent signs to get a token. It says what it is for and for whom, so that the signature is good for nothing else,
 * nor at another control plane: whoever signs puts in what they know themselves, and of what they were sent only the challenge
 * and its end.
 *
 * @param audience the control plane that is to take it: the id of its project
 */
export const agentTokenText = ({
  audience,
  tenant,
  agentId,
  challenge,
  expiresAt,
}: { audience: string; tenant: string; agentId: string } & AgentChallenge): string =>
  [
    'infinity-matrix: a token for an agent, version 1',
    `audience: ${audience}`,
    `tenant: ${tenant}`,
    `agent: ${agentId}`,
    `challenge: ${challenge}`,
    `expires: ${expiresAt}`,
    '',
  ].join('\n')

/** A private key of an agent, as it keeps it: a JWK (RFC 8037), and whose it is. */
export const AgentKeyFile = z.object({
  ...fields.internal({ tenant: Slug, agentId: AgentId, audience: z.string() }),
  ...fields.restricted({
    privateKey: z.object({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: z.string(), d: z.string() }),
  }),
})
export type AgentKeyFile = z.infer<typeof AgentKeyFile>
