import { governor } from '../runtime/governor.ts'
import { onTick } from '../runtime/on-tick.ts'
import { collections } from '@infinity-matrix/contracts'
import { workingJobs, workOnJob } from './desired/jobs.ts'

const workSeconds = 50

/** Works on the bulk jobs that have work to do, from one tick to the next; what a worker left that died goes on here. */
export const runJobs = onTick(
  'fleet-runJobs',
  { maxInstances: 1, timeoutSeconds: 100, memory: '512MiB' },
  async (context) => {
    const untilMs = context.nowMs() + workSeconds * 1000
    const admit = (writes: number) => governor(context).admit(collections.agents, writes)
    const jobs = await workingJobs(context.firestore)
    // What one job fails by is its own: the others have their time, and then the tick tells of it.
    const worked = await Promise.allSettled(jobs.map((jobId) => workOnJob(context, jobId, { untilMs, admit })))
    for (const result of worked) if (result.status === 'rejected') throw result.reason
  },
)
