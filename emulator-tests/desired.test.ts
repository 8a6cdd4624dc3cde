import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { AgentCounts, AgentPage, DesiredView, JobPreview, JobView, topics } from '@infinity-matrix/contracts'
import { reportJson, waitFor } from '@infinity-matrix/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { fireSchedule } from './clock.ts'
import { agentWhen, firestore, fresh, functionUrl, publish, pubsub, signedIn, uniqueTenant } from './suite.ts'

let api = ''
beforeAll(async () => {
  api = `${await functionUrl('fleet-api')}/v1`
})
afterAll(async () => {
  await pubsub.close()
  await firestore.terminate()
})

const send = (method: string, path: string, body?: object, headers: Record<string, string> = {}) =>
  fetch(`${api}${path}`, {
    method,
    headers: { ...signedIn(), ...(body ? { 'content-type': 'application/json' } : {}), ...headers },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
/** `npm run agents` or `npm run jobs` with what it prints in its last line. */
const command = async (name: 'agents' | 'jobs', ...args: string[]): Promise<unknown> => {
  const entry = join(import.meta.dirname, `../packages/cli/src/${name}.ts`)
  const { stdout } = await promisify(execFile)(process.execPath, [entry, ...args, '--json'])
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
}
const started = (tenant: string, agentId: string, team: string) =>
  fresh(reportJson('agent.started.v1', 1, { kind: 'worker', labels: { team } }, { agentId, tenant }))
/** A program that waits for what is desired of it, reports just that, and ends. */
const obedient = `
  const { existsSync, readFileSync } = require('node:fs')
  const file = process.env.IMX_DESIRED_FILE
  setInterval(() => {
    if (!existsSync(file)) return
    const { properties, desiredVersion } = JSON.parse(readFileSync(file, 'utf8'))
    console.log('::properties ' + JSON.stringify({ properties, desiredVersion }))
    process.exit(0)
  }, 50)`

it('what is desired of a process that runs as an agent reaches it, and what it reports brings it in sync', async () => {
  const [tenant, agentId] = [uniqueTenant(), `agent-${randomUUID()}`]
  const runner = join(import.meta.dirname, '../packages/cli/src/agent.ts')
  const agent = promisify(execFile)(process.execPath, [
    ...[runner, '--tenant', tenant, '--id', agentId],
    ...[process.execPath, '-e', obedient],
  ])
  await agentWhen(agentId, ({ status }) => status === 'running')
  const written = await send('PUT', `/agents/${agentId}/desired`, { level: 'debug' }, { 'if-match': '"0"' })
  expect([written.status, written.headers.get('etag')]).toEqual([200, '"1"'])
  expect((await send('PATCH', `/agents/${agentId}/desired`, { a: 1 }, { 'if-match': '"0"' })).status).toBe(412)
  await agentWhen(agentId, ({ inSync, seenDesiredVersion }) => inSync && seenDesiredVersion === 1)
  const view = DesiredView.parse(await (await send('GET', `/agents/${agentId}/desired`)).json())
  expect(view).toMatchObject({ reported: { properties: { level: 'debug' } }, delta: {}, inSync: true })
  await agent
})

it('agents are found and counted, and a job changes those that a filter means', async () => {
  const tenant = uniqueTenant()
  const ids = Array.from({ length: 5 }, (_, index) => `${tenant}-${index}`)
  await publish(
    topics.stateChanges.name,
    ids.map((agentId, index) => started(tenant, agentId, index < 3 ? 'a' : 'b')),
  )
  await Promise.all(ids.map((agentId) => agentWhen(agentId, ({ lastSequence }) => lastSequence === 1)))
  const found = AgentPage.parse(await command('agents', 'search', '--tenant', tenant, '--label', 'team=a'))
  expect(found.agents.map(({ agentId }) => agentId)).toEqual(ids.slice(0, 3))
  await waitFor('the agents to be counted', async () => {
    const counts = AgentCounts.parse(await (await send('GET', `/counts?tenant=${tenant}`)).json())
    return counts.agents === 5 && counts.byStatus['running'] === 5 ? true : undefined
  })

  const jobId = `job-${tenant}`
  const job = ['create', '{"level":"debug"}', '--id', jobId, '--tenant', tenant, '--label', 'team=a']
  expect(JobPreview.parse(await command('jobs', ...job, '--dry-run')).agents).toBe(3)
  expect(JobView.parse(await command('jobs', ...job)).state).toEqual({ status: 'planned' })
  await expect(command('jobs', ...job)).rejects.toThrow(`There is a job ${jobId}.`)
  await fireSchedule('fleet-runJobs')
  const done = JobView.parse(await (await send('GET', `/jobs/${jobId}`)).json())
  expect(done).toMatchObject({ state: { status: 'done' }, progress: { examined: 3, written: 3 } })
  const outOfSync = AgentPage.parse(await (await send('GET', `/agents?tenant=${tenant}&inSync=false`)).json())
  expect(outOfSync.agents).toHaveLength(3)
  await command('jobs', 'roll-back', jobId)
  const restored = JobView.parse(await command('jobs', 'run', jobId))
  expect(restored).toMatchObject({ state: { status: 'rolled-back' }, progress: { restored: 3, conflicts: 0 } })
})
