import { z } from 'zod'
import { fields } from './data-class.ts'

const Instant = z.iso.datetime({ precision: 3 })
/** How many by group: `agents` (all), `region:us-west1`, `tier:elite`, `status:failed`. */
const ByGroup = z.record(z.string(), z.int())

/** Counters of one tenant are spread over this many documents, so that instances do not wait for each other. */
export const countShards = 8

/** `counts/{tenant}`: how many agents there were, counted exactly as of one minute. */
export const CountsDocument = z.object(
  fields.internal({
    /** The minute since 1970 at whose start it was so. */
    minute: z.int(),
    counts: ByGroup,
    /** By how much the counters were wrong at that moment, before they were set right; groups that were right are left out. */
    drift: ByGroup,
  }),
)
export type CountsDocument = z.infer<typeof CountsDocument>

/** `counts/{tenant}/shards/{0, 1, ...}`: what changed, by the minute in which agents were written. */
export const CountShard = z.object(fields.internal({ changes: z.record(z.string(), ByGroup).default({}) }))
export type CountShard = z.infer<typeof CountShard>

/** `GET /v1/counts?tenant=acme`. */
export const AgentCounts = z.object(
  fields.internal({
    tenant: z.string(),
    agents: z.int(),
    byRegion: ByGroup,
    byTier: ByGroup,
    byStatus: ByGroup,
    asOf: z.string(),
    /** When they were last compared with the agents themselves, and the largest error that was found then; null: not yet. */
    reconciledAt: Instant.nullable(),
    drift: z.int().nullable(),
  }),
)
export type AgentCounts = z.infer<typeof AgentCounts>

/** `GET /v1/counts` with any other filter: counted now. */
export const AgentCount = AgentCounts.pick({ agents: true, asOf: true })
export type AgentCount = z.infer<typeof AgentCount>
