import { z } from 'zod'
import { fields } from './data-class.ts'
import { AgentFilter } from './agents-api.ts'
import { Properties } from './properties.ts'

const Instant = z.iso.datetime({ precision: 3 })
const bounded = (min: number, max: number) => {
  const error = `must be a number from ${min} to ${max}`
  return z.number({ error }).min(min, { error }).max(max, { error })
}
const wholeFrom = (min: number, max: number) => {
  const error = `must be a whole number from ${min} to ${max}`
  return z.int({ error }).min(min, { error }).max(max, { error })
}

/** One index entry for each agent a job writes lies next to the last: Firestore takes 500 a second of such. */
export const agentsPerSecondMax = 500

/** Which of the agents a filter means are changed; for the others the job leaves everything as it is. */
export const JobCondition = z.strictObject({
  ...fields.internal({
    desiredVersion: wholeFrom(0, Number.MAX_SAFE_INTEGER).optional(),
  }),
  ...fields.confidential({
    /** What must be desired, and what reported, already: every value in them. */
    desired: Properties.optional(),
    reported: Properties.optional(),
  }),
})
export type JobCondition = z.infer<typeof JobCondition>

/**
 * How long agents have to come in sync with what the job wrote, and how many may fail to: when either bound is passed, the
 * job stops.
 */
export const JobAcknowledgement = z.strictObject(
  fields.internal({
    withinSeconds: bounded(5, 86_400),
    failuresMax: wholeFrom(0, 1_000_000_000).optional(),
    /** Of the agents that had their time, once there are ten of them. */
    failureShareMax: bounded(0, 1).default(0.1),
    onFailure: z.enum(['abort', 'roll-back'], { error: 'must be abort or roll-back' }).default('abort'),
  }),
)
export type JobAcknowledgement = z.infer<typeof JobAcknowledgement>

const jobIdRule = 'must be 1 to 64 of a-z, 0-9 or -, and start with a letter or digit'

/** `POST /v1/jobs`: a change of what is desired of every agent that a filter means. */
export const JobRequest = z.strictObject({
  ...fields.internal({
    /** Made up by who asks, so that asking twice makes one job. */
    jobId: z
      .string({ error: jobIdRule })
      .regex(/^[a-z0-9][a-z0-9-]{0,63}$/, { error: jobIdRule })
      .optional(),
    filter: AgentFilter,
    condition: JobCondition.default({}),
    agentsPerSecond: bounded(0.1, agentsPerSecondMax).default(50),
    acknowledgement: JobAcknowledgement.nullable().default(null),
  }),
  ...fields.confidential({
    /** A merge patch on what is desired. */
    patch: Properties,
  }),
})
export type JobRequest = z.infer<typeof JobRequest>

/** How far a job is, as a union on `status`. */
export const JobState = z.discriminatedUnion('status', [
  z.object(fields.internal({ status: z.literal('planned') })),
  z.object(fields.internal({ status: z.literal('running') })),
  z.object(fields.internal({ status: z.literal('paused'), by: z.string() })),
  z.object(fields.internal({ status: z.literal('aborted'), reason: z.string() })),
  z.object(fields.internal({ status: z.literal('done') })),
  z.object(fields.internal({ status: z.literal('rolling-back'), by: z.string() })),
  z.object(fields.internal({ status: z.literal('rolled-back') })),
])
export type JobState = z.infer<typeof JobState>
/** Those in which a job has work to do. */
export const workingJobStatuses = ['planned', 'running', 'rolling-back'] as const

const count = z.int().min(0).default(0)

/** In agents. */
export const JobProgress = z.object(
  fields.internal({
    examined: count,
    written: count,
    /** Desired was already what the job asks. */
    unchanged: count,
    skipped: count,
    /** In sync in time; not; and those of which somebody else has desired something since. */
    acknowledged: count,
    failed: count,
    superseded: count,
    restored: count,
    /** Not restored, because somebody else has desired something since. */
    conflicts: count,
  }),
)
export type JobProgress = z.infer<typeof JobProgress>

/** `jobs/{jobId}`. All that decides what comes next stands in it, so that any worker can go on where another died. */
export const JobDocument = z.object({
  ...fields.internal({
    jobId: z.string(),
    /** The tenant of the filter, where queries find it; null for a job of the platform, over all tenants. */
    tenant: z.string().nullable().default(null),
    createdBy: z.string(),
    createdAt: Instant,
    /** `state.status`, where queries find it. */
    status: z.string(),
    state: JobState,
    /** The last agent that was looked at; null before the first. */
    cursor: z.string().nullable(),
    /** Whether all agents were looked at. */
    isExhausted: z.boolean(),
    /** Of `pages`, how many were written, had their time to acknowledge, and were rolled back: each in their order. */
    pagesWritten: z.int(),
    pagesJudged: z.int(),
    pagesRestored: z.int(),
    /** When the next page may be written or restored, by the job's rate. */
    nextPageAt: Instant,
    /** When the first page that was not judged will be; null when there is none. */
    nextJudgementAt: Instant.nullable(),
    progress: JobProgress,
    updatedAt: Instant,
  }),
  ...fields.confidential({
    /** What was asked, as JSON: Firestore keeps no lists of lists. */
    request: z.string(),
  }),
})
export type JobDocument = z.infer<typeof JobDocument>

/** A job as the API shows it. */
export const JobView = JobDocument.omit({ request: true, status: true }).extend(JobRequest.omit({ jobId: true }).shape)
export type JobView = z.infer<typeof JobView>

/** `GET /v1/jobs`: in the order of their ids. Without `nextPageToken` it was the last page. */
export const JobList = z.object(fields.internal({ jobs: z.array(JobView), nextPageToken: z.string().optional() }))
export type JobList = z.infer<typeof JobList>

/** What became of one agent in a job. */
export const AgentOutcome = z.object(
  fields.internal({
    agentId: z.string(),
    outcome: z.enum([
      'written',
      'unchanged',
      'skipped',
      'acknowledged',
      'failed',
      'superseded',
      'restored',
      'conflict',
    ]),
    /** Why it was skipped. */
    reason: z.string().optional(),
  }),
)
export type AgentOutcome = z.infer<typeof AgentOutcome>

/** `jobs/{jobId}/pages/{0, 1, ...}`: the agents of one page, written in one transaction with them and with the job. */
export const JobPage = z.object(fields.internal({ writtenAt: Instant, agents: z.array(AgentOutcome) }))
export type JobPage = z.infer<typeof JobPage>

/** `GET /v1/jobs/{jobId}/agents?page=0`. Without `nextPage` it was the last so far. */
export const JobAgents = z.object({ ...JobPage.shape, ...fields.internal({ nextPage: z.int().optional() }) })
export type JobAgents = z.infer<typeof JobAgents>

/** `POST /v1/jobs?dryRun=true`: what a job would do, as of now. */
export const JobPreview = z.object(
  fields.internal({ agents: z.int(), asOf: z.string(), sample: z.array(AgentOutcome) }),
)
export type JobPreview = z.infer<typeof JobPreview>
