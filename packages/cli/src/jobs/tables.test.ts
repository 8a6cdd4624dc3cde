import { JobView } from '@infinity-matrix/contracts'
import { expect, test } from 'vitest'
import { jobLine, jobsTable, jobText, pageText, previewText } from './tables.ts'

const at = '2026-01-01T00:00:00.000Z'
const job = JobView.parse({
  jobId: 'quiet',
  filter: { tenant: 'acme', status: 'failed' },
  patch: { level: 'warn' },
  acknowledgement: { withinSeconds: 60 },
  createdBy: 'ada',
  createdAt: at,
  updatedAt: at,
  state: { status: 'aborted', reason: '3 of 10 agents failed' },
  cursor: null,
  isExhausted: false,
  pagesWritten: 1,
  pagesJudged: 1,
  pagesRestored: 0,
  nextPageAt: at,
  nextJudgementAt: null,
  progress: { examined: 10, written: 8, failed: 3 },
})

test('a job is told in a line, a row and in full', () => {
  const progress = '10 examined, 8 written, 3 failed'
  expect(jobLine(job)).toBe(`job quiet is aborted: ${progress}`)
  expect(jobsTable({ jobs: [job] })).toContain(progress)
  const text = jobText(job)
  expect(text).toContain('aborted, 3 of 10 agents failed')
  expect(text).toContain('filter    {"tenant":"acme","status":"failed"}')
  expect(text).toContain('"withinSeconds":60')
})

test('what became of agents is a line each, before and after a job has run', () => {
  const agents = [{ agentId: 'a', outcome: 'skipped' as const, reason: 'another is desired' }]
  expect(pageText({ agents, writtenAt: at, nextPage: 1 })).toMatch(/a .*skipped .*another is desired[^]*more: --page 1/)
  expect(previewText({ agents: 5, asOf: at, sample: agents })).toContain(`5 agents at ${at}; of the first of them:`)
})
