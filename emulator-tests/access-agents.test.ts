// An agent as it works with the control plane: it has a key, gets tokens by it, and tells of itself over HTTP.
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { AgentKey, AgentKeyFile } from '@infinity-matrix/contracts'
import { createAgentCredential, createBatcher, createHttpTransport, signWithJwk } from '@infinity-matrix/sdk'
import { reportJson, waitFor } from '@infinity-matrix/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { agentOf, agentWhen, firestore, fresh, functionUrl, pubsub, uniqueTenant } from './suite.ts'

const command = join(import.meta.dirname, '../packages/cli/src/agent-key.ts')
let folder = ''
let urls = { tokens: '', ingest: '', fleet: '' }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agent-keys-'))
  urls = {
    tokens: await functionUrl('access-agentTokens'),
    ingest: await functionUrl('fleet-ingest'),
    fleet: await functionUrl('fleet-api'),
  }
})
afterAll(async () => {
  await Promise.all([pubsub.close(), firestore.terminate(), rm(folder, { recursive: true })])
})

/** `npm run agent:key`, as an operator uses it. */
const agentKey = async (...args: string[]) => {
  const { stdout } = await promisify(execFile)(process.execPath, [command, ...args])
  return stdout.trim().split('\n').at(-1) ?? ''
}
const report = (agentId: string, tenant: string) =>
  fresh(reportJson('agent.started.v1', 1, { kind: 'worker' }, { agentId, tenant }))

it(
  'is registered, tells of itself and of nobody else, and is refused once its key is gone',
  { timeout: 180_000 },
  async () => {
    const tenant = uniqueTenant()
    const [agentId, other] = [`agent-${randomUUID()}`, `agent-${randomUUID()}`]
    const file = join(folder, 'key.json')
    const key = AgentKey.parse(JSON.parse(await agentKey('add', agentId, '--tenant', tenant, '--out', file, '--json')))
    const { privateKey, ...who } = AgentKeyFile.parse(JSON.parse(await readFile(file, 'utf8')))
    const credential = createAgentCredential({ origin: urls.tokens, ...who, sign: signWithJwk(privateKey) })

    const batcher = createBatcher({
      transport: createHttpTransport({ origin: urls.ingest, waitSeconds: 20, headers: credential.headers }),
    })
    const [added] = await Promise.all([batcher.add(report(agentId, tenant)), batcher.close()])
    expect(added.verdict).toBe('applied')
    expect(await agentWhen(agentId, ({ lastSequence }) => lastSequence === 1)).toMatchObject({ tenant })

    const get = async (id: string, path = '') =>
      (await fetch(`${urls.fleet}/v1/agents/${id}${path}`, { headers: await credential.headers() })).status
    const send = async (event: object) => {
      const headers = { ...(await credential.headers()), 'content-type': 'application/json' }
      const init = { method: 'POST', headers, body: JSON.stringify([report(agentId, tenant), event]) }
      return (await fetch(`${urls.ingest}/v1/events`, init)).status
    }
    expect([await get(agentId), await get(agentId, '/desired'), await get(other)]).toEqual([200, 200, 404])
    expect([await send(report(other, tenant)), await send(report(agentId, 'another'))]).toEqual([403, 403])
    expect(await agentOf(other)).toBeUndefined()

    expect(await agentKey('token', file)).toMatch(/^ey/)
    expect(await agentKey('list', agentId, '--tenant', tenant, '--json')).toContain(`"${key.publicKey}"`)
    await agentKey('remove', agentId, key.id, '--tenant', tenant)
    await waitFor('the token to be refused', async () => ((await get(agentId)) === 401 ? true : undefined), {
      deadlineSeconds: 60,
    })
    await expect(agentKey('token', file)).rejects.toThrow(`the key is none of ${agentId}`)
  },
)
