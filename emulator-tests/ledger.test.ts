import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { collections, LedgerEntriesPage, LedgerTree, topics } from '@infinity-matrix/contracts'
import { idToken, reportJson, waitFor } from '@infinity-matrix/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openControlPlane } from '../packages/cli/src/control-plane.ts'
import { readSettings } from '../packages/cli/src/settings.ts'
import { agentWhen, firestore, fresh, functionUrl, publish, pubsub, uniqueTenant } from './suite.ts'

let [ledger, fleet, folder] = ['', '', '']
const headers = { authorization: `Bearer ${idToken({ projectId: process.env['GCLOUD_PROJECT'] ?? '' })}` }
beforeAll(async () => {
  ;[ledger, fleet] = await Promise.all([functionUrl('ledger-api'), functionUrl('fleet-api')])
  folder = await mkdtemp(join(tmpdir(), 'ledger-'))
})
afterAll(async () => {
  await Promise.all([pubsub.close(), firestore.terminate(), rm(folder, { recursive: true })])
})

/** A command of the CLI, with its exit code and what it prints in its last line. */
const command = async (name: string, ...args: string[]) => {
  const entry = join(import.meta.dirname, `../packages/cli/src/${name}.ts`)
  const { code, stdout } = await promisify(execFile)(process.execPath, [entry, ...args, '--json']).then(
    (done) => ({ code: 0, stdout: done.stdout }),
    (error: { code: number; stdout: string }) => error,
  )
  return { code, said: JSON.parse(stdout.trim().split('\n').at(-1) || '{}') as Record<string, unknown> }
}
const entriesOf = async (query: string) => {
  const response = await fetch(`${ledger}/v1/ledger/entries?${query}`, { headers })
  return LedgerEntriesPage.parse(await response.json()).entries
}

it('a call of the API is sealed within seconds, found, proved and exported, and a change of the export is found', async () => {
  const [tenant, agentId] = [uniqueTenant(), `agent-${randomUUID()}`]
  await publish(topics.stateChanges.name, [
    fresh(reportJson('agent.started.v1', 1, { kind: 'worker' }, { agentId, tenant })),
  ])
  await agentWhen(agentId, ({ lastSequence }) => lastSequence === 1)
  const subject = `/v1/agents/${agentId}/desired`
  const changed = await fetch(`${fleet}${subject}`, {
    method: 'PUT',
    headers: { ...headers, 'content-type': 'application/json', 'if-match': '"0"' },
    body: '{"level":"debug"}',
  })
  expect(changed.status).toBe(200)

  const entry = await waitFor('the call to be in the ledger', async () => {
    const entries = await entriesOf(`tenant=${tenant}&subject=${encodeURIComponent(subject)}`)
    return entries[0]?.entry
  })
  expect(entry).toMatchObject({ kind: 'api-call', outcome: 'done', trace: changed.headers.get('x-request-id') })

  const proofFile = join(folder, 'call.tlog-proof')
  await waitFor('its proof', async () => {
    const response = await fetch(`${ledger}/v1/ledger/proofs/inclusion?entry=${entry.id}`, { headers })
    if (!response.ok) return undefined
    await writeFile(proofFile, await response.text())
    return true
  })
  const policyFile = join(folder, 'policy')
  await writeFile(policyFile, await (await fetch(`${ledger}/v1/ledger/policy`)).text())
  const proved = await command('ledger-verify', proofFile, '--policy', policyFile)
  expect([proved.code, proved.said['ok']]).toEqual([0, true])

  const log = join(folder, 'log')
  const exported = await command('ledger-export', log)
  const size = Number(exported.said['entries'])
  const verified = await command('ledger-verify', log, '--policy', policyFile)
  expect(verified).toMatchObject({ code: 0, said: { ok: true, entries: size, root: exported.said['root'] } })
  expect(await readFile(join(log, 'checkpoint'), 'utf8')).toContain('\n— ')

  // The export made calls itself, so there is more to export now; what was signed before is kept, and held against it.
  await waitFor('more to be sealed', async () => {
    const { size: now } = LedgerTree.parse((await firestore.doc(`${collections.ledgerLog}/tree`).get()).data())
    return now > size ? true : undefined
  })
  await command('ledger-export', log)
  const grown = await command('ledger-verify', log, '--policy', policyFile)
  expect(grown.said).toMatchObject({ ok: true, earlierCheckpoints: 1 })

  await appendFile(join(log, `checkpoints/${size}`), '\n')
  expect(await command('ledger-verify', log, '--policy', policyFile)).toMatchObject({ code: 1, said: { ok: false } })
}, 240_000)

it('all events of an agent are proved from its chain, its window and the log, and one that is changed is found', async () => {
  const [tenant, agentId] = [uniqueTenant(), `agent-${randomUUID()}`]
  const events = [
    reportJson('agent.started.v1', 1, { kind: 'worker' }, { agentId, tenant }),
    ...[2, 3, 4].map((sequence) => reportJson('agent.step-taken.v1', sequence, { step: 'acted' }, { agentId, tenant })),
  ]
  // The archive begins with its subscription.
  const controlPlane = await openControlPlane(readSettings())
  await controlPlane.ensureTopics()
  await controlPlane.close()
  // Whatever their order.
  await publish(topics.stateChanges.name, [{ events: events.slice(2).map(fresh) }, ...events.slice(0, 2).map(fresh)])
  await agentWhen(agentId, ({ lastSequence }) => lastSequence === 4)
  const file = join(folder, 'agent.json')
  await waitFor(
    'the window to be sealed, and the events to be archived',
    async () => ((await command('ledger-prove', file, '--agent', agentId)).code === 0 ? true : undefined),
    { deadlineSeconds: 60 },
  )
  const policyFile = join(folder, 'policy-of-now')
  await writeFile(policyFile, await (await fetch(`${ledger}/v1/ledger/policy`)).text())
  expect(await command('ledger-verify', file, '--policy', policyFile)).toMatchObject({
    code: 0,
    said: { ok: true, chain: { agentId, events: 4 } },
  })
  await writeFile(file, (await readFile(file, 'utf8')).replace('\\"acted\\"', '\\"observed\\"'))
  expect(await command('ledger-verify', file, '--policy', policyFile)).toMatchObject({
    code: 1,
    said: { ok: false, position: 'events.1' },
  })
}, 240_000)
