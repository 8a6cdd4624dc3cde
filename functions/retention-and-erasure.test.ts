// Of two rooms: what fleet folds is kept, and deleted, by events.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import {
  archiveDataset,
  archiveSubscription,
  archiveTables,
  collections,
  ErasureView,
  storageDays,
  topics,
  type Erasure,
} from '@infinity-matrix/contracts'
import { settleSeconds } from '@infinity-matrix/core/erasure'
import { observationJson, reportJson, waitFor } from '@infinity-matrix/testing'
import type { CollectionReference, DocumentReference } from '@google-cloud/firestore'
import { v7 as uuidv7 } from 'uuid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { showCounts } from './src/fleet/counts/counts.ts'
import { reconcileAll } from './src/fleet/reconcileCounts.ts'
import { raiseAlert } from './src/events/alerts.ts'
import { openReceiptQueue, type ReceiptQueue } from './src/events/receipts/receipt-queue.ts'
import { createRollups } from './src/events/receipts/rollups.ts'
import { onStateChange } from './src/fleet/onStateChange.ts'
import { context, type Context } from './src/runtime/context.ts'
import { deliverTo, openApp, startLocalEngines, type OpenedApp } from './src/runtime/testing.ts'
import { serveErasures } from './src/events/retention/routes.ts'
import { createErasures } from './src/events/retention/erasures.ts'
import { deleteExpired } from './src/events/retain.ts'

const tenant = 'acme'
const closing: (() => Promise<unknown>)[] = []
let shared: Context
let folder = ''
let app: OpenedApp
let queue: ReceiptQueue
/** How far the clock of Firestore and of the erasures is ahead. */
let aheadMs = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'erasures-'))
  const engines = await startLocalEngines('demo-erasures', { clock: () => Date.now() + aheadMs, tablesIn: folder })
  const own = await context()
  closing.push(
    () => own.firestore.terminate(),
    () => own.pubsub.close(),
    engines.close,
    () => rm(folder, { recursive: true }),
  )
  shared = { ...own, nowMs: () => Date.now() + aheadMs }
  for (const { topic, table } of Object.values(archiveTables)) {
    const [created] = await shared.pubsub.createTopic(topic)
    const bigqueryConfig = { table: `demo-erasures.${archiveDataset}.${table}`, writeMetadata: true }
    await created.createSubscription(archiveSubscription(topic), { bigqueryConfig })
  }
  queue = await openReceiptQueue(shared)
  closing.unshift(() => Promise.resolve(queue.close()))
  // The first pull makes the subscription.
  await queue.pull(1)
  app = await openApp((routes) => serveErasures(routes, shared))
})
afterAll(async () => {
  for (const close of closing) await close()
})

let count = 0
/** Publishes to the archive, and hands the same message to the function, as Eventarc does. */
const send = async (body: string | object): Promise<void> => {
  const data = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  await shared.pubsub.topic(topics.stateChanges.name).publishMessage({ data })
  const message = { messageId: `m${++count}`, publishTime: new Date().toISOString(), data: data.toString('base64') }
  await deliverTo(onStateChange, message)
}
const report = (agentId: string, sequence: number, of = tenant) => ({
  ...reportJson(
    'agent.started.v1',
    sequence,
    { kind: 'worker', task: `secret of ${agentId}` },
    { agentId, tenant: of },
  ),
  time: new Date().toISOString(),
})

const archived = async (): Promise<string[]> => {
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.parquet'))
  const read =
    files.length === 0
      ? []
      : (await connection.runAndReadAll(`SELECT data FROM read_parquet('${folder}/**/*.parquet')`)).getRows()
  connection.closeSync()
  return read.map(([data]) => String(data))
}
const archivedWhen = (text: string, times: number) =>
  waitFor(`${times} archived rows with ${text}`, async () => {
    const rows = (await archived()).filter((data) => data.includes(text))
    return rows.length >= times ? rows : undefined
  })

/** Waits until what was published before stands in the archive: Pub/Sub writes rows some time later, in their order. */
const archiveIsWritten = async (): Promise<void> => {
  const marker = `marker-${++count}`
  const marked = Object.values(archiveTables).map(({ topic }) => topic)
  await Promise.all(marked.map((topic) => shared.pubsub.topic(topic).publishMessage({ data: Buffer.from(marker) })))
  await archivedWhen(marker, marked.length)
}

