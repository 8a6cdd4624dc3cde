import { hash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PubSub, type Message } from '@google-cloud/pubsub'
import {
  AgentId,
  type CriticalError,
  deadLetterTopic,
  parkedInDocumentMax,
  subscriptionStartSeconds,
  type TopicName,
  topics,
} from '@infinity-matrix/contracts'
import { anonymous } from '@infinity-matrix/core/access'
import { startFirestoreEngine } from '@infinity-matrix/embedded/firestore'
import { startPubSubEngine } from '@infinity-matrix/embedded/pubsub'
import { history, idToken, observationJson, reportJson, troubled, waitFor } from '@infinity-matrix/testing'
import fc from 'fast-check'
import { vi } from 'vitest'
import { createAgentKeys } from '../../functions/src/access/agents/agent-keys.ts'
import { createMembers } from '../../functions/src/access/members/members.ts'
import { createPasskeys } from '../../functions/src/access/passkeys/passkeys.ts'
import { createChallenges } from '../../functions/src/access/sign-in/challenges.ts'
import { createCellStore } from '../../functions/src/fleet/cells/store.ts'
import { createSweeper } from '../../functions/src/fleet/cells/sweeper.ts'
import * as functions from '../../functions/src/index.ts'
import { context } from '../../functions/src/runtime/context.ts'
import { governor } from '../../functions/src/runtime/governor.ts'
import { createQuotas } from '../../functions/src/runtime/quota.ts'
import { tenantKeys } from '../../functions/src/runtime/tenant-keys.ts'
import { createAnchoring } from '../../functions/src/ledger/anchoring/anchoring.ts'
import { createIntake } from '../../functions/src/ledger/intake.ts'
import { createSealer } from '../../functions/src/ledger/sealer.ts'
import { createLogStore } from '../../functions/src/ledger/store.ts'
import { disclose } from '../../functions/src/runtime/disclosures.ts'
import { createLeases } from '../../functions/src/runtime/lease.ts'
import { record } from '../../functions/src/runtime/ledger.ts'
import { eventOf } from '../../functions/src/runtime/testing.ts'
import { readIndexConfig } from './index-config.ts'
import { recordWrites } from './recorder.ts'
import { recordWriters } from './writers.ts'

/** Asks a function that serves HTTP. */
const post = async (serve: unknown, path: string, body?: object): Promise<void> => {
  const server = createServer(serve as RequestListener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${idToken({ projectId })}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  })
  server.close()
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
}

type Deliver = (event: object) => Promise<unknown>
interface Exported {
  __endpoint: { eventTrigger?: { eventFilters: { topic?: string } }; scheduleTrigger?: object }
  deployedAs: string
  run: Deliver
}

const projectId = 'demo-hot-spots'
// The same fleet in every run.
const seed = 4
const agentCount = 40
const tenantCount = 3
const changesMin = 60
const gapCount = 75
const messageMsMax = 1500

