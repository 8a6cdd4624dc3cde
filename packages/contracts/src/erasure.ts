import { z } from 'zod'
import { fields } from './data-class.ts'
import { AgentId, Envelope } from './envelope.ts'
import type { collections } from './documents.ts'
import { workingJobStatuses } from './jobs.ts'

const Instant = z.iso.datetime({ precision: 3 })
const count = z.int().min(0)

/** Whose data is to be deleted: an agent of a tenant. */
export const ErasureRequest = z.strictObject(fields.internal({ tenant: Envelope.shape.tenant, agentId: AgentId }), {
  error: 'must be an object with tenant and agentId, and nothing else',
})
export type ErasureRequest = z.infer<typeof ErasureRequest>

/** How far an erasure is. Whom it is about stands in it only while it has to be known. */
export const ErasureState = z.discriminatedUnion('status', [
  z.object(fields.internal({ status: z.literal('erasing'), agentId: AgentId, dueAt: Instant })),
  z.object(fields.internal({ status: z.literal('erased'), erasedAt: Instant })),
])
export type ErasureState = z.infer<typeof ErasureState>

/** `erasures/{id}`: that an agent's data was deleted, where, how much and when, without naming the agent. */
export const Erasure = z.object(
  fields.internal({
    id: z.string(),
    tenant: z.string(),
    requestedAt: Instant,
    /** How often everything was gone through, and when it was last. */
    passes: count,
    lastPassAt: Instant.nullable(),
    /** How many documents or rows were deleted, or freed of the agent, by the name of their collection or table. */
    deleted: z.record(z.string(), count),
    state: ErasureState,
  }),
)
export type Erasure = z.infer<typeof Erasure>

/** An erasure as the API shows it. */
export const ErasureView = Erasure.omit({ state: true }).extend(
  fields.internal({ status: z.enum(['erasing', 'erased']) }),
)
export type ErasureView = z.infer<typeof ErasureView>

/**
 * `erasedAgents/{SHA-256 of the agent's id}`: events of it that come late are not to bring it back. Goes when no event can
 * be young enough any more to be accepted.
 */
export const ErasedAgent = z.object(fields.internal({ erasureId: z.string(), tenant: z.string(), expiresAt: Instant }))
export type ErasedAgent = z.infer<typeof ErasedAgent>

/** Where in a collection the data of one agent is. */
export type AgentData =
  /** In the document that has its id, and all beneath it. */
  | { found: 'id' }
  /** In documents, and all beneath them, in which a field says `agents/{agentId}`; where it says null, in their bytes. */
  | { found: 'subject'; field: string }
  /**
   * In documents that may name many agents, anywhere in them. They are few, and go whole; those of work that is not over yet,
   * as a field says, stay until it is.
   */
  | { found: 'mention'; working?: { field: string; values: readonly string[] } }
  /** In a list of each document, as an entry with its `agentId`; the other entries stay. */
  | { found: 'entry'; list: string }
  /** Beneath a document of another collection, and goes with it. */
  | { found: 'beneath'; parent: keyof typeof collections }
  /** Until the agent is known to have left: what is kept of it is then forgotten by itself. */
  | { found: 'until it leaves' }
  | { found: 'nowhere'; why: string }

/** How an erasure reaches each collection. One without an entry does not compile. */
export const agentData: Readonly<Record<keyof typeof collections, AgentData> & Record<string, AgentData | undefined>> =
  {
    agentKeys: { found: 'subject', field: 'subject' },
    agents: { found: 'id' },
    alerts: { found: 'mention' },
    channels: { found: 'id' },
    cells: { found: 'until it leaves' },
    counts: { found: 'nowhere', why: 'they count by tenant, region, tier and status' },
    deadLetters: { found: 'subject', field: 'subject' },
    deadLetterReplays: { found: 'mention', working: { field: 'state.status', values: ['running'] } },
    digests: { found: 'nowhere', why: 'it has times, in the order of the names in cells' },
    erasedAgents: { found: 'nowhere', why: 'it has a hash of the id, until late events can no longer come' },
    erasures: { found: 'nowhere', why: 'it names its agent only until it is done' },
    jobs: { found: 'mention', working: { field: 'status', values: [...workingJobStatuses, 'paused'] } },
    apiKeys: { found: 'nowhere', why: 'they are of services' },
    serviceAccounts: { found: 'nowhere', why: 'they are of services' },
    members: { found: 'nowhere', why: 'they are of people, and go with the account' },
    revocations: { found: 'nowhere', why: 'they are of people and agents that sign in, and go within hours' },
    keyRanges: { found: 'nowhere', why: 'it counts writes by range' },
    leases: { found: 'nowhere', why: 'duties are not of agents' },
    ledgerAnchors: { found: 'nowhere', why: 'it has checkpoints, and where they are' },
    ledgerDisclosures: { found: 'nowhere', why: 'they are of people, and go with the account' },
    ledgerEntries: { found: 'nowhere', why: 'what was recorded stays, and has no personal data' },
    ledgerLog: { found: 'nowhere', why: 'it has hashes' },
    ledgerTiles: { found: 'nowhere', why: 'it has hashes' },
    ledgerIntake: { found: 'nowhere', why: 'it is sealed within seconds, and has no personal data' },
    ledgerWindows: {
      found: 'nowhere',
      why: 'it has hashes, which no longer stand for anything once the events are gone',
    },
    pages: { found: 'entry', list: 'agents' },
    passkeys: { found: 'nowhere', why: 'they are of people, who remove them' },
    parked: { found: 'beneath', parent: 'agents' },
    pulses: { found: 'nowhere', why: 'they are brought into cells and go within minutes' },
    parts: { found: 'beneath', parent: 'deadLetters' },
    quotas: { found: 'nowhere', why: 'they go with their window, and name who asked by a hash' },
    reencryptions: { found: 'nowhere', why: 'they count by tenant' },
    tenantKeys: { found: 'nowhere', why: 'they are of a tenant, and destroyed with it' },
    signInChallenges: { found: 'nowhere', why: 'they are of people that sign in, and go with the day' },
    subscribedTenants: { found: 'nowhere', why: 'it names tenants' },
    subscriptions: { found: 'nowhere', why: 'they say what a tenant wants to hear' },
    rollups: { found: 'nowhere', why: 'they count by tenant and minute' },
    shards: { found: 'nowhere', why: 'they count by tenant, region, tier and status' },
    rollupJournal: { found: 'nowhere', why: 'it names messages of receipts' },
  }
