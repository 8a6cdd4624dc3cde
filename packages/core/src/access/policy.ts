// Who may do what. firestore.rules are generated from `collectionRows`; the HTTP layer reads `routeRows`, and the wrappers
// of functions `functionRows`. What has no row serves nobody, and fails the build.
import {
  sealTopic,
  sweepsTopic,
  topics,
  undeliveredTopic,
  type collections,
  type Role,
  type Scope,
} from '@infinity-matrix/contracts'

const everyone = ['viewer', 'editor', 'admin', 'service'] as const
const editors = ['editor', 'admin', 'service'] as const
const admins = ['admin'] as const
const auditors = ['admin', 'service'] as const
/** Agents, too, of what is their own. */
const andAgents = <const Roles extends readonly Role[]>(roles: Roles) => [...roles, 'agent'] as const

/**
 * What clients may read of a collection through security rules; they write nothing. `tenant`: where a document says whose it
 * is. One whose field is null, and each one of `platform`, is the platform's. `self`: the account's whose id it has.
 */
export interface CollectionRow {
  readers: readonly Role[]
  tenant: 'field' | 'id' | 'platform' | 'self'
  /** The collection whose documents it lies beneath. */
  beneath?: keyof typeof collections
}
const closed = { readers: [], tenant: 'platform' } as const

export const collectionRows: Readonly<Record<keyof typeof collections, CollectionRow>> = {
  agentKeys: closed,
  agents: { readers: everyone, tenant: 'field' },
  alerts: { readers: everyone, tenant: 'platform' },
  apiKeys: closed,
  cells: closed,
  channels: closed,
  counts: { readers: everyone, tenant: 'id' },
  deadLetterReplays: closed,
  deadLetters: { readers: editors, tenant: 'field' },
  digests: closed,
  erasedAgents: closed,
  erasures: { readers: admins, tenant: 'field' },
  jobs: { readers: everyone, tenant: 'field' },
  keyRanges: closed,
  leases: closed,
  ledgerAnchors: closed,
  ledgerDisclosures: closed,
  ledgerEntries: closed,
  ledgerIntake: closed,
  ledgerLog: closed,
  ledgerTiles: closed,
  ledgerWindows: closed,
  members: { readers: everyone, tenant: 'self' },
  pages: { ...closed, beneath: 'jobs' },
  parked: { ...closed, beneath: 'agents' },
  parts: { ...closed, beneath: 'deadLetters' },
  passkeys: closed,
  pulses: closed,
  quotas: closed,
  reencryptions: closed,
  revocations: closed,
  rollupJournal: closed,
  rollups: { readers: everyone, tenant: 'field' },
  serviceAccounts: closed,
  shards: { ...closed, beneath: 'counts' },
  signInChallenges: closed,
  subscribedTenants: closed,
  subscriptions: { readers: editors, tenant: 'field' },
  tenantKeys: closed,
}

/**
 * Who may call a route. `anyone` needs no credentials, `invoker` is whom Google lets call a private function, `person` is who
 * is signed in, with whatever role or none, for what is of their own account. Else roles:
 * `checked` in the tenant of what is asked for, which the route names to `authorise` before it answers; `platform` in the
 * platform itself. A service needs the scope too; where it is null no service is let in.
 * What is `isStatic` is the same for everybody, and caches serve it as well: calls of it are not recorded.
 */
export type RouteRow = { callers: 'anyone'; isStatic?: true } | { callers: 'invoker' | 'person' } | RoleRow
export interface RoleRow {
  callers: readonly Role[]
  scope: Scope | null
  tenant: 'checked' | 'platform'
}
export const isForRoles = (row: RouteRow): row is RoleRow => typeof row.callers !== 'string'

const row = (callers: readonly Role[], scope: Scope | null): RouteRow => ({ callers, scope, tenant: 'checked' })