/** Everything that functions write, in a time that goes on from message to message. */
export const driveFunctions = async () => {
  const [store, broker] = await Promise.all([
    startFirestoreEngine({ host: '127.0.0.1', port: 0 }),
    startPubSubEngine({ host: '127.0.0.1', port: 0 }),
  ])
  const settings = {
    FIRESTORE_EMULATOR_HOST: `${store.host}:${store.port}`,
    PUBSUB_EMULATOR_HOST: `${broker.host}:${broker.port}`,
    GCLOUD_PROJECT: projectId,
    FIREBASE_AUTH_EMULATOR_HOST: '127.0.0.1:9099',
    GAP_BOUND_SECONDS: '60',
    GOVERNED_WRITES_PER_SECOND: '35000',
    LEDGER_ORIGIN: 'log.example/drive',
  }
  for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value)
  vi.useFakeTimers({ toFake: ['Date'], shouldAdvanceTime: true })
  const writes = recordWrites(store, readIndexConfig())
  const writers = recordWriters(await context())
  const pubsub = new PubSub()
  for (const { name } of Object.values(topics))
    for (const topic of [name, deadLetterTopic(name)]) await pubsub.createTopic(topic)

  const exported = Object.values(functions).flatMap((room) => Object.values(room) as unknown[] as Exported[])
  let drawn = 0
  const draw = () => Number.parseInt(hash('sha256', `${seed}.${drawn++}`).slice(0, 8), 16) / 2 ** 32
  const pass = (ms: number) => vi.setSystemTime(Date.now() + ms)

  // As Pub/Sub numbers them: by time, more or less.
  let messageId = 10_000_000_000_000
  const deliver = async (topic: TopicName, body: string | Uint8Array) => {
    pass(1 + draw() * messageMsMax)
    messageId += 1 + Math.floor(draw() * 1000)
    const data = Buffer.from(body).toString('base64')
    const message = { messageId: `${messageId}`, publishTime: new Date().toISOString(), data, attributes: {} }
    const handlers = exported.filter(({ __endpoint }) => __endpoint.eventTrigger?.eventFilters.topic === topic)
    for (const { run } of handlers) await run(eventOf(topic, message))
  }
  const tick = async () => {
    for (const { __endpoint, deployedAs, run } of exported)
      if (__endpoint.scheduleTrigger) await run({ jobName: `firebase-schedule-${deployedAs}`, scheduleTime: '' })
  }

  const changes = await subscribe(pubsub)
  // Until all instances know of it.
  pass(2 * subscriptionStartSeconds * 1000)
  await driveFleet({ deliver, tick, draw })
  for (const change of await changes()) await deliver(topics.realtimeSync.name, change)
  await driveGaps({ deliver, draw })
  await driveRefusals({ deliver })
  await driveSweeps({ deliver, draw }, pass)
  await driveFailures({ deliver, draw })
  await driveDuties(pass)
  await driveMembers()
  await driveSignIns()
  await driveLedger(pass)
  // What people begin is seldom: seen, and too little to be judged by.
  await post(functions.events.api, '/v1/erasures', { tenant: 'nobody', agentId: 'nobody' })
  await post(functions.events.api, '/v1/dead-letter-replays', { filter: { tenant: 'nobody' } })
  await post(functions.fleet.api, '/v1/jobs', {
    jobId: 'job',
    filter: { tenant: 'tenant-0' },
    patch: { level: 'debug' },
  })
  await post(functions.fleet.api, '/v1/jobs/job/run')

  const close = async () => {
    vi.useRealTimers()
    writes.stop()
    const { firestore, pubsub: ours } = await context()
    await Promise.all([firestore.terminate(), ours.close(), pubsub.close()])
    await Promise.all([store.close(), broker.close()])
    vi.unstubAllEnvs()
  }
  return { writes, writers, close }
}
export type Driven = Awaited<ReturnType<typeof driveFunctions>>

/** Subscribes to what each tenant's agents do, and returns how the functions told it so far. */
const subscribe = async (pubsub: PubSub) => {
  for (let tenant = 0; tenant < tenantCount; tenant++) {
    await pubsub.createTopic(`tenant.tenant-${tenant}.heard`)
    await post(functions.events.api, '/v1/subscriptions', {
      tenant: `tenant-${tenant}`,
      target: { kind: 'topic', topic: `tenant.tenant-${tenant}.heard` },
    })
  }
  const told: Buffer[] = []
  const [subscription] = await pubsub.topic(topics.realtimeSync.name).createSubscription('changes')
  subscription.on('message', (message: Message) => {
    told.push(message.data)
    message.ack()
  })
  return async (): Promise<Buffer[]> => {
    await waitFor('changes of agents', () => told[changesMin])
    await subscription.close()
    return told
  }
}

interface Driving {
  deliver: (topic: TopicName, body: string | Uint8Array) => Promise<void>
  tick: () => Promise<void>
  draw: () => number
}

