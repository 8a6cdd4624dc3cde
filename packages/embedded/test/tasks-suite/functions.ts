// Functions of a project of its own, which write down how they are called: `tasks-suite.test.ts` puts them into the suite.
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { initializeApp } from 'firebase-admin/app'
import { getFunctions } from 'firebase-admin/functions'
import { pubsub } from 'firebase-functions/v1'
import { onSchedule } from 'firebase-functions/v2/scheduler'
import { onTaskDispatched } from 'firebase-functions/v2/tasks'

initializeApp()

const note = (line: object): void => appendFileSync(join(import.meta.dirname, '../notes'), `${JSON.stringify(line)}\n`)

interface Work {
  fail?: boolean
  next?: string
}

export const work = onTaskDispatched<Work>(
  { retryConfig: { maxAttempts: 3, minBackoffSeconds: 60 }, rateLimits: { maxConcurrentDispatches: 1 } },
  async ({ id, data, queueName, retryCount, previousResponse }) => {
    note({ name: 'work', id, queueName, retryCount, previousResponse })
    if (data.fail) throw new Error('told to fail')
    if (data.next !== undefined) {
      await getFunctions().taskQueue('work').enqueue({}, { scheduleDelaySeconds: 600, id: data.next })
    }
  },
)

export const tick = onSchedule(
  { schedule: 'every monday 00:00', retryCount: 1, minBackoffSeconds: 20 },
  ({ scheduleTime }) => {
    note({ name: 'tick', scheduleTime })
    throw new Error('told to fail')
  },
)

export const legacy = pubsub.schedule('0 0 * * 1').onRun(({ timestamp }) => {
  note({ name: 'legacy', timestamp })
})
