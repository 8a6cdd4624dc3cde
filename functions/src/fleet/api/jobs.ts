import {
  AgentFilter,
  collections,
  JobDocument,
  JobPage,
  JobRequest,
  platformTenant,
  workingJobStatuses,
  type JobAgents,
  type JobList,
  type JobView,
} from '@infinity-matrix/contracts'
import { decideJob, evolveJob, planJob, requestOf, type JobCommand } from '@infinity-matrix/core/fleet'
import type { Context as Request, Hono } from 'hono'
import { z } from 'zod'
import type { Context } from '../../runtime/context.ts'
import { isContention } from '../../runtime/failure.ts'
import { authorise, callerOf, mayDo, tenantOfList } from '../../runtime/http/authorise.ts'
import { recorded, type Happening } from '../../runtime/ledger.ts'
import { RequestProblem } from '../../runtime/problem.ts'
import { nameIn, readJson, readQuery } from '../../runtime/request-body.ts'
import { jobReference, listJobs, pageReference, previewJob, workOnJob, type JobWork } from '../desired/jobs.ts'
import { PageQuery, tokenOf } from './paging.ts'

const body = { mediaTypes: ['application/json'], bytesMax: 100_000 }
const DryRunQuery = z.object({
  dryRun: z.enum(['true', 'false'], { error: 'must be true or false' }).default('false'),
})
const TenantQuery = z.object({ tenant: AgentFilter.shape.tenant })
const pageRule = 'must be a whole number from 0'
const AgentsQuery = z.object({
  page: z
    .string()
    .regex(/^\d{1,8}$/, { error: pageRule })
    .default('0')
    .transform(Number),
})
const commandNames = ['pause', 'resume', 'abort', 'roll-back'] as const

const viewOf = (job: JobDocument): JobView => {
  const { request: _, status: __, ...rest } = job
  const { jobId: ___, ...request } = requestOf(job)
  return { ...rest, ...request }
}
const changeOf = ({ jobId, tenant, state }: JobDocument, action: string): Happening => ({
  kind: 'change',
  action,
  tenant: tenant ?? platformTenant,
  subject: `${collections.jobs}/${jobId}`,
  outcome: 'done',
  details: { status: state.status },
})
const noJob = () => new RequestProblem(404, { detail: 'There is no such job.' })

/** Bulk jobs: a change of what is desired of all agents that a filter means. */
export const serveJobs = (
  app: Hono,
  context: Context,
  { untilMs, ...work }: Omit<JobWork, 'untilMs'> & { untilMs: () => number },
): void => {
  const { firestore, nowMs } = context
  const readJob = async (jobId: string) => {
    const snapshot = await jobReference(firestore, jobId).get()
    if (!snapshot.exists) throw noJob()
    return JobDocument.parse(snapshot.data())
  }
  /** The job that a path names. */
  const jobOf = async (request: Request) => {
    const job = await readJob(nameIn(request, 'jobId'))
    authorise(request, { tenant: job.tenant }, noJob())
    return job
  }

  const create = async (request: Request) => {
    const { dryRun } = readQuery(request, DryRunQuery)
    const wanted = await readJson(request, JobRequest, body)
    const tenant = tenantOfList(request, wanted.filter.tenant)
    const asked = tenant === undefined ? wanted : { ...wanted, filter: { ...wanted.filter, tenant } }
    const jobId = asked.jobId ?? context.newId()
    const job = planJob(jobId, asked, callerOf(request), nowMs())
    if (dryRun === 'true') return request.json(await previewJob(context, job))
    try {
      await recorded(context, (transaction, record) => {
        transaction.create(jobReference(firestore, jobId), job)
        record(changeOf(job, 'job-created'))
      })
    } catch (error) {
      if (!isContention(error)) throw error
      const known = await readJob(jobId)
      // Of another tenant's job nobody is shown more than that its name is taken.
      const current = mayDo(request, { tenant: known.tenant }).isAllowed ? { current: viewOf(known) } : {}
      throw new RequestProblem(409, { detail: `There is a job ${jobId}.`, ...current })
    }
    return request.json(viewOf(job), 201, { location: `/v1/jobs/${jobId}` })
  }

  const list = async (request: Request) => {
    const { pageSize, pageToken } = readQuery(request, PageQuery)
    const tenant = tenantOfList(request, readQuery(request, TenantQuery).tenant)
    const jobs = await listJobs(firestore, tenant, { afterJobId: pageToken, pageSize })
    const last = jobs.length === pageSize ? jobs.at(-1) : undefined
    const more = last ? { nextPageToken: tokenOf(last.jobId) } : {}
    return request.json({ jobs: jobs.map(viewOf), ...more } satisfies JobList)
  }

  const show = async (request: Request) => request.json(viewOf(await jobOf(request)))

  const showAgents = async (request: Request) => {
    const { page } = readQuery(request, AgentsQuery)
    const { jobId, pagesWritten } = await jobOf(request)
    const stored = await pageReference(jobReference(firestore, jobId), page).get()
    if (!stored.exists) throw new RequestProblem(404, { detail: `The job has ${pagesWritten} pages.` })
    const more = page + 1 < pagesWritten ? { nextPage: page + 1 } : {}
    return request.json({ ...JobPage.parse(stored.data()), ...more } satisfies JobAgents)
  }

  const command = async (request: Request, type: JobCommand['type']) => {
    const reference = jobReference(firestore, (await jobOf(request)).jobId)
    // A worker that is about to commit a page reads the job in its own transaction: one of both comes first.
    const after = await recorded(context, async (transaction, record) => {
      const job = JobDocument.parse((await transaction.get(reference)).data())
      const decision = decideJob({ type, by: callerOf(request) }, job)
      if (!decision.ok) throw new RequestProblem(409, { errors: [{ field: 'status', rule: decision.rule }] })
      if (decision.events.length === 0) return job
      const next = evolveJob(job, decision.events, nowMs())
      transaction.set(reference, next)
      record(changeOf(next, `job-${type}`))
      return next
    })
    return request.json(viewOf(after))
  }

  const run = async (request: Request) => {
    const { jobId, state } = await jobOf(request)
    const isWorking = (workingJobStatuses as readonly string[]).includes(state.status)
    if (isWorking) await workOnJob(context, jobId, { ...work, untilMs: untilMs() })
    return request.json(viewOf(await readJob(jobId)))
  }

  app.post('/v1/jobs', (request) => create(request))
  app.get('/v1/jobs', (request) => list(request))
  app.get('/v1/jobs/:jobId', (request) => show(request))
  app.get('/v1/jobs/:jobId/agents', (request) => showAgents(request))
  app.post('/v1/jobs/:jobId/run', (request) => run(request))
  for (const name of commandNames) app.post(`/v1/jobs/:jobId/${name}`, (request) => command(request, name))
}