/** Agents of different ages that report in disorder, some with reports missing for good, are heard, and fall silent. */
const driveFleet = async ({ deliver, tick, draw }: Driving) => {
  const now = () => ({ time: new Date().toISOString() })
  const agents = Array.from({ length: agentCount }, (_, index) => {
    const agentId = `${Math.floor(draw() * 1e9).toString(36)}-${index}`
    const overrides = { agentId, tenant: `tenant-${index % tenantCount}`, region: 'us-central1' }
    const [reports = []] = fc.sample(history({ lengthMax: 60, overrides }).chain(troubled), {
      numRuns: 1,
      seed: seed + index,
    })
    return { overrides, reports: index % 10 === 0 ? reports.filter(({ sequence }) => sequence !== 2) : reports }
  })
  for (let round = 0; agents.some(({ reports }) => reports.length > 0); round++) {
    const living = agents.filter(({ reports }) => reports.length > 0)
    const agent = living[Math.floor(draw() * living.length)]
    if (!agent) return
    const events = agent.reports.splice(0, 1 + Math.floor(draw() * 9)).map((event) => ({ ...event, ...now() }))
    await deliver(topics.stateChanges.name, JSON.stringify({ events }))
    if (round % 3 > 0) continue
    const heartbeat = observationJson('agent.heartbeat.v1', { silenceBoundSeconds: 30 }, agent.overrides)
    await deliver(topics.healthChecks.name, JSON.stringify({ ...heartbeat, ...now() }))
    const silence = observationJson(
      'agent.went-silent.v1',
      { lastHeardAt: now().time, silenceBoundSeconds: 30 },
      agent.overrides,
    )
    await deliver(topics.stateChanges.name, JSON.stringify({ ...silence, ...now() }))
    if (round % 30 === 0) await tick()
  }
}

/** Reports that wait for a missing one: of many agents one, and of some so many that they have documents of their own. */
const driveGaps = async ({ deliver, draw }: Pick<Driving, 'deliver' | 'draw'>) => {
  const early = (agentId: string, from: number, count: number) =>
    Array.from({ length: count }, (_, index) =>
      reportJson('agent.step-taken.v1', from + index, { step: 'thought' }, { agentId, timeMs: Date.now() }),
    )
  for (let index = 0; index < gapCount; index++) {
    const count = index % 25 === 0 ? parkedInDocumentMax + 10 : 1
    const events = early(`${draw().toString(36).slice(2, 10)}-waits`, 2, count)
    await deliver(topics.stateChanges.name, JSON.stringify({ events }))
  }
}

/** Inputs that become dead letters, some of them larger than a document. */
const driveRefusals = async ({ deliver }: Pick<Driving, 'deliver'>) => {
  for (let count = 0; count < 60; count++) {
    await deliver(topics.stateChanges.name, `no event ${count}`)
    if (count % 30 === 0) await deliver(topics.stateChanges.name, Buffer.alloc(1_000_000, 'abc'))
  }
}

/** Heartbeats, and the sweeper that brings them into digests. */
const driveSweeps = async ({ deliver, draw }: Pick<Driving, 'deliver' | 'draw'>, pass: (ms: number) => unknown) => {
  const { firestore, nowMs } = await context()
  const leases = createLeases({ firestore, nowMs })
  const store = createCellStore(firestore, leases)
  const sweeper = createSweeper({ store, leases, tell: () => Promise.resolve(), holder: 'sweeper', nowMs })
  await sweeper.start([0, 1], nowMs())
  for (let round = 0; round < 60; round++) {
    const agentId = `${draw().toString(36).slice(2, 10)}-beats`
    const heartbeat = observationJson(
      'agent.heartbeat.v1',
      { silenceBoundSeconds: 30 },
      { agentId, timeMs: Date.now() },
    )
    await deliver(topics.healthChecks.name, JSON.stringify(heartbeat))
    pass(10_000)
    await sweeper.sweep()
  }
  await sweeper.stop()
}

/** Failures that become alerts. */
const driveFailures = async ({ deliver, draw }: Pick<Driving, 'deliver' | 'draw'>) => {
  for (let count = 0; count < 60; count++) {
    const error: CriticalError = {
      specversion: '1.0',
      id: (await context()).newId(),
      source: '//control-plane/runtime',
      type: 'control-plane.failed.v1',
      subject: `agents/${draw().toString(36).slice(2, 10)}`,
      time: new Date().toISOString(),
      data: { code: 'document-unreadable', message: `failure ${count}` },
    }
    await deliver(topics.criticalErrors.name, JSON.stringify(error))
  }
}

