import { z } from 'zod'
import { fields } from './data-class.ts'
import { AgentDocument, DesiredState } from './documents.ts'
import { Slug, tiers } from './envelope.ts'
import { agentStatuses, Labels } from './event-types.ts'
import { Properties } from './properties.ts'
import { Transition } from './transitions.ts'

const oneOf = <const Names extends readonly [string, ...string[]]>(names: Names) =>
  z.enum(names, { error: `must be one of ${names.join(', ')}` })
const kindRule = 'must be 1 to 64 characters'

/** Which agents are meant: those for which all of it holds. Empty, it means every agent. */
export const AgentFilter = z.strictObject(
  fields.internal({
    tenant: Slug.optional(),
    region: Slug.optional(),
    tier: oneOf(tiers).optional(),
    status: oneOf(agentStatuses).optional(),
    kind: z.string({ error: kindRule }).min(1, { error: kindRule }).max(64, { error: kindRule }).optional(),
    inSync: z.boolean({ error: 'must be true or false' }).optional(),
    labels: Labels.optional(),
  }),
  {
    error: ({ code, input }) => (code === 'unrecognized_keys' ? filterRule : `must be an object, not ${typeof input}`),
  },
)
export type AgentFilter = z.infer<typeof AgentFilter>
const filterRule = 'may have tenant, region, tier, status, kind, inSync and labels'

export const pageSizeMax = 500
export const pageSizeDefault = 100

/** An agent as a search shows it. */
export const AgentSummary = AgentDocument.pick({
  agentId: true,
  tenant: true,
  region: true,
  tier: true,
  status: true,
  kind: true,
  labels: true,
  inSync: true,
  presence: true,
  lastSequence: true,
  updatedAt: true,
})
export type AgentSummary = z.infer<typeof AgentSummary>

/** `GET /v1/agents`: in the order of their ids. Without `nextPageToken` it was the last page. */
export const AgentPage = z.object(
  fields.internal({ agents: z.array(AgentSummary), nextPageToken: z.string().optional() }),
)
export type AgentPage = z.infer<typeof AgentPage>

/** `GET /v1/agents/{agentId}/desired`, whose ETag is the version; 0 while nobody asked for anything. */
export const DesiredView = z.object({
  ...fields.internal({
    agentId: z.string(),
    desired: DesiredState.pick({ version: true, changedAt: true, changedBy: true, jobId: true }).extend({
      ...fields.internal({
        changedAt: z.string().nullable(),
        changedBy: z.string().nullable(),
      }),
      ...fields.confidential({
        properties: Properties,
      }),
    }),
    reported: z.object({
      ...fields.confidential({ properties: Properties }),
      ...fields.internal({ seenDesiredVersion: z.int() }),
    }),
    inSync: z.boolean(),
  }),
  ...fields.confidential({
    /** What desired says and reported does not, as a merge patch on reported. */
    delta: Properties,
  }),
})
export type DesiredView = z.infer<typeof DesiredView>

/** `GET /v1/agents/{agentId}`: all that is known of it. */
export const AgentView = AgentDocument.extend({
  ...fields.confidential({
    properties: Properties,
    delta: Properties,
  }),
  ...fields.internal({
    desired: DesiredView.shape.desired,
    /** The sequences of the reports that wait in its document. */
    parked: z.array(z.int()),
    transitions: z.array(Transition),
  }),
})
export type AgentView = z.infer<typeof AgentView>