export const routeRows: Readonly<Record<string, RouteRow>> = {
  'POST /v1/events': row(andAgents(editors), 'events:publish'),

  'GET /v1/agents': row(everyone, 'agents:read'),
  'GET /v1/agents/:agentId': row(andAgents(everyone), 'agents:read'),
  'GET /v1/agents/:agentId/desired': row(andAgents(everyone), 'agents:read'),
  'PUT /v1/agents/:agentId/desired': row(editors, 'agents:write'),
  'PATCH /v1/agents/:agentId/desired': row(editors, 'agents:write'),
  'GET /v1/counts': row(everyone, 'agents:read'),

  'POST /v1/jobs': row(editors, 'agents:write'),
  'GET /v1/jobs': row(everyone, 'agents:read'),
  'GET /v1/jobs/:jobId': row(everyone, 'agents:read'),
  'GET /v1/jobs/:jobId/agents': row(everyone, 'agents:read'),
  'POST /v1/jobs/:jobId/run': row(editors, 'agents:write'),
  'POST /v1/jobs/:jobId/pause': row(editors, 'agents:write'),
  'POST /v1/jobs/:jobId/resume': row(editors, 'agents:write'),
  'POST /v1/jobs/:jobId/abort': row(editors, 'agents:write'),
  'POST /v1/jobs/:jobId/roll-back': row(editors, 'agents:write'),

  'GET /v1/dead-letters': row(editors, 'letters:read'),
  'GET /v1/dead-letter-groups': row(editors, 'letters:read'),
  'GET /v1/dead-letters/:id': row(editors, 'letters:read'),
  'POST /v1/dead-letters/:id/replay': row(editors, 'letters:write'),
  'POST /v1/dead-letters/:id/fix': row(editors, 'letters:write'),
  'POST /v1/dead-letters/:id/discard': row(editors, 'letters:write'),
  'POST /v1/dead-letters/:id/reopen': row(editors, 'letters:write'),
  'POST /v1/dead-letter-replays': row(editors, 'letters:write'),
  'GET /v1/dead-letter-replays/:id': row(editors, 'letters:read'),
  'POST /v1/dead-letter-replays/:id/abort': row(editors, 'letters:write'),

  'POST /v1/erasures': row(admins, 'erasures:write'),
  'GET /v1/erasures/:id': row(admins, 'erasures:read'),

  'POST /v1/subscriptions': row(editors, 'subscriptions:write'),
  'GET /v1/subscriptions': row(editors, 'subscriptions:read'),
  'GET /v1/subscriptions/:id': row(editors, 'subscriptions:read'),
  'GET /v1/subscriptions/:id/signing-secrets': row(editors, 'subscriptions:write'),
  'PATCH /v1/subscriptions/:id': row(editors, 'subscriptions:write'),
  'POST /v1/subscriptions/:id/pause': row(editors, 'subscriptions:write'),
  'POST /v1/subscriptions/:id/resume': row(editors, 'subscriptions:write'),
  'DELETE /v1/subscriptions/:id': row(editors, 'subscriptions:write'),

  'GET /v1/tenants/:tenant/keys': row(admins, null),
  'POST /v1/tenants/:tenant/keys/rotate': row(admins, null),
  'DELETE /v1/tenants/:tenant/keys': row(admins, null),
  'POST /v1/members': row(admins, null),
  'GET /v1/members': row(admins, null),
  'DELETE /v1/members/:uid': row(admins, null),
  'POST /v1/members/:uid/end-sessions': row(admins, null),

  'POST /v1/api-keys': row(admins, null),
  'GET /v1/api-keys': row(admins, null),
  'POST /v1/api-keys/:id/rotate': row(admins, null),
  'DELETE /v1/api-keys/:id': row(admins, null),

  'POST /v1/service-accounts': row(admins, null),
  'GET /v1/service-accounts': row(admins, null),
  'DELETE /v1/service-accounts/:id': row(admins, null),

  'POST /v1/agent-keys': row(editors, 'agent-keys:write'),
  'GET /v1/agent-keys': row(editors, 'agent-keys:read'),
  'DELETE /v1/agent-keys/:id': row(editors, 'agent-keys:write'),
  // Whoever has no token yet.
  'POST /v1/agent-tokens/challenge': { callers: 'anyone' },
  'POST /v1/agent-tokens': { callers: 'anyone' },
  'POST /v1/passkeys/registration-options': { callers: 'person' },
  'POST /v1/passkeys': { callers: 'person' },
  'POST /v1/passkeys/assertion-options': { callers: 'person' },
  'POST /v1/passkeys/assertions': { callers: 'person' },
  'GET /v1/passkeys': { callers: 'person' },
  'DELETE /v1/passkeys/:id': { callers: 'person' },
  'POST /v1/sign-in/wallet/nonce': { callers: 'anyone' },
  'POST /v1/sign-in/wallet': { callers: 'anyone' },

  'POST /v1/deliveries/:id': { callers: 'invoker' },

  'GET /checkpoint': { callers: 'anyone', isStatic: true },
  'GET /tile/:level{[0-9]+}/*': { callers: 'anyone', isStatic: true },
  'GET /tile/entries/*': { callers: auditors, scope: 'ledger:read', tenant: 'platform' },
  'GET /v1/ledger/policy': { callers: 'anyone', isStatic: true },
  'GET /v1/ledger/cosigned-checkpoint': { callers: 'anyone', isStatic: true },
  'GET /v1/ledger/anchors': { callers: 'anyone', isStatic: true },
  'GET /v1/ledger/proofs/consistency': { callers: 'anyone', isStatic: true },
  'POST /v1/ledger/checkpoints': { callers: 'anyone' },
  'GET /v1/ledger/entries': row(auditors, 'ledger:read'),
  'GET /v1/ledger/proofs/inclusion': row(auditors, 'ledger:read'),
  'GET /v1/ledger/proofs/window': row(auditors, 'ledger:read'),
  'GET /v1/ledger/disclosures': row(auditors, 'ledger:read'),
  'DELETE /v1/ledger/disclosures': row(admins, null),
}

