import { join } from 'node:path'
import { ingestPath, messageBytesMax, messageText } from '@infinity-matrix/contracts'
import { createBatcher } from '@infinity-matrix/sdk'
import { idToken, reportJson } from '@infinity-matrix/testing'
import { v7 as uuidv7 } from 'uuid'
import { percentileOf, ratesPerSecond, row, type Row } from './measure.ts'
import type { DeployedFunction } from './platform/manifest.ts'
import { startInstance, type Instance } from './platform/instance.ts'
import { startServer } from './start-server.ts'

const agentCount = 500
const batchSize = 100
const eventsOfAgent = 20
const MIB = 2 ** 20

const dist = join(import.meta.dirname, '../functions/dist')

const functionOf = (entryPoint: string): DeployedFunction => ({
  id: entryPoint.replace('.', '-'),
  entryPoint,
  trigger: { kind: 'request' },
  timeoutSeconds: 60,
  concurrency: 80,
  instancesMax: 1,
})

/** Reports of another fleet each time: its agents take turns, and say so many things in a turn, each in its own order. */
const createFleet = (turnLength: number) => {
  const prefix = uuidv7()
  let index = 0
  return () => {
    const turn = Math.floor(index / turnLength)
    const sequence = Math.floor(turn / agentCount) * turnLength + (index++ % turnLength) + 1
    const overrides = { agentId: `${prefix}-${turn % agentCount}`, timeMs: Date.now(), id: uuidv7() }
    return sequence === 1
      ? reportJson('agent.started.v1', 1, { kind: 'bench' }, overrides)
      : reportJson('agent.step-taken.v1', sequence, { step: 'acted', tool: 'search' }, overrides)
  }
}

/** Sends requests, and remembers how long each took. */
const createClient = (instance: Instance, contentType: string, wait: boolean, bodyOf: () => string) => {
  const latenciesMs: number[] = []
  const authorization = `Bearer ${idToken({ projectId: 'demo-bench' })}`
  const headers = { authorization, 'content-type': contentType, ...(wait ? { prefer: 'wait=30' } : {}) }
  const send = async () => {
    const body = Buffer.from(bodyOf())
    const startedAt = performance.now()
    const request = {
      method: 'POST',
      path: ingestPath,
      headers: { ...headers, 'content-length': String(body.length) },
      body,
    }
    // A server closes connections that were idle while others had their turn, perhaps just as one is used again.
    const { status } = await instance.send(request).catch(() => instance.send(request))
    latenciesMs.push(performance.now() - startedAt)
    if (status !== 202 && status !== 200) throw new Error(`a request was answered ${status}`)
  }
  return { send, latenciesMs }
}

const single = () => {
  const next = createFleet(1)
  return () => JSON.stringify(next())
}
/** As a batcher packs them: each agent's events together. */
const batchOf = (textOf: (events: string[]) => string) => () => {
  const next = createFleet(eventsOfAgent)
  return () => textOf(Array.from({ length: batchSize }, () => JSON.stringify(next())))
}
const batch = batchOf(messageText)
const lines = batchOf((events) => events.join('\n'))

/** Requests per second of several ways to send, each beside the function that does nothing. */
const httpRows = async (ingest: Instance, bare: Instance): Promise<Row[]> => {
  const measured = async (
    what: string,
    load: { inFlight: number; count: number; size: number },
    bodies: () => () => string,
    contentType: string,
  ): Promise<Row[]> => {
    const clients = {
      bare: createClient(bare, contentType, false, bodies()),
      published: createClient(ingest, contentType, false, bodies()),
      folded: createClient(ingest, contentType, true, bodies()),
    }
    const rates = await ratesPerSecond(load, {
      bare: clients.bare.send,
      published: clients.published.send,
      folded: clients.folded.send,
    })
    return (['bare', 'published', 'folded'] as const).flatMap((mode) => {
      const { latenciesMs } = clients[mode]
      const name = `${what}, ${mode === 'bare' ? 'function that does nothing' : mode}`
      return [
        row(`${name}: requests`, rates[mode] / load.size, '/s', rates.bare / load.size),
        ...(load.size > 1 && mode !== 'bare' ? [row(`${name}: events`, rates[mode], '/s')] : []),
        row(`${name}: p50`, percentileOf(latenciesMs, 0.5), 'ms'),
        row(`${name}: p99`, percentileOf(latenciesMs, 0.99), 'ms'),
      ]
    })
  }
  return [
    ...(await measured('one event', { inFlight: 32, count: 600, size: 1 }, single, 'application/json')),
    ...(await measured('batch of 100', { inFlight: 8, count: 24, size: batchSize }, batch, 'application/json')),
    ...(await measured('100 lines', { inFlight: 8, count: 24, size: batchSize }, lines, 'application/x-ndjson')),
  ]
}

/** Events per second through the batcher to a transport that does nothing, beside writing and measuring their text alone. */
const batcherRows = async (): Promise<Row[]> => {
  const next = createFleet(eventsOfAgent)
  const events = Array.from({ length: 50_000 }, next)
  const encoder = new TextEncoder()
  const transport = {
    bytesMax: messageBytesMax,
    eventsMax: 1000,
    send: async (sent: readonly object[]) => sent.map(() => ({ status: 'accepted' as const })),
  }
  const through = async () => {
    const batcher = createBatcher({ transport, bufferBytesMax: Infinity })
    for (const event of events) void batcher.add(event)
    await batcher.close()
  }
  const encoded = async () => {
    let bytes = 0
    for (const event of events) bytes += encoder.encode(JSON.stringify(event)).length
    return bytes
  }
  const rates = await ratesPerSecond({ inFlight: 1, count: 1, size: events.length }, { encoded, through })
  return [row('events through the batcher', rates.through, '/s', rates.encoded)]
}

/**
 * `POST /v1/events` of the built functions, in a process of its own under the functions framework, on engines in others. The
 * limit is a function there that does nothing.
 */
export const ingest = async (): Promise<Row[]> => {
  const [firestore, pubsub] = await Promise.all([startServer('firestore'), startServer('pubsub')])
  const environment = {
    GCLOUD_PROJECT: 'demo-bench',
    METADATA_SERVER_DETECTION: 'none',
    FIRESTORE_EMULATOR_HOST: firestore.address,
    PUBSUB_EMULATOR_HOST: pubsub.address,
    FIREBASE_AUTH_EMULATOR_HOST: 'local',
    // As in a database that has grown; how a new one is let grow is not what is measured here.
    GOVERNED_WRITES_PER_SECOND: '0',
  }
  const instances = await Promise.all([
    startInstance(functionOf('fleet.ingest'), { source: dist, environment }),
    startInstance(functionOf('bare'), { source: join(import.meta.dirname, 'bare-function.ts'), environment }),
  ])
  try {
    const rows = await httpRows(...instances)
    const [{ memoryBytes }, { memoryBytes: bareBytes }] = [await instances[0].usage(), await instances[1].usage()]
    return [...rows, row('memory of the function', memoryBytes / MIB, 'MiB', bareBytes / MIB), ...(await batcherRows())]
  } finally {
    await Promise.all([...instances, firestore, pubsub].map((started) => started.stop()))
  }
}