/** Roles that are given and taken away, and keys. Accounts are Google's, and none of them is asked. */
const driveMembers = async () => {
  const shared = await context()
  const accounts = {
    uidOf: async () => undefined,
    exists: async () => true,
    ensure: async () => undefined,
    setClaims: async () => undefined,
    endSessions: async () => undefined,
    customToken: async () => '',
  }
  const members = createMembers(shared, accounts)
  for (let count = 0; count < 60; count++) {
    const uid = hash('sha256', `account ${count}`).slice(0, 28)
    await members.grant({ uid }, 'tenant-0', 'editor', { mayLeaveEmpty: true })
    await members.remove(uid, 'tenant-0', { mayLeaveEmpty: true })
  }
  await post(functions.access.api, '/v1/api-keys', { tenant: 'tenant-0', name: 'ci', scopes: ['agents:read'] })
  const service = { tenant: 'tenant-0', account: '112233445566778899000', name: 'ci', scopes: ['agents:read'] }
  await post(functions.access.api, '/v1/service-accounts', service)
  const agentKeys = createAgentKeys(shared)
  for (let count = 0; count < 60; count++) {
    const agentId = AgentId.parse(hash('sha256', `agent ${count}`).slice(0, 12))
    await agentKeys.add({ tenant: 'tenant-0', agentId, publicKey: `${count}` })
  }
}

/** Passkeys that accounts add, and what sign-ins are to answer. */
const driveSignIns = async () => {
  const shared = await context()
  const [passkeys, challenges] = [createPasskeys(shared), createChallenges(shared)]
  for (let count = 0; count < 60; count++) {
    const id = hash('sha256', `passkey ${count}`)
    const person = { ...anonymous, kind: 'person', id: id.slice(0, 28), hasSecondFactor: true } as const
    const shown = { id, credentialId: id, publicKey: id, counter: 0, transports: [], aaguid: 'none', isBackedUp: false }
    await passkeys.add(person, 'a key', shown)
    await passkeys.use(id, 1)
    await challenges.issue('wallet-sign-in', null)
  }
}

/** What stands behind several rooms. */
const driveDuties = async (pass: (ms: number) => unknown) => {
  const shared = await context()
  const leases = createLeases(shared)
  for (let count = 0; count < 40; count++) {
    pass(60_000)
    await leases.acquire('duty', `holder-${(count * 7) % 40}`, 50)
    await governor(shared).admit('range', 100)
    await createQuotas(shared, 'drive').count(`person-${count}`, { limit: 1, windowSeconds: 60, instancesMax: 1 })
    await tenantKeys(shared).rotate(`tenant-${(count * 7) % 40}`)
  }
}

/** Entries that functions append, and the sealer that makes a log of them. */
const driveLedger = async (pass: (ms: number) => unknown) => {
  const shared = await context()
  const { firestore, nowMs } = shared
  const leases = createLeases(shared)
  const sealer = createSealer({
    intake: createIntake(firestore, { refuse: () => Promise.reject(new Error('an entry cannot be read')) }),
    store: createLogStore(firestore, leases),
    leases,
    sign: () => Promise.resolve('signed'),
    holder: 'sealer',
    somewhere: () => '',
    nowMs,
    sleep: async (ms) => pass(ms),
  })
  for (let count = 0; count < 60; count++) {
    const recorded = Array.from({ length: 1 + ((count * 37) % 23) }, (_, index) => ({
      kind: 'change' as const,
      action: 'agent-changed',
      actor: { kind: 'person' as const, id: `person-${index % 5}` },
      tenant: `tenant-${index % tenantCount}`,
      subject: `agents/${(count * 7919) % 101}`,
      outcome: 'done' as const,
    }))
    await record(shared, recorded)
    const batch = firestore.batch()
    const values = { email: `person-${count}@example.com` }
    const disclosed = await disclose(shared, { tenant: 'tenant-0', person: `person-${(count * 7) % 41}` }, values)
    disclosed.write(batch)
    await batch.commit()
    await sealer.wake(nowMs() + 60_000)
  }
  // One a day.
  const attempt = { hash: '0x', raw: '0x', maxFeePerGas: '1', maxPriorityFeePerGas: '1', signedAt: '' }
  await createAnchoring(shared, {
    anchorer: async () => ({
      kind: 'evm',
      advance: async (_, __, keep) => {
        await keep({ nonce: 0, attempts: [attempt] })
        return null
      },
    }),
    checkpoint: async () => ({ size: 1, text: '', signedAt: '' }),
    everyHours: 24,
    holder: 'anchors',
  }).step()
}
