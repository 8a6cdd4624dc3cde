// For each route a request that asks for something that is there, in one tenant. A route that is not here is not tried.
import { generateKeyPairSync, randomBytes, randomInt, randomUUID, sign } from 'node:crypto'
import type { Firestore } from '@google-cloud/firestore'
import {
  agentTokenText,
  AgentId,
  collections,
  JobRequest,
  WindowPart,
  windowPartText,
  type AgentKeysDocument,
  type ApiKeyDocument,
  type DeadLetterDocument,
  type LedgerDisclosure,
  type LedgerWindow,
  type Member,
  type ServiceAccountDocument,
  type SubscriptionDocument,
} from '@infinity-matrix/contracts'
import { beginErasure } from '@infinity-matrix/core/erasure'
import { beginReplay } from '@infinity-matrix/core/events'
import { planJob } from '@infinity-matrix/core/fleet'
import { agentDocument, reportJson } from '@infinity-matrix/testing'
import { context } from '../../functions/src/runtime/context.ts'
import { createAgentTokens } from '../../functions/src/runtime/http/agent-tokens.ts'
import { ownTenant, projectId } from './people.ts'

export interface Asked {
  path: string
  body?: unknown
  headers?: Record<string, string>
}
/** An entry of the ledger of each tenant, which is sealed before anybody asks. */
export const entryOf = (tenant: string): string =>
  tenant === ownTenant ? '019a0000-0000-7000-8000-00000000000a' : '019a0000-0000-7000-8000-00000000000b'

/** Puts what is asked for in place, under the id where one is given, and says how it is asked for. */
export type Ask = (firestore: Firestore, tenant: string, id?: string) => Promise<Asked>

const now = () => new Date().toISOString()
const store = async (firestore: Firestore, collection: string, id: string, fields: object): Promise<string> => {
  await firestore.collection(collection).doc(id).set(fields)
  return id
}
const at =
  (place: (firestore: Firestore, tenant: string, id: string) => Promise<string>, asked: (id: string) => Asked): Ask =>
  async (firestore, tenant, id = randomUUID()) =>
    asked(await place(firestore, tenant, id))
const plain =
  (asked: (tenant: string, id: string) => Asked): Ask =>
  async (_, tenant, id = randomUUID()) =>
    asked(tenant, id)

const agent = (firestore: Firestore, tenant: string, agentId: string) =>
  store(firestore, collections.agents, agentId, agentDocument({ agentId, tenant }))

const job = async (firestore: Firestore, tenant: string, jobId: string) => {
  const request = JobRequest.parse({ jobId, filter: { tenant, status: 'failed' }, patch: { level: 'debug' } })
  await store(firestore, collections.jobs, jobId, planJob(jobId, request, 'person/ada', Date.now()))
  return jobId
}

const workedOn = async (firestore: Firestore, tenant: string, jobId: string) => {
  await job(firestore, tenant, jobId)
  await firestore
    .doc(`${collections.jobs}/${jobId}/${collections.pages}/00000000`)
    .set({ writtenAt: now(), agents: [] })
  return jobId
}

const letter = (firestore: Firestore, tenant: string, id: string) =>
  store(firestore, collections.deadLetters, id, {
    code: 'bad-envelope',
    field: 'tier',
    rule: 'must be a tier',
    topic: 'agent.state-changes',
    message: 'tier must be a tier',
    subject: 'agents/a',
    tenant,
    messageId: '1',
    attributes: [],
    publishedAt: now(),
    deadAt: now(),
    shard: 0,
    original: Buffer.from('{}'),
    partCount: 0,
    digest: '',
    life: { status: 'open' },
    attempts: 0,
  } satisfies DeadLetterDocument)

const replay = (firestore: Firestore, tenant: string, id: string) =>
  store(
    firestore,
    collections.deadLetterReplays,
    id,
    beginReplay(id, { filter: { tenant }, ratePerSecond: 1 }, 0, now()),
  )

const erasure = (firestore: Firestore, tenant: string, id: string) =>
  store(firestore, collections.erasures, id, {
    ...beginErasure(id, { tenant, agentId: 'gone' as never }, Date.now()),
    state: { status: 'erased', erasedAt: now() },
  })

const subscription = (firestore: Firestore, tenant: string, id: string) =>
  store(firestore, collections.subscriptions, id, {
    id,
    tenant,
    filter: 'true',
    target: { kind: 'topic', topic: 'heard' },
    order: 'none',
    retry: { attemptsMax: 5, hoursMax: 1, backoffSecondsMin: 1, backoffSecondsMax: 1 },
    status: 'active',
    disabled: null,
    version: 1,
    activeFrom: now(),
    createdAt: now(),
    updatedAt: now(),
    failures: 0,
    lastFailure: null,
  } satisfies SubscriptionDocument)