/** Every document there is but for the ledger's, as text, with its path. The ledger names agents, and has hashes of what they reported. */
const everything = async (): Promise<string[]> => {
  const found: string[] = []
  const walk = async (document: DocumentReference): Promise<void> => {
    const data = (await document.get()).data()
    const plain = JSON.stringify(data, (_, value: unknown) =>
      typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer' && 'data' in value
        ? Buffer.from(value.data as number[]).toString('latin1')
        : value,
    )
    found.push(`${document.path} ${plain}`)
    for (const beneath of await document.listCollections()) await all(beneath)
  }
  const all = async (collection: CollectionReference): Promise<void> => {
    for (const document of await collection.listDocuments()) await walk(document)
  }
  const collectionsThere = await shared.firestore.listCollections()
  for (const collection of collectionsThere) if (!collection.id.startsWith('ledger')) await all(collection)
  return found
}

/** Where the text stands in any tier: documents, rows, and the bytes of all files. */
const places = async (text: string): Promise<string[]> => {
  const documents = (await everything()).filter((document) => document.includes(text))
  const rows = (await archived()).filter((data) => data.includes(text))
  const names = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
  const files: string[] = []
  for (const { parentPath, name } of names)
    if ((await readFile(join(parentPath, name))).includes(text)) files.push(join(parentPath, name))
  return [...documents, ...rows, ...files]
}