/**
 * What fires a function, and nothing else does. `callers`: a request of anybody, of whom each route asks credentials of ours.
 * The others are private, which IAM holds, and their wrappers look themselves: `push`, a request of Pub/Sub as the service
 * account that its subscriptions name; `topic`, a message of that topic of ours; `schedule`, Cloud Scheduler's job of the
 * function, at those times. What is fired so acts as the control-plane actor of its own name, and writes the collections that
 * are named here beside `writtenByAll`; what a request writes is for its route to say.
 */
export type FunctionRow =
  | { firedBy: 'callers' }
  | { firedBy: 'push' }
  | { firedBy: 'topic'; topic: string; writes: Collections }
  | { firedBy: 'schedule'; schedule: string; writes: Collections }
type Collections = readonly (keyof typeof collections)[]

const callers = { firedBy: 'callers' } as const
const onTopic = (topic: string, writes: Collections) => ({ firedBy: 'topic', topic, writes }) as const
const at = (schedule: string, writes: Collections) => ({ firedBy: 'schedule', schedule, writes }) as const

/** Entries on their way into the ledger, and duties that only one may do at a time. */
export const writtenByAll: Collections = ['ledgerIntake', 'leases']
/** Where what is refused is kept, unless it is of an agent whose erasure it opens again. */
const refusals = ['deadLetters', 'parts', 'erasures'] as const
const ofRetention = [
  'alerts',
  'deadLetterReplays',
  'deadLetters',
  'erasedAgents',
  'erasures',
  'jobs',
  'pages',
  'parts',
  'quotas',
  'revocations',
  'rollups',
  'signInChallenges',
] as const
const ofAgents = [
  'agentKeys',
  'agents',
  'parked',
  'alerts',
  'channels',
  'deadLetters',
  'parts',
  'deadLetterReplays',
  'jobs',
  'pages',
] as const
const ofFold = ['agents', 'parked', 'shards', 'keyRanges', 'ledgerWindows'] as const
const ofLog = ['ledgerLog', 'ledgerTiles', 'ledgerEntries'] as const

export const functionRows = {
  'access-agentTokens': callers,
  'access-api': callers,
  'access-reencrypt': at('every 1 minutes', ['reencryptions', 'subscriptions', 'ledgerDisclosures']),
  'access-rotateKeys': at('every 24 hours', ['tenantKeys', 'reencryptions']),
  'access-rotateSecrets': at('every 24 hours', []),
  'events-api': callers,
  'events-deliver': { firedBy: 'push' },
  'events-erase': at('every 1 minutes', [...ofAgents, 'erasures', 'erasedAgents']),
  'events-giveUpMissing': at('every 5 minutes', ['channels', 'subscriptions', ...refusals]),
  'events-logReceipts': onTopic(topics.analytics.name, []),
  'events-onChange': onTopic(topics.realtimeSync.name, ['channels', 'subscriptions', ...refusals]),
  'events-onCriticalError': onTopic(topics.criticalErrors.name, ['alerts', ...refusals]),
  'events-onUndelivered': onTopic(undeliveredTopic, refusals),
  'events-replayDeadLetters': at('every 1 minutes', ['deadLetters', 'deadLetterReplays']),
  'events-retain': at('every 24 hours', ofRetention),
  'events-rollUpReceipts': at('every 1 minutes', ['rollups', 'rollupJournal']),
  'fleet-api': callers,
  'fleet-ingest': callers,
  'fleet-onHeartbeat': onTopic(topics.healthChecks.name, ['pulses', ...refusals]),
  'fleet-onStateChange': onTopic(topics.stateChanges.name, [...ofFold, ...refusals]),
  'fleet-reconcileCounts': at('every 5 minutes', ['counts', 'shards']),
  'fleet-remindDesired': at('every 10 minutes', []),
  'fleet-runJobs': at('every 1 minutes', ['jobs', 'pages', 'agents', 'keyRanges']),
  'fleet-sweepCells': onTopic(sweepsTopic, ['cells', 'digests', 'pulses']),
  'fleet-sweepGaps': at('every 1 minutes', ['agents']),
  'fleet-sweepSilent': at('* * * * *', []),
  'ledger-anchor': at('every 10 minutes', ['ledgerAnchors']),
  'ledger-api': callers,
  'ledger-exportCold': at('every 10 minutes', ['ledgerLog']),
  'ledger-seal': onTopic(sealTopic, ofLog),
  'ledger-sealTick': at('every 1 minutes', ofLog),
} as const satisfies Readonly<Record<string, FunctionRow>>
export type FunctionName = keyof typeof functionRows

/** The functions that are fired in one way. */
export type FunctionFiredBy<By extends FunctionRow['firedBy']> = {
  [Name in FunctionName]: (typeof functionRows)[Name]['firedBy'] extends By ? Name : never
}[FunctionName]
