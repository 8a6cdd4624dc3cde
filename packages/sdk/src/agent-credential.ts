import {
  AgentChallenge,
  agentChallengePath,
  AgentToken,
  agentTokenPath,
  agentTokenText,
  type AgentKeyFile,
} from '@infinity-matrix/contracts'
import ky, { HTTPError } from 'ky'
import { CredentialRefusedError } from './errors.ts'

export interface AgentCredentialOptions {
  /** Where tokens are given out, such as `https://access-agenttokens-abc123-uc.a.run.app`. */
  origin: string
  /** The control plane that is to take what is signed: the id of its project. */
  audience: string
  tenant: string
  agentId: string
  /** Signs with the agent's Ed25519 key, wherever that is kept: 64 bytes. */
  sign: (message: Uint8Array<ArrayBuffer>) => Promise<Uint8Array> | Uint8Array
  /** How often a request is sent again that failed for a passing reason. */
  retriesMax?: number
  backoffMsMax?: number
  timeoutSeconds?: number
  fetch?: typeof globalThis.fetch
  /** A clock that goes on while the machine sleeps, in milliseconds. */
  nowMs?: () => number
}

interface HeldToken {
  token: string
  renewAtMs: number
  expiresAtMs: number
}

// So much of a token's time is used before the next one is got.
const usedShare = 0.8

/**
 * What an agent shows that it is itself: a token that it gets by signing a challenge, and renews before it expires.
 *
 * @returns `headers` for `createHttpTransport`, and the token itself
 */
export const createAgentCredential = ({
  origin,
  audience,
  tenant,
  agentId,
  sign,
  retriesMax = 4,
  backoffMsMax = 10_000,
  timeoutSeconds = 30,
  fetch,
  nowMs = () => Date.now(),
}: AgentCredentialOptions) => {
  const base = origin.replace(/\/$/, '')
  const client = ky.create({
    ...(fetch ? { fetch } : {}),
    timeout: timeoutSeconds * 1000,
    retry: {
      limit: retriesMax,
      methods: ['post'],
      afterStatusCodes: [429, 503],
      backoffLimit: backoffMsMax,
      maxRetryAfter: backoffMsMax,
      jitter: true,
      retryOnTimeout: true,
    },
  })

  const exchange = async (): Promise<HeldToken> => {
    const given = AgentChallenge.parse(
      await client.post(base + agentChallengePath, { json: { tenant, agentId } }).json(),
    )
    const text = agentTokenText({ audience, tenant, agentId, ...given })
    const signature = base64url(await sign(new TextEncoder().encode(text)))
    const askedAtMs = nowMs()
    const json = { challenge: given.challenge, signature }
    const { token, expiresInSeconds } = AgentToken.parse(await client.post(base + agentTokenPath, { json }).json())
    const renewAtMs = askedAtMs + expiresInSeconds * 1000 * usedShare
    return { token, renewAtMs, expiresAtMs: askedAtMs + expiresInSeconds * 1000 }
  }

  const isRefused = (error: unknown) => error instanceof HTTPError && error.response.status === 401

  const renew = async (): Promise<HeldToken> => {
    try {
      return await exchange()
    } catch (error) {
      if (!isRefused(error)) throw error
    }
    // Where the answer with the token was lost, the challenge is not good a second time, and the next one is.
    try {
      return await exchange()
    } catch (error) {
      if (!isRefused(error)) throw error
      throw new CredentialRefusedError(`the key is none of ${agentId} in ${tenant}, or not any more`, { cause: error })
    }
  }

  let held: HeldToken | undefined
  let renewing: Promise<HeldToken> | undefined

  /**
   * A token that is good now. Those who ask while one is got share it.
   *
   * @throws {CredentialRefusedError} or what the network throws, where none can be got and the last one is over
   */
  const token = async (): Promise<string> => {
    if (held && nowMs() < held.renewAtMs) return held.token
    renewing ??= renew().finally(() => (renewing = undefined))
    try {
      held = await renewing
    } catch (error) {
      if (!held || nowMs() >= held.expiresAtMs) throw error
    }
    return held.token
  }

  return { token, headers: async () => ({ authorization: `Bearer ${await token()}` }) }
}

const base64url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')

/** Signs with a private key that is there as a JWK (RFC 8037), by Web Crypto. */
export const signWithJwk = (jwk: AgentKeyFile['privateKey']): AgentCredentialOptions['sign'] => {
  const { subtle } = globalThis.crypto
  const importKey = () => subtle.importKey('jwk', jwk, 'Ed25519', false, ['sign'])
  let imported: ReturnType<typeof importKey> | undefined
  return async (message) => new Uint8Array(await subtle.sign('Ed25519', await (imported ??= importKey()), message))
}
