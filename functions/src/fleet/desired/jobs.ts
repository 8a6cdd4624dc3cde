import { setTimeout as sleepFor } from 'node:timers/promises'
import {
  AgentDocument,
  collections,
  JobDocument,
  JobPage,
  platformTenant,
  workingJobStatuses,
  type AgentOutcome,
  type JobPreview,
} from '@infinity-matrix/contracts'
import {
  countOutcomes,
  decideFailures,
  evolveJob,
  judgeAgent,
  nextJobStep,
  patchAgent,
  requestOf,
  restoreAgent,
  type AgentStep,
  type JobEvent,
  type JobStep,
} from '@infinity-matrix/core/fleet'
import type { DocumentReference, DocumentSnapshot, Firestore, Transaction } from '@google-cloud/firestore'
import type { Context } from '../../runtime/context.ts'
import { createLeases } from '../../runtime/lease.ts'
import { recordIn, sealSoon } from '../../runtime/ledger.ts'
import { agentsAfter, agentsMatching, countAgents } from '../agents.ts'
import { tellDesired } from './desired.ts'

// Longer than a worker works, so that it need not be renewed.
const leaseSeconds = 120

export interface JobWork {
  /** When the worker stops, though the job may go on: milliseconds since 1970. */
  untilMs: number
  /** Waits until so many agents may be written. */
  admit: (writes: number) => Promise<void>
  sleep?: (ms: number) => Promise<unknown>
}

/** What a step did: the job after it, and agents of which something else is desired now. */
interface Taken {
  job: JobDocument | undefined
  changed: AgentDocument[]
}

export const jobReference = (firestore: Firestore, jobId: string): DocumentReference =>
  firestore.collection(collections.jobs).doc(jobId)

/** The pages of a job are numbered from 0; names sort as numbers do. */
export const pageReference = (job: DocumentReference, page: number): DocumentReference =>
  job.collection(collections.pages).doc(String(page).padStart(8, '0'))

const agentFrom = (snapshot: DocumentSnapshot): AgentDocument | undefined =>
  snapshot.exists ? AgentDocument.parse(snapshot.data()) : undefined

/**
 * Works on a job until it has nothing to do or the time is up. Each step is one transaction that only the holder of the
 * job's lease commits: a page's agents, what became of them, and the job's own place change together or not at all. So a
 * worker may die anywhere, and the next goes on with nothing left out and nothing repeated.
 */
export const workOnJob = async (context: Context, jobId: string, work: JobWork): Promise<void> => {
  const { untilMs, admit, sleep = sleepFor } = work
  const leases = createLeases(context)
  const held = await leases.acquire(`job.${jobId}`, context.newId(), leaseSeconds)
  if (held === null) return
  try {
    for (;;) {
      const { job, changed } = await leases.commit(held, (transaction) => takeStep(context, transaction, jobId))
      await Promise.all([sealSoon(context), ...changed.map((agent) => tellDesired(context, agent))])
      const now = context.nowMs()
      const next: JobStep = job ? nextJobStep(job, now) : { kind: 'none' }
      if (next.kind === 'none') return
      const atMs = next.kind === 'wait' ? next.atMs : now
      if (atMs >= untilMs) return
      if (atMs > now) await sleep(atMs - now)
      if (next.kind === 'write') await admit(next.pageSize)
    }
  } finally {
    await leases.release(held)
  }
}

