import { generateKeyPairSync, verify, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { agentChallengePath, AgentKeyFile, agentTokenPath, agentTokenText } from '@infinity-matrix/contracts'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createAgentCredential, signWithJwk } from './agent-credential.ts'

const { publicKey, privateKey } = generateKeyPairSync('ed25519')
const jwkOf = (key: KeyObject) => AgentKeyFile.shape.privateKey.parse(key.export({ format: 'jwk' }))
const jwk = jwkOf(privateKey)
const who = { audience: 'demo', tenant: 'acme', agentId: 'a-1' }

/** What the server answers next: a status, or a token for a challenge that it gave out and that is signed. */
let statuses: number[] = []
let asked: string[] = []
let given = 0
let open = new Map<string, string>()

const isSigned = (challenge: string, signature: string): boolean => {
  const text = agentTokenText({ ...who, challenge, expiresAt: open.get(challenge) ?? '' })
  return verify(null, Buffer.from(text), publicKey, Buffer.from(signature, 'base64url'))
}
const answer = (path: string, body: Record<string, string>): [status: number, body: object] => {
  const challenge = body['challenge'] ?? ''
  if (path === agentChallengePath) {
    const next = { challenge: `challenge-${++given}`, expiresAt: `2026-01-01T00:00:0${given}.000Z` }
    open.set(next.challenge, next.expiresAt)
    return [200, next]
  }
  const isGood = open.has(challenge) && isSigned(challenge, body['signature'] ?? '')
  open.delete(challenge)
  return isGood ? [200, { token: `token-${given}`, expiresInSeconds: 600 }] : [401, {}]
}
const server = createServer((request, response) => {
  const take = async () => {
    const path = request.url ?? ''
    const body = JSON.parse(Buffer.concat(await request.toArray()).toString()) as Record<string, string>
    asked.push(path)
    const [status, answered] = answer(path, body)
    // What is told of what was done may be lost.
    const told = statuses.shift() ?? status
    response
      .writeHead(told, { 'content-type': 'application/json' })
      .end(JSON.stringify(told === status ? answered : {}))
  }
  void take()
})
let origin = ''

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => new Promise((resolve) => server.close(resolve)))
beforeEach(() => {
  ;[statuses, asked, given, open] = [[], [], 0, new Map()]
})

const credential = (nowMs = () => 0, more: object = {}) =>
  createAgentCredential({ origin, ...who, sign: signWithJwk(jwk), nowMs, backoffMsMax: 1, retriesMax: 2, ...more })

describe('a credential', () => {
  it('gets a token by signing a challenge, once for all who ask', async () => {
    const { token, headers } = credential()
    expect(await Promise.all([token(), token(), token()])).toEqual(['token-1', 'token-1', 'token-1'])
    expect(await headers()).toEqual({ authorization: 'Bearer token-1' })
    expect(asked).toEqual([agentChallengePath, agentTokenPath])
  })

  it('renews it before it expires', async () => {
    let atMs = 0
    const { token } = credential(() => atMs)
    await token()
    atMs = 479_000
    expect(await token()).toBe('token-1')
    atMs = 480_000
    expect(await token()).toBe('token-2')
  })

  it('that cannot renew it uses it until it expires', async () => {
    let atMs = 0
    const { token } = credential(() => atMs)
    await token()
    statuses = Array.from({ length: 3 }, () => 503)
    atMs = 599_000
    expect(await token()).toBe('token-1')
    statuses = Array.from({ length: 3 }, () => 503)
    atMs = 600_000
    await expect(token()).rejects.toThrow('503')
    expect(await token()).toMatch(/^token-/)
  })

  it('asks for another challenge where the answer to one was lost', async () => {
    statuses = [200, 500]
    expect(await credential().token()).toBe('token-2')
    expect(asked).toEqual([agentChallengePath, agentTokenPath, agentTokenPath, agentChallengePath, agentTokenPath])
  })

  it('of another key is refused', async () => {
    const sign = signWithJwk(jwkOf(generateKeyPairSync('ed25519').privateKey))
    await expect(credential(undefined, { sign }).token()).rejects.toMatchObject({ code: 'credential-refused' })
    expect(asked).toHaveLength(4)
  })
})
