import { join } from 'node:path'
import { Firestore } from '@google-cloud/firestore'
import { PubSub } from '@google-cloud/pubsub'
import { deadLetterTopic, topics, type AgentReport } from '@infinity-matrix/contracts'
import { reportJson } from '@infinity-matrix/testing'
import { ratesPerSecond, row, type Row } from './measure.ts'
import { startServer } from './start-server.ts'

const projectId = 'demo-bench'
const agentCount = 500
const eventCount = 10_000
const inFlight = 500
// As `ratesPerSecond` plays them.
const rounds = 3

interface CloudEventBody {
  data: { message: { messageId: string; publishTime: string; data: string; attributes: Record<string, string> } }
}
type Handler = (event: CloudEventBody) => Promise<unknown>

/** The handler as it is deployed: the bundle that `npm run build` makes. */
const builtHandler = async (): Promise<Handler> => {
  const bundle = (await import(join(import.meta.dirname, '../functions/dist/index.js'))) as {
    fleet: { onStateChange: Handler }
  }
  return bundle.fleet.onStateChange
}

/** Event `index` of a fleet that reports in turn: agent 0, 1, ... and round again, each in its own order. */
const reportOf = (prefix: string, index: number) => {
  const sequence = Math.floor(index / agentCount) + 1
  const overrides = { agentId: `${prefix}-${index % agentCount}`, timeMs: Date.now() }
  return sequence === 1
    ? reportJson('agent.started.v1', 1, { kind: 'bench' }, overrides)
    : reportJson(
        'agent.step-taken.v1',
        sequence,
        { step: 'acted', tool: 'search' } satisfies Extract<AgentReport, { type: 'agent.step-taken.v1' }>['data'],
        overrides,
      )
}

const bodyOf = (prefix: string, index: number): CloudEventBody => ({
  data: {
    message: {
      messageId: `${prefix}-${index}`,
      publishTime: new Date().toISOString(),
      data: Buffer.from(JSON.stringify(reportOf(prefix, index))).toString('base64'),
      attributes: {},
    },
  },
})

/** A new fleet for each round, so that no round folds duplicates. */
const perRound = (work: (prefix: string, index: number) => Promise<unknown>) => {
  let round = 0
  return (index: number) => {
    if (index === 0) round++
    return work(`r${round}`, index)
  }
}

/**
 * Events per second through the built handler, beside one transaction per event, and beside the ceiling: the same client
 * reading and writing as many documents against a server that answers empty. The process that is measured has one core;
 * the server has the other.
 */
export const fold = async (): Promise<Row[]> => {
  const [engine, empty, pubsubEngine] = [
    await startServer('firestore'),
    await startServer('empty-firestore'),
    await startServer('pubsub'),
  ]
  process.env['GCLOUD_PROJECT'] = projectId
  process.env['PUBSUB_EMULATOR_HOST'] = pubsubEngine.address
  try {
    const pubsub = new PubSub({ projectId })
    for (const name of [topics.analytics.name, deadLetterTopic(topics.stateChanges.name)])
      await pubsub.createTopic(name)
    await pubsub.close()

    process.env['FIRESTORE_EMULATOR_HOST'] = empty.address
    const ceilingClient = new Firestore({ projectId })
    const ceiling = await ceilingRate(ceilingClient)
    await ceilingClient.terminate()

    process.env['FIRESTORE_EMULATOR_HOST'] = engine.address
    const db = new Firestore({ projectId })
    const { naive } = await ratesPerSecond(
      { inFlight: 64, count: 2000 },
      { naive: perRound((prefix, index) => naiveFold(db, prefix, index)) },
    )
    const handler = await builtHandler()
    const cpuBefore = process.cpuUsage()
    const startedAt = performance.now()
    const { built } = await ratesPerSecond(
      { inFlight, count: eventCount },
      { built: perRound((prefix, index) => handler(bodyOf(prefix, index))) },
    )
    const { user, system } = process.cpuUsage(cpuBefore)
    const cores = (user + system) / 1000 / (performance.now() - startedAt)
    const stored = await storedEvents(db)
    await db.terminate()
    return [
      row('events through the built handler', built, '/s', ceiling),
      row('events through the built handler, per core', built / cores, '/s', ceiling),
      row('events by a transaction each', naive, '/s', ceiling),
      row('built handler beside a transaction each', built / naive, 'x'),
      row('ceiling: getAll and batched writes, empty server', ceiling, '/s', ceiling),
      row(
        'events found in state afterwards',
        stored,
        'events',
        rounds * eventCount + Math.min(eventCount, inFlight * 4),
      ),
      row('memory of the handler', process.memoryUsage().rss / 2 ** 20, 'MiB'),
      row('memory of the firestore engine', (await engine.memoryBytes()) / 2 ** 20, 'MiB'),
    ]
  } finally {
    await Promise.all([engine.stop(), empty.stop(), pubsubEngine.stop()])
  }
}

/** One `getAll` and one commit for every `agentCount` documents: no fold of any kind can do with less. */
const ceilingRate = async (db: Firestore) => {
  const agents = db.collection('agents')
  const fields = { sequence: 1, status: 'running', at: new Date().toISOString() }
  const readAndWrite = async () => {
    const documents = Array.from({ length: agentCount }, (_, index) => agents.doc(`agent-${index}`))
    await db.getAll(...documents)
    const batch = db.batch()
    for (const document of documents) batch.set(document, fields)
    await batch.commit()
  }
  const { ceiling } = await ratesPerSecond({ inFlight: 4, count: 60, size: agentCount }, { ceiling: readAndWrite })
  return ceiling
}

/** What one writes first: read the agent, write it and a history entry, in a transaction per event. */
const naiveFold = (db: Firestore, prefix: string, index: number) => {
  const { sequence, subject, type, time } = reportOf(prefix, index)
  const agent = db.doc(`naive-${subject}`)
  return db.runTransaction(async (transaction) => {
    const last = ((await transaction.get(agent)).get('lastSequence') as number | undefined) ?? 0
    if (sequence <= last) return
    transaction.set(agent, { lastSequence: sequence, type, time })
    transaction.set(agent.collection('history').doc(String(sequence)), { type, time })
  })
}

/** Every event that was acknowledged stands in an agent's sequence. */
const storedEvents = async (db: Firestore) => {
  const { docs } = await db.collection('agents').select('lastSequence').get()
  return docs.reduce((sum, agent) => sum + (agent.get('lastSequence') as number), 0)
}
