import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { Storage } from '@google-cloud/storage'
import { startTestChain } from '@infinity-matrix/anchors/testing'
import {
  chainOf,
  ChainProof,
  collections,
  ErasureView,
  LedgerEntriesPage,
  LedgerTree,
  topics,
  WindowProof,
} from '@infinity-matrix/contracts'
import { idToken, reportJson, waitFor } from '@infinity-matrix/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openControlPlane } from '../packages/cli/src/control-plane.ts'
import { readSettings } from '../packages/cli/src/settings.ts'
import { fireSchedule } from './clock.ts'
import { agentOf, agentWhen, firestore, fresh, functionUrl, publish, pubsub, uniqueTenant } from './suite.ts'

let [ledger, fleet, erasures, folder] = ['', '', '', '']
const headers = { authorization: `Bearer ${idToken({ projectId: process.env['GCLOUD_PROJECT'] ?? '' })}` }
beforeAll(async () => {
  ;[ledger, fleet, erasures] = await Promise.all([
    functionUrl('ledger-api'),
    functionUrl('fleet-api'),
    functionUrl('events-api'),
  ])
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

it('what an agent reported is erased, and the log and the proof of its events hold by their hashes', async () => {
  const [tenant, agentId, canary] = [uniqueTenant(), `agent-${randomUUID()}`, `canary-${randomUUID()}`]
  const controlPlane = await openControlPlane(readSettings())
  await controlPlane.ensureTopics()
  await controlPlane.close()
  const reports = [
    reportJson('agent.started.v1', 1, { kind: 'worker', task: canary }, { agentId, tenant }),
    reportJson('agent.step-taken.v1', 2, { step: 'acted' }, { agentId, tenant }),
  ]
  await publish(topics.stateChanges.name, [{ events: reports.map(fresh) }])
  const chain = chainOf(await agentWhen(agentId, ({ lastSequence }) => lastSequence === 2))
  const file = join(folder, 'erased.json')
  await waitFor(
    'the window to be sealed, and the events to be archived',
    async () => ((await command('ledger-prove', file, '--agent', agentId)).code === 0 ? true : undefined),
    { deadlineSeconds: 60 },
  )
  const proof = ChainProof.parse(JSON.parse(await readFile(file, 'utf8')))
  expect(proof.events.map(({ text }) => text).join()).toContain(canary)

  const asked = await fetch(`${erasures}/v1/erasures`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ tenant, agentId }),
  })
  const { id } = ErasureView.parse(await asked.json())
  await waitFor('a pass of the erasure', async () => {
    await fireSchedule('events-erase')
    const shown = await fetch(`${erasures}/v1/erasures/${id}`, { headers })
    return ErasureView.parse(await shown.json()).passes > 0 ? true : undefined
  })
  expect(await agentOf(agentId)).toBeUndefined()

  // What somebody kept of it are the heads of its chain; the control plane has the rest, as before.
  const query = `window=${chain?.window}&agent=${agentId}`
  const window = await (await fetch(`${ledger}/v1/ledger/proofs/window?${query}`, { headers })).json()
  const withoutTexts = proof.events.map(({ head }) => ({ head, text: null }))
  const kept: ChainProof = { kind: 'chain', events: withoutTexts, ...WindowProof.parse(window) }
  await writeFile(file, JSON.stringify(kept))
  const policyFile = join(folder, 'policy-after-erasure')
  await writeFile(policyFile, await (await fetch(`${ledger}/v1/ledger/policy`)).text())
  expect(await command('ledger-verify', file, '--policy', policyFile)).toMatchObject({
    code: 0,
    said: { ok: true, chain: { agentId, events: 2 } },
  })
  const log = join(folder, 'log-after-erasure')
  await command('ledger-export', log)
  expect(await command('ledger-verify', log, '--policy', policyFile)).toMatchObject({ code: 0, said: { ok: true } })
  for (const entry of await readdir(log, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) expect(await readFile(join(entry.parentPath, entry.name), 'latin1')).not.toContain(canary)
}, 240_000)

it('the log is kept in object storage as a folder that verifies', async () => {
  await fireSchedule('ledger-exportCold')
  const bucket = new Storage({ projectId: process.env['GCLOUD_PROJECT'] ?? '' }).bucket('demo-infinity-matrix-ledger')
  const [files] = await bucket.getFiles()
  const cold = join(folder, 'cold')
  for (const file of files) {
    await mkdir(dirname(join(cold, file.name)), { recursive: true })
    await writeFile(join(cold, file.name), (await file.download())[0])
  }
  const policyFile = join(folder, 'policy-of-cold')
  await writeFile(policyFile, await (await fetch(`${ledger}/v1/ledger/policy`)).text())
  expect(await command('ledger-verify', cold, '--policy', policyFile)).toMatchObject({
    code: 0,
    said: { ok: true, keys: 'given' },
  })
}, 240_000)

it('the checkpoint of an export is anchored in a chain, which the verifier follows', async () => {
  const [log, keyFile] = [join(folder, 'anchored'), join(folder, 'key')]
  await command('ledger-export', log)
  const chain = await startTestChain()
  await writeFile(keyFile, `${chain.privateKey}\n`)
  const done = new AbortController()
  const mining = (async () => {
    while (!done.signal.aborted) {
      await waitFor('something to mine', () => done.signal.aborted || chain.waiting().length > 0 || undefined)
      await chain.mine()
    }
  })()
  const options = ['--evm', chain.rpcUrl, '--key-file', keyFile, '--confirmations', '1']
  const anchored = await command('ledger-anchor', log, ...options)
  done.abort()
  await mining
  await chain.close()
  expect(anchored).toMatchObject({ code: 0, said: { kind: 'evm' } })
  const { id, size } = anchored.said
  expect(await command('ledger-verify', log)).toMatchObject({
    code: 0,
    said: { ok: true, anchors: [{ kind: 'evm', id, size }] },
  })
}, 240_000)
