import type { JobAgents, JobList, JobPreview, JobView } from '@infinity-matrix/contracts'
import colors from 'picocolors'
import { tableOf } from '../table.ts'

/** What is not nothing of a job's progress. */
const progressText = ({ progress }: JobView): string =>
  Object.entries(progress)
    .filter(([, agents]) => agents > 0)
    .map(([what, agents]) => `${agents} ${what}`)
    .join(', ') || 'nothing yet'

export const jobLine = (job: JobView): string => `job ${job.jobId} is ${job.state.status}: ${progressText(job)}`

export const jobsTable = ({ jobs, nextPageToken }: JobList): string => {
  const table = tableOf(
    ['job', 'is', 'made', 'by', 'patch', 'agents'],
    6,
    jobs.map((job) => [
      job.jobId,
      job.state.status,
      job.createdAt,
      job.createdBy,
      JSON.stringify(job.patch),
      progressText(job),
    ]),
  )
  return nextPageToken === undefined ? table : `${table}\nmore: --page-token ${nextPageToken}`
}

export const jobText = (job: JobView): string => {
  const { state } = job
  const why = 'reason' in state ? `, ${state.reason}` : 'by' in state ? `, by ${state.by}` : ''
  return [
    `${colors.bold(job.jobId)} ${state.status}${why}`,
    `made by ${job.createdBy} at ${job.createdAt}, changed at ${job.updatedAt}`,
    `filter    ${JSON.stringify(job.filter)}`,
    `patch     ${JSON.stringify(job.patch)}`,
    ...(Object.keys(job.condition).length === 0 ? [] : [`condition ${JSON.stringify(job.condition)}`]),
    `rate      ${job.agentsPerSecond} agents/s`,
    ...(job.acknowledgement === null ? [] : [`within    ${JSON.stringify(job.acknowledgement)}`]),
    `agents    ${progressText(job)}`,
  ].join('\n')
}

const outcomesTable = (agents: JobAgents['agents']) =>
  tableOf(
    ['agent', 'outcome', 'reason'],
    3,
    agents.map(({ agentId, outcome, reason }) => [agentId, outcome, reason ?? '']),
  )

export const pageText = ({ agents, writtenAt, nextPage }: JobAgents): string =>
  [
    outcomesTable(agents),
    `written at ${writtenAt}`,
    ...(nextPage === undefined ? [] : [`more: --page ${nextPage}`]),
  ].join('\n')

export const previewText = ({ agents, asOf, sample }: JobPreview): string =>
  [`${agents} agents at ${asOf}; of the first of them:`, outcomesTable(sample)].join('\n')