const takeStep = async (context: Context, transaction: Transaction, jobId: string): Promise<Taken> => {
  const { firestore, nowMs } = context
  const reference = jobReference(firestore, jobId)
  const snapshot = await transaction.get(reference)
  if (!snapshot.exists) return { job: undefined, changed: [] }
  const job = JobDocument.parse(snapshot.data())
  const now = nowMs()
  const step = nextJobStep(job, now)
  const happened = (...events: JobEvent[]): JobDocument => {
    const after = evolveJob(job, events, now)
    transaction.set(reference, after)
    recordIn(context, transaction, [
      {
        kind: 'automation',
        action: 'job-advanced',
        tenant: job.tenant ?? platformTenant,
        subject: reference.path,
        outcome: 'done',
        details: { did: events.map(({ type }) => type).join(' '), status: after.state.status },
      },
    ])
    return after
  }

  /** Writes what is to be written of agents, and returns those that changed. */
  const writeAgents = (steps: readonly AgentStep[], agents: readonly (AgentDocument | undefined)[]): AgentDocument[] =>
    steps.flatMap(({ fields }, index) => {
      const agent = agents[index]
      if (!fields || !agent) return []
      transaction.update(firestore.collection(collections.agents).doc(agent.agentId), fields)
      return [{ ...agent, ...fields }]
    })

  const readPage = async (page: number) => {
    const written = JobPage.parse((await transaction.get(pageReference(reference, page))).data())
    const agents = firestore.collection(collections.agents)
    const references = written.agents.map(({ agentId }) => agents.doc(agentId))
    const snapshots = references.length === 0 ? [] : await transaction.getAll(...references)
    return { ...written, documents: snapshots.map(agentFrom) }
  }

  switch (step.kind) {
    case 'write': {
      const matching = await agentsMatching(firestore, requestOf(job).filter)
      const query = agentsAfter(matching, job.cursor, step.pageSize)
      const agents = (await transaction.get(query)).docs.map((one) => AgentDocument.parse(one.data()))
      const steps = agents.map((agent) => patchAgent(job, agent, now))
      const outcomes = steps.map(({ outcome }) => outcome)
      const at = new Date(now).toISOString()
      const page: JobPage = { writtenAt: at, agents: outcomes }
      transaction.create(pageReference(reference, job.pagesWritten), page)
      const after = happened({
        type: 'page-written',
        cursor: agents.at(-1)?.agentId ?? null,
        isLast: agents.length < step.pageSize,
        counts: { examined: agents.length, ...countOutcomes(outcomes) },
        at,
      })
      return { job: after, changed: writeAgents(steps, agents) }
    }
    case 'judge': {
      const { agents: before, writtenAt, documents } = await readPage(step.page)
      const next = await transaction.get(pageReference(reference, step.page + 1))
      const agents = before.map((outcome, index) => judgeAgent(job, outcome, documents[index]))
      const counts = countOutcomes(agents, before)
      transaction.set(pageReference(reference, step.page), { writtenAt, agents } satisfies JobPage)
      const nextWrittenAt = next.exists ? JobPage.parse(next.data()).writtenAt : null
      const after = happened({ type: 'page-judged', counts, nextWrittenAt }, ...decideFailures(job, counts))
      return { job: after, changed: [] }
    }
    case 'restore': {
      const { agents: before, writtenAt, documents } = await readPage(step.page)
      const steps = before.map((outcome, index) => restoreAgent(job, outcome, documents[index], now))
      const agents: AgentOutcome[] = steps.map(({ outcome }) => outcome)
      transaction.set(pageReference(reference, step.page), { writtenAt, agents } satisfies JobPage)
      const counts = countOutcomes(agents, before)
      const after = happened({ type: 'page-restored', counts, at: new Date(now).toISOString() })
      return { job: after, changed: writeAgents(steps, documents) }
    }
    case 'end':
      return { job: happened(step.event), changed: [] }
    case 'wait':
    case 'none':
      return { job, changed: [] }
    default:
      return step satisfies never
  }
}

/** Some jobs, in the order of their ids; those that were given none by who asked are in the order in which they were made. */
export const listJobs = async (
  firestore: Firestore,
  tenant: string | undefined,
  { afterJobId, pageSize }: { afterJobId: string | null; pageSize: number },
): Promise<JobDocument[]> => {
  const all = firestore.collection(collections.jobs)
  const jobs = (tenant === undefined ? all : all.where('tenant', '==', tenant)).orderBy('__name__')
  const { docs } = await (afterJobId === null ? jobs : jobs.startAfter(afterJobId)).limit(pageSize).get()
  return docs.map((job) => JobDocument.parse(job.data()))
}

/** The jobs that have work to do. */
export const workingJobs = async (firestore: Firestore): Promise<string[]> => {
  const jobs = firestore.collection(collections.jobs).where('status', 'in', [...workingJobStatuses])
  return (await jobs.select().get()).docs.map(({ id }) => id)
}

const sampleSize = 20

/** What a job would do now, by its first agents. */
export const previewJob = async ({ firestore, nowMs }: Context, job: JobDocument): Promise<JobPreview> => {
  const { filter } = requestOf(job)
  const [counted, sample] = await Promise.all([
    countAgents(firestore, filter),
    agentsAfter(await agentsMatching(firestore, filter), null, sampleSize).get(),
  ])
  const agents = sample.docs.map((one) => AgentDocument.parse(one.data()))
  return { ...counted, sample: agents.map((agent) => patchAgent(job, agent, nowMs()).outcome) }
}
