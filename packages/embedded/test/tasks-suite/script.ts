// Runs under `emulators:exec`: enqueues tasks, steps the clock by an hour and then by the rest of a week, and prints what
// ran.
import { readFileSync } from 'node:fs'
import { initializeApp } from 'firebase-admin/app'
import { getFunctions } from 'firebase-admin/functions'

const [, , projectId = ''] = process.argv
const { IMX_SCHEDULE_CLOCK_HOST: clockHost } = process.env
initializeApp({ projectId })
const queue = getFunctions().taskQueue('work')

const clock = async (path: string, body?: object): Promise<unknown> =>
  (await fetch(`http://${clockHost}${path}`, body && { method: 'POST', body: JSON.stringify(body) })).json()

const codeOf = (error: unknown): unknown => (error as { code: string }).code

await queue.enqueue({ next: 'chained' }, { scheduleDelaySeconds: 300, id: 'first', dispatchDeadlineSeconds: 60 })
await queue.enqueue({ fail: true }, { scheduleTime: new Date(Date.now() + 120_000), id: 'failing' })
await queue.enqueue({}, { scheduleDelaySeconds: 60, id: 'deleted' })
await queue.delete('deleted')
const twice = await queue.enqueue({}, { id: 'first' }).catch(codeOf)
const unknown = await getFunctions().taskQueue('unknown').enqueue({}).catch(codeOf)
const waiting = await clock('/tasks')
const ran = await clock('/advance', { seconds: 3600 })
const again = await queue.enqueue({}, { id: 'chained' }).catch(codeOf)
const week = await clock('/advance', { seconds: 7 * 86_400 - 3600 })
const notes = readFileSync('notes', 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as object)
console.log(`RESULT ${JSON.stringify({ twice, unknown, waiting, ran, again, week, notes })}`)