const member = (firestore: Firestore, tenant: string, uid: string) =>
  store(firestore, collections.members, uid, {
    uid,
    roles: { [tenant]: 'viewer' },
    signedInFrom: 0,
    changedAt: now(),
    changedBy: 'person/ada',
  } satisfies Member)

const apiKey = async (firestore: Firestore, tenant: string) => {
  const id = randomBytes(8).toString('hex')
  return store(firestore, collections.apiKeys, id, {
    id,
    tenant,
    name: 'a test',
    scopes: ['agents:read'],
    secrets: [{ digest: '', createdAt: now(), expiresAt: null }],
    createdAt: now(),
    createdBy: 'person/ada',
    expiresAt: '2999-01-01T00:00:00.000Z',
    revokedAt: null,
    lastUsedOn: null,
  } satisfies ApiKeyDocument)
}

const serviceAccount = (firestore: Firestore, tenant: string) => {
  const account = String(randomInt(1e11, 1e12))
  return store(firestore, collections.serviceAccounts, `${tenant}.${account}`, {
    id: `${tenant}.${account}`,
    account,
    tenant,
    name: 'a test',
    scopes: ['agents:read'],
    createdAt: now(),
    createdBy: 'person/ada',
    expiresAt: '2999-01-01T00:00:00.000Z',
    revokedAt: null,
    lastUsedOn: null,
  } satisfies ServiceAccountDocument)
}

const agentKeys = (firestore: Firestore, tenant: string, agentId: string, publicKey: string) =>
  store(firestore, collections.agentKeys, `${tenant}.${agentId}`, {
    tenant,
    subject: `agents/${agentId}`,
    keys: [{ id: 'a-key', publicKey, createdAt: now(), createdBy: 'person/ada', lastUsedOn: null }],
    spent: [],
  } satisfies AgentKeysDocument)

const newPublicKey = () => String(generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }).x)

/** A challenge that is signed by the agent that it is for. */
const signedChallenge: Ask = async (firestore, tenant) => {
  const agentId = AgentId.parse(randomUUID())
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  await agentKeys(firestore, tenant, agentId, String(publicKey.export({ format: 'jwk' }).x))
  const given = await createAgentTokens(await context()).challenge({ tenant, agentId })
  const text = agentTokenText({ audience: projectId, tenant, agentId, ...given })
  const signature = sign(null, Buffer.from(text), privateKey).toString('base64url')
  return { path: '/v1/agent-tokens', body: { challenge: given.challenge, signature } }
}

const foldedWindow = (firestore: Firestore, tenant: string, window: string) =>
  store(firestore, collections.ledgerWindows, window, {
    recordedAt: now(),
    root: '',
    parts: windowPartText(WindowPart.parse({ agent: 'agent-1', head: 'A'.repeat(43), length: 1, tenant })),
  } satisfies LedgerWindow)

/** What an entry's commitment stands for; it was stored before such fields were sealed. */
const disclosed: Ask = async (firestore, tenant) => {
  const entryId = entryOf(tenant)
  await store(firestore, collections.ledgerDisclosures, `${entryId.slice(-4)}-${entryId}.email`, {
    tenant,
    entryId,
    field: 'email',
    person: 'ada',
    recordedAt: now(),
    salt: '',
    value: 'ada@example.com',
  } satisfies LedgerDisclosure)
  return { path: `/v1/ledger/disclosures?entry=${entryId}` }
}

const ofTenant = (rest: string) => plain((tenant) => ({ path: `/v1/tenants/${tenant}${rest}` }))
const list = (path: string) => plain((tenant) => ({ path: `${path}?tenant=${tenant}` }))
const desired = at(agent, (id) => ({ path: `/v1/agents/${id}/desired`, body: { a: 1 }, headers: { 'if-match': '*' } }))
const jobAt = (rest = '') => at(job, (id) => ({ path: `/v1/jobs/${id}${rest}` }))
const letterAt = (rest: string, body?: unknown) => at(letter, (id) => ({ path: `/v1/dead-letters/${id}${rest}`, body }))
const memberAt =
  (rest: string): Ask =>
  async (firestore, tenant) => ({
    path: `/v1/members/${await member(firestore, tenant, randomUUID())}${rest}?tenant=${tenant}`,
  })
