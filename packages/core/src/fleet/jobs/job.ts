import { JobRequest, type JobDocument, type JobProgress, type JobState } from '@infinity-matrix/contracts'

/** What happened to a job. Times are UTC, milliseconds, `Z`. */
export type JobEvent =
  | { type: 'job-started' }
  | { type: 'job-paused'; by: string }
  | { type: 'job-resumed' }
  | { type: 'job-aborted'; reason: string }
  | { type: 'job-finished' }
  | { type: 'roll-back-started'; by: string }
  | { type: 'job-rolled-back' }
  | { type: 'page-written'; cursor: string | null; isLast: boolean; counts: Partial<JobProgress>; at: string }
  /** `nextWrittenAt`: when the page after it was written; null while there is none. */
  | { type: 'page-judged'; counts: Partial<JobProgress>; nextWrittenAt: string | null }
  | { type: 'page-restored'; counts: Partial<JobProgress>; at: string }

export const requestOf = ({ request }: Pick<JobDocument, 'request'>): JobRequest =>
  JobRequest.parse(JSON.parse(request))

const none: JobProgress = {
  examined: 0,
  written: 0,
  unchanged: 0,
  skipped: 0,
  acknowledged: 0,
  failed: 0,
  superseded: 0,
  restored: 0,
  conflicts: 0,
}

export const planJob = (jobId: string, request: JobRequest, createdBy: string, nowMs: number): JobDocument => {
  const now = new Date(nowMs).toISOString()
  return {
    jobId,
    tenant: request.filter.tenant ?? null,
    request: JSON.stringify(request),
    createdBy,
    createdAt: now,
    status: 'planned',
    state: { status: 'planned' },
    cursor: null,
    isExhausted: false,
    pagesWritten: 0,
    pagesJudged: 0,
    pagesRestored: 0,
    nextPageAt: now,
    nextJudgementAt: null,
    progress: none,
    updatedAt: now,
  }
}

const plus = (progress: JobProgress, counts: Partial<JobProgress>): JobProgress => ({
  ...progress,
  ...Object.fromEntries(
    Object.entries(counts).map(([name, count]) => [name, progress[name as keyof JobProgress] + count]),
  ),
})

const later = (instant: string, seconds: number) => new Date(Date.parse(instant) + seconds * 1000).toISOString()

/** After so many agents at `at`, when the rate allows the next. */
const paced = (job: JobDocument, agents: number, at: string): string =>
  later(at, agents / requestOf(job).agentsPerSecond)

const judgementAt = (job: JobDocument, writtenAt: string | null): string | null => {
  const { acknowledgement } = requestOf(job)
  return acknowledgement === null || writtenAt === null ? null : later(writtenAt, acknowledgement.withinSeconds)
}

const inState = (job: JobDocument, state: JobState): JobDocument => ({ ...job, state, status: state.status })

const afterEvent = (job: JobDocument, event: JobEvent): JobDocument => {
  switch (event.type) {
    case 'job-started':
    case 'job-resumed':
      return inState(job, { status: 'running' })
    case 'job-paused':
      return inState(job, { status: 'paused', by: event.by })
    case 'job-aborted':
      return inState(job, { status: 'aborted', reason: event.reason })
    case 'job-finished':
      return inState(job, { status: 'done' })
    case 'roll-back-started':
      return inState(job, { status: 'rolling-back', by: event.by })
    case 'job-rolled-back':
      return inState(job, { status: 'rolled-back' })
    case 'page-written':
      return {
        ...job,
        cursor: event.cursor ?? job.cursor,
        isExhausted: event.isLast,
        pagesWritten: job.pagesWritten + 1,
        progress: plus(job.progress, event.counts),
        nextPageAt: paced(job, event.counts.written ?? 0, event.at),
        nextJudgementAt: job.nextJudgementAt ?? judgementAt(job, event.at),
      }
    case 'page-judged':
      return {
        ...job,
        pagesJudged: job.pagesJudged + 1,
        progress: plus(job.progress, event.counts),
        nextJudgementAt: judgementAt(job, event.nextWrittenAt),
      }
    case 'page-restored':
      return {
        ...job,
        pagesRestored: job.pagesRestored + 1,
        progress: plus(job.progress, event.counts),
        nextPageAt: paced(job, event.counts.restored ?? 0, event.at),
      }
    default:
      return event satisfies never
  }
}

/** A job after what happened to it, in this order. */
export const evolveJob = (job: JobDocument, events: readonly JobEvent[], nowMs: number): JobDocument => ({
  ...events.reduce(afterEvent, job),
  updatedAt: new Date(nowMs).toISOString(),
})
