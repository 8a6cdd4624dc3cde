import type { JobDocument, JobProgress } from '@infinity-matrix/contracts'
import { requestOf, type JobEvent } from './job.ts'

/** What people ask of a job. */
export type JobCommand =
  | { type: 'pause'; by: string }
  | { type: 'resume' }
  | { type: 'abort'; by: string }
  | { type: 'roll-back'; by: string }

/** What a command does, or why it cannot be done now. */
export type JobDecision = { ok: true; events: JobEvent[] } | { ok: false; rule: string }

const events = (...made: JobEvent[]): JobDecision => ({ ok: true, events: made })
const onlyWhen = (statuses: string, { status }: JobDocument): JobDecision => ({
  ok: false,
  rule: `needs a job that is ${statuses}, and this one is ${status}`,
})

/** Decides a command. One that asks for what is so already does nothing. */
export const decideJob = (command: JobCommand, job: JobDocument): JobDecision => {
  const { status } = job.state
  switch (command.type) {
    case 'pause':
      if (status === 'paused') return events()
      return status === 'planned' || status === 'running'
        ? events({ type: 'job-paused', by: command.by })
        : onlyWhen('planned or running', job)
    case 'resume':
      if (status === 'running') return events()
      return status === 'paused' ? events({ type: 'job-resumed' }) : onlyWhen('paused', job)
    case 'abort':
      if (status === 'aborted') return events()
      return status === 'planned' || status === 'running' || status === 'paused'
        ? events({ type: 'job-aborted', reason: `by ${command.by}` })
        : onlyWhen('planned, running or paused', job)
    case 'roll-back':
      if (status === 'rolling-back' || status === 'rolled-back') return events()
      return status === 'paused' || status === 'aborted' || status === 'done'
        ? events({ type: 'roll-back-started', by: command.by })
        : onlyWhen('paused, aborted or done', job)
    default:
      return command satisfies never
  }
}

/** What a worker does next for a job; `wait`: nothing before `atMs`, in milliseconds since 1970. */
export type JobStep =
  | { kind: 'write'; pageSize: number }
  | { kind: 'judge'; page: number }
  | { kind: 'restore'; page: number }
  | { kind: 'end'; event: JobEvent }
  | { kind: 'wait'; atMs: number }
  | { kind: 'none' }

/** A page is one transaction: its agents are locked while it commits, so it stays small. */
export const jobPageSizeMax = 100

/** Decides what comes next by what stands in the job's document alone, so that any worker goes on where another died. */
export const nextJobStep = (job: JobDocument, nowMs: number): JobStep => {
  switch (job.state.status) {
    case 'planned':
      return { kind: 'end', event: { type: 'job-started' } }
    case 'running':
      return nextOfRunning(job, nowMs)
    case 'rolling-back': {
      if (job.pagesRestored === job.pagesWritten) return { kind: 'end', event: { type: 'job-rolled-back' } }
      const atMs = Date.parse(job.nextPageAt)
      return atMs > nowMs ? { kind: 'wait', atMs } : { kind: 'restore', page: job.pagesRestored }
    }
    case 'paused':
    case 'aborted':
    case 'done':
    case 'rolled-back':
      return { kind: 'none' }
    default:
      return job.state satisfies never
  }
}

const nextOfRunning = (job: JobDocument, nowMs: number): JobStep => {
  const judgeAtMs = job.nextJudgementAt === null ? Infinity : Date.parse(job.nextJudgementAt)
  const writeAtMs = job.isExhausted ? Infinity : Date.parse(job.nextPageAt)
  // Failures are looked for before more is written.
  if (judgeAtMs <= nowMs) return { kind: 'judge', page: job.pagesJudged }
  if (writeAtMs <= nowMs) {
    const perSecond = Math.ceil(requestOf(job).agentsPerSecond)
    return { kind: 'write', pageSize: Math.min(jobPageSizeMax, perSecond) }
  }
  const atMs = Math.min(judgeAtMs, writeAtMs)
  return atMs === Infinity ? { kind: 'end', event: { type: 'job-finished' } } : { kind: 'wait', atMs }
}

const shareCountsFrom = 10

/** Whether a job stops after what its agents made of it, and how. */
export const decideFailures = (job: JobDocument, counts: Partial<JobProgress>): JobEvent[] => {
  const { acknowledgement } = requestOf(job)
  if (acknowledgement === null) return []
  const failed = job.progress.failed + (counts.failed ?? 0)
  const judged = failed + job.progress.acknowledged + (counts.acknowledged ?? 0)
  const { failuresMax, failureShareMax, onFailure } = acknowledgement
  const isTooMany = failuresMax !== undefined && failed > failuresMax
  const isTooLarge = judged >= shareCountsFrom && failed / judged > failureShareMax
  if (!isTooMany && !isTooLarge) return []
  const bound = isTooMany ? `at most ${failuresMax} may` : `at most ${failureShareMax * 100}% may`
  const reason = `${failed} of ${judged} agents were not in sync in time, and ${bound}`
  return [
    { type: 'job-aborted', reason },
    ...(onFailure === 'roll-back' ? [{ type: 'roll-back-started' as const, by: reason }] : []),
  ]
}
