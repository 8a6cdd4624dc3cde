import { z } from 'zod'
import { fields } from './data-class.ts'
import { AgentId, tiers } from './envelope.ts'
import { ReportedState } from './event-types.ts'
import { Instant } from './when.ts'

/** Firestore's collections, by the name they have in a path. */
export const collections = {
  agents: 'agents',
  alerts: 'alerts',
  /** Who is in a cell, when each was heard last, and heartbeats on their way there: see heartbeat-documents.ts. */
  cells: 'cells',
  channels: 'channels',
  digests: 'digests',
  pulses: 'pulses',
  counts: 'counts',
  deadLetters: 'deadLetters',
  jobs: 'jobs',
  /** Requests to delete an agent's data; and whose data was deleted, by the hash of its id. */
  erasures: 'erasures',
  erasedAgents: 'erasedAgents',
  /** How much each range of keys takes, by the range's name. */
  keyRanges: 'keyRanges',
  deadLetterReplays: 'deadLetterReplays',
  /** Entries on their way into the ledger; what their commitments stand for. */
  ledgerIntake: 'ledgerIntake',
  ledgerDisclosures: 'ledgerDisclosures',
  /** The ledger itself: how far it is, its tiles, and its entries in bundles. */
  ledgerLog: 'ledgerLog',
  ledgerTiles: 'ledgerTiles',
  ledgerEntries: 'ledgerEntries',
  /** Where checkpoints of it are anchored. */
  ledgerAnchors: 'ledgerAnchors',
  /** What each agent has in a commit of the fold, which has one entry in the ledger. */
  ledgerWindows: 'ledgerWindows',
  /** Duties that only one may do at a time, by the duty's name. */
  leases: 'leases',
  /** Keys of agents; API keys of services, and accounts of Google's that are some. */
  agentKeys: 'agentKeys',
  apiKeys: 'apiKeys',
  serviceAccounts: 'serviceAccounts',
  /** What accounts may do, by their id; and whose tokens are revoked. */
  members: 'members',
  revocations: 'revocations',
  /** Passkeys of accounts; and what a sign-in is to answer, until it does. */
  passkeys: 'passkeys',
  signInChallenges: 'signInChallenges',
  /** Under a tenant's counts: what changed since they were counted. */
  shards: 'shards',
  /** What is left of each quota in its window, by the quota's name. */
  quotas: 'quotas',
  /** Data keys, wrapped, and how far a tenant's fields are sealed with the newest one, by tenant. */
  tenantKeys: 'tenantKeys',
  reencryptions: 'reencryptions',
  /** Under a job: what became of its agents. */
  pages: 'pages',
  /** Under an agent: events that wait for a missing one, when the agent's own document holds enough of them. */
  parked: 'parked',
  /** Under a dead letter: its original bytes, when they are too many for one document, and what corrects them. */
  parts: 'parts',
  /** What receipts add up to, by tenant and minute; and which are counted though Pub/Sub may deliver them again. */
  rollups: 'rollups',
  rollupJournal: 'rollupJournal',
  subscribedTenants: 'subscribedTenants',
  subscriptions: 'subscriptions',
} as const

/** Events that wait for a missing one are kept in the agent's document up to this many, then in documents of their own. */
export const parkedInDocumentMax = 32
/** ... and up to this many characters of JSON, so that the document stays far below Firestore's 1 MiB. */
export const parkedInDocumentLengthMax = 200_000
/** More than this many waiting events is not a gap but another history: the rest becomes dead letters. */
export const parkedMax = 1000

/** A report that came before one it follows: its JSON as received, to be applied when the gap closes. */
export const ParkedReport = z.object({
  ...fields.internal({ sequence: z.int(), publishedAt: Instant }),
  ...fields.confidential({ raw: z.string() }),
})
export type ParkedReport = z.infer<typeof ParkedReport>

export const Presence = z.object(
  fields.internal({ status: z.enum(['heard', 'silent']), since: Instant, observedAt: Instant }),
)
export type Presence = z.infer<typeof Presence>

/** What operators want an agent's properties to be. A condition on a change is one on `version`. */
export const DesiredState = z.object({
  ...fields.internal({
    /** How often it was changed: the first change makes it 1. */
    version: z.int(),
    changedAt: Instant,
    changedBy: z.string(),
    /** The bulk job that wrote it. */
    jobId: z.string().nullable(),
  }),
  ...fields.confidential({
    /** JSON. Kept as text, since nothing asks for what is in it and a map would cost at each write of the agent. */
    properties: z.string(),
    /** What the job replaced, for its roll back. */
    replaced: z.string().nullable(),
  }),
})
export type DesiredState = z.infer<typeof DesiredState>

/** `agents/{agentId}`: one agent as the control plane knows it. */
export const AgentDocument = z.object({
  ...fields.internal({
    agentId: AgentId,
    tenant: z.string(),
    region: z.string(),
    tier: z.enum(tiers),
    /** `reported.status`, where queries find it. */
    status: z.string(),
    /** Of its latest run, where queries find them. */
    kind: z.string().nullable().default(null),
    labels: z.record(z.string(), z.string()).default({}),
    reported: ReportedState,
    /** The desired version it says it has seen. */
    seenDesiredVersion: z.int().default(0),
    /** Written by operators, never by the fold; null while nobody asked for anything. */
    desired: DesiredState.nullable().default(null),
    /** Whether the reported properties are all that desired says. */
    inSync: z.boolean().default(true),
    /** How often the document was written. */
    version: z.int(),
    /** Of the last report applied: what is at or before it is a duplicate. */
    lastSequence: z.int(),
    parked: z.array(ParkedReport),
    /** How many more are parked in documents of their own. */
    parkedElsewhere: z.int(),
    /** Since when a report is missing; null when none is. Not indexed, since it only grows: queries ask for `hasGap`. */
    gapSince: Instant.nullable(),
    hasGap: z.boolean(),
    /** Set when the gap outlived its bound and the agent was asked for a snapshot. */
    resyncRequestedAt: Instant.nullable(),
    /** The latest, oldest first, a JSON line each: `transitionsOf` reads them. As maps they would be most of a write's cost. */
    transitions: z.string(),
    /** By heartbeats; null for an agent that never sent one. */
    presence: Presence.nullable(),
    /** The same of what its heartbeats list, by name: of those that were ever silent in this run. */
    capabilities: z.record(z.string(), Presence).default({}),
    /** Its reports as the ledger has them: `chainOf` reads it. Empty while there are none. */
    chain: z.string().default(''),
    createdAt: Instant,
    updatedAt: Instant,
  }),
  ...fields.confidential({
    /** What it reported of its properties, as JSON. */
    properties: z.string().default('{}'),
  }),
})
export type AgentDocument = z.infer<typeof AgentDocument>

/** The one holder of a duty. A write under a lease carries its token; a later holder's is higher (fencing). */
export const Lease = z.object(fields.internal({ holder: z.string(), token: z.int(), expiresAt: Instant }))
export type Lease = z.infer<typeof Lease>