const post = (body: object) =>
  app.request('/v1/erasures', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
const request = async (agentId: string, of = tenant): Promise<string> => {
  const answer = await post({ tenant: of, agentId })
  expect(answer.status).toBe(202)
  return ErasureView.parse(await answer.json()).id
}
const erasureOf = async (id: string): Promise<Erasure> => {
  const erasure = await createErasures(shared).get(id)
  if (!erasure) throw new Error(`no erasure ${id}`)
  return erasure
}

/** Runs passes, with time going on in between, until the erasure is at its end. */
const toTheEnd = async (id: string): Promise<Erasure> => {
  for (let pass = 0; pass < 5; pass++) {
    await createErasures(shared).work(id)
    const erasure = await erasureOf(id)
    if (erasure.state.status === 'erased') return erasure
    // Of the time that goes on, what it published needs some.
    await archiveIsWritten()
    aheadMs += settleSeconds * 1000
  }
  throw new Error('the erasure did not end')
}

/** As the control plane tells of a failure. */
const alert = (subject: string, message: string) =>
  raiseAlert(shared, {
    specversion: '1.0',
    id: uuidv7(),
    source: '//control-plane/runtime',
    type: 'control-plane.failed.v1',
    subject,
    time: new Date().toISOString(),
    data: { code: 'a-test', message },
  })
const subjectsOfAlerts = async () =>
  (await shared.firestore.collection(collections.alerts).get()).docs
    .map((document) => String(document.get('subject')))
    .toSorted()

/** What folding did for a tenant, as soon as some of it is in a rollup. */
const rolledUp = (of: string) =>
  waitFor(`a rollup of ${of}`, async () => {
    await createRollups(shared, queue).work(5)
    const { docs } = await shared.firestore.collection(collections.rollups).where('tenant', '==', of).get()
    return docs.length > 0 ? docs : undefined
  })

describe('an erasure', { timeout: 60_000 }, () => {
  it('leaves nothing of the agent in any tier, and everything of others', async () => {
    const [agentId, other] = ['erased-1', 'erased-10']
    await send(report(agentId, 1))
    await send({ events: [report(other, 1), report(agentId, 3), report(other, 2)] })
    // A gap, a refusal in a batch, a message of nobody and one that is too large for a document.
    await send({ events: [{ ...report(agentId, 4), specversion: '0.3' }, report(other, 3)] })
    await send(`no JSON about ${agentId}`)
    await send(`${'x'.repeat(900_000)} about ${agentId}`)
    await send(JSON.stringify(report(agentId, 5)).replace('agents/erased', String.raw`agents\u002Ferased`))
    await archivedWhen(agentId, 6)
    await alert(`agents/${agentId}`, 'cannot be read')
    await alert('topics/agent.state-changes', `too many reports of ${agentId} wait`)
    await alert('functions/one', `${other} is contended`)
    const keys = { tenant, subject: `agents/${agentId}`, keys: [], spent: [] }
    await shared.firestore.doc(`${collections.agentKeys}/${tenant}.${agentId}`).set(keys)
    await rolledUp(tenant)
    expect((await places(agentId)).length).toBeGreaterThan(12)

    const erasure = await toTheEnd(await request(agentId))
    const left = await places(agentId)
    // An id that begins with it is another agent's.
    expect(left.filter((place) => !place.includes(other) && !place.endsWith('.parquet'))).toEqual([])
    expect(left.join('\n')).not.toMatch(/erased-1(?!0)/)
    expect(JSON.stringify(erasure)).not.toContain(agentId)
    expect(erasure).toMatchObject({
      tenant,
      deleted: { agentKeys: 1, agents: 1, alerts: 2, deadLetters: 5, agent_state_changes: 6, system_health_checks: 1 },
    })
    const { docs } = await shared.firestore.collection(collections.agents).where('lastSequence', '==', 3).get()
    expect(docs.map(({ id }) => id)).toEqual([other])
    expect((await archivedWhen(`secret of ${other}`, 2)).length).toBe(2)
    expect(await subjectsOfAlerts()).toEqual(['functions/one'])
    // They count, and name nobody.
    expect((await rolledUp(tenant)).length).toBeGreaterThan(0)
  })

  it.each([
    ['counted before', true],
    ['never counted before', false],
  ])('takes the agent out of the counts of its tenant, %s, also when it was the last one', async (_, isCounted) => {
    const of = `counts-${isCounted}`
    const agents = [`${of}-1`, `${of}-2`]
    const shown = async () => (await showCounts(shared.firestore, of)).agents
    const compare = async () => {
      aheadMs += 180_000
      await reconcileAll(shared, Infinity)
    }
    await send({ events: agents.map((agentId) => report(agentId, 1, of)) })
    await waitFor('both to be counted', async () => ((await shown()) === 2 ? true : undefined))
    if (isCounted) await compare()
    await toTheEnd(await request(agents[0] ?? '', of))
    if (isCounted) {
      await compare()
      expect(await shown()).toBe(1)
    }
    await toTheEnd(await request(agents[1] ?? '', of))
    await compare()
    expect(await shown()).toBe(0)
  })

  it('holds against events that come late, and goes to the archive again for them', async () => {
    const agentId = 'late-1'
    await send(report(agentId, 1))
    await archivedWhen(agentId, 1)
    const id = await request(agentId)
    expect((await toTheEnd(id)).state.status).toBe('erased')
    const silence = { lastHeardAt: new Date().toISOString(), silenceBoundSeconds: 5 }
    const overrides = { agentId, tenant, timeMs: Date.now() }
    await send({
      events: [
        report(agentId, 1),
        report(agentId, 2),
        { ...report(agentId, 3), specversion: '0.3' },
        observationJson('agent.went-silent.v1', silence, overrides),
        observationJson('agent.capability-went-silent.v1', { capability: 'search', ...silence }, overrides),
      ],
    })
    await archivedWhen(agentId, 1)
    const documents = async () => (await everything()).filter((document) => document.includes(agentId))
    expect(await documents()).toEqual([expect.stringMatching(/^erasures\//)])
    await toTheEnd(id)
    expect(await places(agentId)).toEqual([])
  })

  it('goes on where a worker died', async () => {
    const agentId = 'crashed-1'
    await send({ events: [report(agentId, 1), { ...report(agentId, 2), specversion: '0.3' }] })
    await archivedWhen(agentId, 1)
    const id = await request(agentId)
    // Its writes fail from somewhere in the middle on.
    const original = shared.firestore
    let writes = 0
    const failing = new Proxy(original, {
      get(target, name, receiver) {
        if (name === 'runTransaction' && ++writes > 1) return () => Promise.reject(new Error('killed'))
        const value: unknown = Reflect.get(target, name, receiver)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    await expect(createErasures({ ...shared, firestore: failing }).work(id)).rejects.toThrow('killed')
    expect(await erasureOf(id)).toMatchObject({ passes: 0, state: { status: 'erasing' } })
    await archiveIsWritten()
    aheadMs += 3_600_000
    await toTheEnd(id)
    expect(await places(agentId)).toEqual([])
  })

  it("of another tenant's agent looks like that of none, and takes nothing but what is of the tenant", async () => {
    const agentId = 'others-1'
    await send(report(agentId, 1, 'other'))
    await send({ ...report(agentId, 2, 'other'), specversion: '0.3' })
    await send({ ...report(agentId, 3), specversion: '0.3' })
    await send(`no JSON about ${agentId}`)
    await alert(`agents/${agentId}`, 'cannot be read')
    const kept = async () =>
      (await everything()).filter((place) => place.includes(agentId) && !place.startsWith('erasures/')).length
    const before = await kept()
    const ids = [await request(agentId), await request('nobody-1')]
    const views = await Promise.all(
      ids.map(async (id) => {
        await createErasures(shared).work(id)
        return ErasureView.parse(await (await app.request(`/v1/erasures/${id}`)).json())
      }),
    )
    expect(views).toMatchObject([
      { tenant, status: 'erasing', deleted: { deadLetters: 1 } },
      { tenant, status: 'erasing', deleted: {} },
    ])
    expect(await kept()).toBe(before - 1)
    await send(report(agentId, 2, 'other'))
    const agent = await shared.firestore.collection(collections.agents).doc(agentId).get()
    expect(agent.data()).toMatchObject({ tenant: 'other', lastSequence: 2 })
  })

  it('is of an agent that can be, and is found by its id', async () => {
    expect((await post({ tenant, agentId: 'a/b' })).status).toBe(422)
    expect((await app.request('/v1/erasures/none')).status).toBe(404)
  })
})

describe('retention', { timeout: 60_000 }, () => {
  it('deletes what was kept long enough from each tier, as time goes on, and nothing before', async () => {
    const refused = { ...report('kept-1', 1, 'kept'), specversion: '0.3' }
    await send(refused)
    await send(report('kept-1', 2, 'kept'))
    await rolledUp('kept')
    await alert('functions/kept', 'a test')
    const heartbeat = observationJson('agent.heartbeat.v1', { silenceBoundSeconds: 30 }, { agentId: 'kept-1', tenant })
    await shared.pubsub.topic(topics.healthChecks.name).publishMessage({ json: heartbeat })
    await archivedWhen('kept-1', 3)
    const left = async () => {
      const letters = await shared.firestore
        .collection(collections.deadLetters)
        .where('subject', '==', 'agents/kept-1')
        .get()
      const agents = await shared.firestore.collection(collections.agents).where('agentId', '==', 'kept-1').get()
      const rows = (await archived()).filter((data) => data.includes('kept-1'))
      const heartbeats = rows.filter((data) => data.includes('heartbeat')).length
      const rollups = await shared.firestore.collection(collections.rollups).where('tenant', '==', 'kept').get()
      const alerts = (await subjectsOfAlerts()).filter((subject) => subject === 'functions/kept')
      return {
        letters: letters.size,
        agents: agents.size,
        reports: rows.length - heartbeats,
        heartbeats,
        rollups: Math.min(1, rollups.size),
        alerts: alerts.length,
      }
    }
    const warm = (kept: number) => ({ rollups: kept, alerts: kept })
    const after = async (days: number) => {
      aheadMs = days * 86_400_000
      await deleteExpired(shared)
      return left()
    }
    expect(await after(storageDays.hot - 1)).toEqual({ letters: 1, agents: 1, reports: 2, heartbeats: 1, ...warm(1) })
    expect(await after(storageDays.hot + 1)).toEqual({ letters: 1, agents: 1, reports: 2, heartbeats: 0, ...warm(1) })
    expect(await after(storageDays.warm - 1)).toMatchObject({ letters: 1, ...warm(1) })
    expect(await after(storageDays.warm + 1)).toEqual({ letters: 0, agents: 1, reports: 2, heartbeats: 0, ...warm(0) })
    expect(await after(storageDays.cold - 1)).toMatchObject({ reports: 2 })
    expect(await after(storageDays.cold + 1)).toEqual({ letters: 0, agents: 1, reports: 0, heartbeats: 0, ...warm(0) })
    expect((await shared.firestore.collection(collections.erasedAgents).get()).size).toBe(0)
  })
})