const subscriptionAt = (rest = '', body?: unknown) =>
  at(subscription, (id) => ({ path: `/v1/subscriptions/${id}${rest}`, body }))

export const requests: Readonly<Record<string, Ask>> = {
  'POST /v1/events': plain((tenant, agentId) => ({
    path: '/v1/events',
    body: reportJson('agent.started.v1', 1, { kind: 'worker' }, { agentId, tenant, timeMs: Date.now() }),
  })),
  'GET /v1/agents': list('/v1/agents'),
  'GET /v1/agents/:agentId': at(agent, (id) => ({ path: `/v1/agents/${id}` })),
  'GET /v1/agents/:agentId/desired': at(agent, (id) => ({ path: `/v1/agents/${id}/desired` })),
  'PUT /v1/agents/:agentId/desired': desired,
  'PATCH /v1/agents/:agentId/desired': desired,
  'GET /v1/counts': list('/v1/counts'),
  'POST /v1/jobs': plain((tenant, jobId) => ({
    path: '/v1/jobs',
    body: { jobId, filter: { tenant, status: 'failed' }, patch: { a: 1 } },
  })),
  'GET /v1/jobs': list('/v1/jobs'),
  'GET /v1/jobs/:jobId': jobAt(),
  'GET /v1/jobs/:jobId/agents': at(workedOn, (id) => ({ path: `/v1/jobs/${id}/agents` })),
  'POST /v1/jobs/:jobId/run': jobAt('/run'),
  'POST /v1/jobs/:jobId/pause': jobAt('/pause'),
  'POST /v1/jobs/:jobId/resume': jobAt('/resume'),
  'POST /v1/jobs/:jobId/abort': jobAt('/abort'),
  'POST /v1/jobs/:jobId/roll-back': jobAt('/roll-back'),
  'GET /v1/dead-letters': list('/v1/dead-letters'),
  'GET /v1/dead-letter-groups': list('/v1/dead-letter-groups'),
  'GET /v1/dead-letters/:id': letterAt(''),
  'POST /v1/dead-letters/:id/replay': letterAt('/replay'),
  'POST /v1/dead-letters/:id/fix': letterAt('/fix', {}),
  'POST /v1/dead-letters/:id/discard': letterAt('/discard', { reason: 'a test' }),
  'POST /v1/dead-letters/:id/reopen': letterAt('/reopen'),
  'POST /v1/dead-letter-replays': plain((tenant) => ({
    path: '/v1/dead-letter-replays',
    body: { filter: { tenant, code: 'too-large' } },
  })),
  'GET /v1/dead-letter-replays/:id': at(replay, (id) => ({ path: `/v1/dead-letter-replays/${id}` })),
  'POST /v1/dead-letter-replays/:id/abort': at(replay, (id) => ({ path: `/v1/dead-letter-replays/${id}/abort` })),
  'POST /v1/erasures': plain((tenant, agentId) => ({ path: '/v1/erasures', body: { tenant, agentId } })),
  'GET /v1/erasures/:id': at(erasure, (id) => ({ path: `/v1/erasures/${id}` })),
  'POST /v1/subscriptions': plain((tenant) => ({
    path: '/v1/subscriptions',
    body: { tenant, target: { kind: 'topic', topic: `tenant.${tenant}.heard` } },
  })),
  'GET /v1/subscriptions': list('/v1/subscriptions'),
  'GET /v1/subscriptions/:id': subscriptionAt(),
  'GET /v1/subscriptions/:id/signing-secrets': subscriptionAt('/signing-secrets'),
  'PATCH /v1/subscriptions/:id': subscriptionAt('', { filter: 'false' }),
  'POST /v1/subscriptions/:id/pause': subscriptionAt('/pause'),
  'POST /v1/subscriptions/:id/resume': subscriptionAt('/resume'),
  'DELETE /v1/subscriptions/:id': subscriptionAt(),
  'POST /v1/members': plain((tenant, uid) => ({ path: '/v1/members', body: { tenant, uid, role: 'viewer' } })),
  'GET /v1/members': list('/v1/members'),
  'DELETE /v1/members/:uid': memberAt(''),
  'POST /v1/members/:uid/end-sessions': memberAt('/end-sessions'),
  'POST /v1/api-keys': plain((tenant) => ({
    path: '/v1/api-keys',
    body: { tenant, name: 'a test', scopes: ['agents:read'] },
  })),
  'GET /v1/api-keys': list('/v1/api-keys'),
  'POST /v1/api-keys/:id/rotate': at(apiKey, (id) => ({ path: `/v1/api-keys/${id}/rotate`, body: {} })),
  'DELETE /v1/api-keys/:id': at(apiKey, (id) => ({ path: `/v1/api-keys/${id}` })),
  'POST /v1/service-accounts': plain((tenant) => ({
    path: '/v1/service-accounts',
    body: { tenant, account: String(randomInt(1e11, 1e12)), name: 'a test', scopes: ['agents:read'] },
  })),
  'GET /v1/service-accounts': list('/v1/service-accounts'),
  'DELETE /v1/service-accounts/:id': at(serviceAccount, (id) => ({ path: `/v1/service-accounts/${id}` })),
  'POST /v1/agent-keys': plain((tenant, agentId) => ({
    path: '/v1/agent-keys',
    body: { tenant, agentId, publicKey: newPublicKey() },
  })),
  'GET /v1/agent-keys': plain((tenant, agentId) => ({ path: `/v1/agent-keys?tenant=${tenant}&agentId=${agentId}` })),
  'DELETE /v1/agent-keys/:id': async (firestore, tenant, agentId = randomUUID()) => {
    await agentKeys(firestore, tenant, agentId, newPublicKey())
    return { path: `/v1/agent-keys/a-key?tenant=${tenant}&agentId=${agentId}` }
  },
  'POST /v1/agent-tokens/challenge': plain((tenant, agentId) => ({
    path: '/v1/agent-tokens/challenge',
    body: { tenant, agentId },
  })),
  'POST /v1/agent-tokens': signedChallenge,
  'GET /v1/tenants/:tenant/keys': ofTenant('/keys'),
  'POST /v1/tenants/:tenant/keys/rotate': ofTenant('/keys/rotate'),
  'DELETE /v1/tenants/:tenant/keys': ofTenant('/keys'),
  'GET /checkpoint': plain(() => ({ path: '/checkpoint' })),
  'GET /tile/:level{[0-9]+}/*': plain(() => ({ path: '/tile/0/000' })),
  'GET /tile/entries/*': plain(() => ({ path: '/tile/entries/000' })),
  'GET /v1/ledger/policy': plain(() => ({ path: '/v1/ledger/policy' })),
  'GET /v1/ledger/cosigned-checkpoint': plain(() => ({ path: '/v1/ledger/cosigned-checkpoint' })),
  'GET /v1/ledger/anchors': plain(() => ({ path: '/v1/ledger/anchors' })),
  'GET /v1/ledger/proofs/consistency': plain(() => ({ path: '/v1/ledger/proofs/consistency?from=1&to=2' })),
  'POST /v1/ledger/checkpoints': plain(() => ({ path: '/v1/ledger/checkpoints', body: {} })),
  'GET /v1/ledger/entries': list('/v1/ledger/entries'),
  'GET /v1/ledger/proofs/inclusion': plain((tenant) => ({
    path: `/v1/ledger/proofs/inclusion?entry=${entryOf(tenant)}`,
  })),
  'GET /v1/ledger/proofs/window': at(foldedWindow, (id) => ({
    path: `/v1/ledger/proofs/window?window=${id}&agent=agent-1`,
  })),
  'GET /v1/ledger/disclosures': disclosed,
  'DELETE /v1/ledger/disclosures': plain((tenant) => ({
    path: `/v1/ledger/disclosures?person=nobody&tenant=${tenant}`,
  })),
  'POST /v1/passkeys/registration-options': plain(() => ({
    path: '/v1/passkeys/registration-options',
    body: { account: 'ada@example.com' },
  })),
  'POST /v1/passkeys': plain(() => ({ path: '/v1/passkeys', body: {} })),
  'POST /v1/passkeys/assertion-options': plain(() => ({ path: '/v1/passkeys/assertion-options', body: {} })),
  'POST /v1/passkeys/assertions': plain(() => ({ path: '/v1/passkeys/assertions', body: {} })),
  'GET /v1/passkeys': plain(() => ({ path: '/v1/passkeys' })),
  'DELETE /v1/passkeys/:id': plain(() => ({ path: `/v1/passkeys/${'0'.repeat(64)}` })),
  'POST /v1/sign-in/wallet/nonce': plain(() => ({ path: '/v1/sign-in/wallet/nonce', body: {} })),
  'POST /v1/sign-in/wallet': plain(() => ({ path: '/v1/sign-in/wallet', body: {} })),
  'POST /v1/deliveries/:id': plain((_, id) => ({
    path: `/v1/deliveries/${id}`,
    body: { message: { messageId: '1', data: '', attributes: {}, publishTime: now() } },
  })),
}
