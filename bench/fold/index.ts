import { Firestore } from '@google-cloud/firestore'
import { PubSub } from '@google-cloud/pubsub'
import { deadLetterTopic, topics } from '@infinity-matrix/contracts'
import { openBatches } from '../../functions/src/runtime/batches.ts'
import { row, type Row } from '../measure.ts'
import { startServer } from '../start-server.ts'
import { byBatches, byBulkWriter, byWriteBatch, transactionEach, updatesOf } from './contenders.ts'
import { addedDelay } from './delay.ts'
import { bodyOf, deliver, fleetOf, handlerOf, type Fleet, type Handler, type Report } from './load.ts'
import { inTurns, type Contender } from './turns.ts'

const projectId = 'demo-bench'
const agentCount = 500
// The deployed function takes 500 messages at once; of the large ones as many as make the same number of agents.
const inFlight = { single: 500, batched: 100 }
/** The reference load of the cost model: 100 events a message, 20 events an agent in a window. */
const reference = { agentsPerMessage: 5, perAgent: 20 }
const count = { single: 5000, batched: 200, ceilingRequests: 12, transactions: 600 }

/** The sum of a number that agents have, of all or of a fleet's. */
const sumOf = async (firestore: Firestore, field: 'version' | 'lastSequence', fleet = ''): Promise<number> => {
  const agents = firestore.collection('agents').where('agentId', '>=', fleet).where('agentId', '<', `${fleet}~`)
  const { docs } = await agents.select(field).get()
  return docs.reduce((sum, agent) => sum + (agent.get(field) as number), 0)
}

/** Agents as they are in the long run: with all the transitions that a document keeps. */
const start = (handler: Handler, fleet: Fleet) => {
  const { agentsPerMessage, perAgent } = reference
  const messages = fleet.batched(agentCount / agentsPerMessage, agentsPerMessage, perAgent)
  return deliver(handler, messages.map(bodyOf), inFlight.batched)
}

/** Deliveries to one or several instances, made outside of the clock. */
const folding = async (
  firestore: Firestore,
  fleet: Fleet,
  handlers: readonly Handler[],
  next: (fleet: Fleet) => Report[][],
  inFlightMax: number,
): Promise<Contender> => {
  const [first] = handlers
  if (first) await start(first, fleet)
  // Each write counts up its agent's version.
  const versions = () => sumOf(firestore, 'version', `${fleet.name}-`)
  let before = await versions()
  let bodies: ReturnType<typeof bodyOf>[] = []
  let events = 0
  return {
    prepare: () => {
      const made = next(fleet)
      events = made.reduce((sum, some) => sum + some.length, 0)
      bodies = made.map(bodyOf)
    },
    play: () => Promise.all(handlers.map((handler) => deliver(handler, bodies, inFlightMax))),
    count: async () => {
      const after = await versions()
      const documents = after - before
      before = after
      return { events, documents }
    },
  }
}

const measureAll = async (firestore: Firestore, engineMemory: () => Promise<number>): Promise<Row[]> => {
  const [one, other] = [await handlerOf('one'), await handlerOf('other')]
  const batches = await openBatches()
  const names = ['single', 'batched', 'contended', 'again', 'ceiling', 'low'] as const
  const fleets = Object.fromEntries(names.map((name) => [name, fleetOf(name, agentCount)])) as Record<
    (typeof names)[number],
    Fleet
  >
  const { agentsPerMessage, perAgent } = reference
  const batched = (fleet: Fleet) => fleet.batched(count.batched, agentsPerMessage, perAgent)
  const single = (fleet: Fleet) => fleet.single(count.single)
  const duplicates = fleetOf('again', agentCount).batched(agentCount / agentsPerMessage, agentsPerMessage, perAgent)
  const fold = {
    single: await folding(firestore, fleets.single, [one], single, inFlight.single),
    batched: await folding(firestore, fleets.batched, [one], batched, inFlight.batched),
    contended: await folding(firestore, fleets.contended, [one, other], batched, inFlight.batched),
    duplicates: await folding(firestore, fleets.again, [one], () => duplicates, inFlight.batched),
  }

  await start(one, fleets.ceiling)
  const updates = await updatesOf(firestore, fleets.ceiling.single(agentCount).flat())
  const bare = (play: Contender['play']): Contender => {
    const documents = (count.ceilingRequests * agentCount) / 2
    return { play, count: () => ({ events: documents, documents }) }
  }
  const naiveFleet = fleetOf('naive', agentCount)
  const naive = async () => {
    const reports = naiveFleet.single(count.transactions).flat()
    let next = 0
    const worker = async () => {
      for (let report = reports[next++]; report; report = reports[next++]) await transactionEach(firestore, report)
    }
    await Promise.all(Array.from({ length: 64 }, worker))
  }

  const rates = await inTurns({
    ceiling: bare(() => byWriteBatch(firestore, updates, count.ceilingRequests)),
    bulkWriter: bare(() => byBulkWriter(firestore, updates, count.ceilingRequests)),
    requests: bare(() => byBatches(batches, updates, count.ceilingRequests)),
    ...fold,
    naive: { play: naive, count: () => ({ events: count.transactions, documents: count.transactions }) },
  })

  const [update] = updates
  const delay = await addedDelay(
    () => one(bodyOf(fleets.low.single(1).flat())),
    () => byBatches(batches, update ? [update, update] : [], 2),
  )
  await batches.close()
  const reported = Object.values(fleets).reduce((sum, fleet) => sum + fleet.reported(), 0)
  const stored = await sumOf(firestore, 'lastSequence')

  const { ceiling, bulkWriter, requests, single: singleRates, batched: batchedRates, contended, naive: each } = rates
  return [
    row('bar 0.8: documents folded, an event each', singleRates.documentsPerSecond, '/s', ceiling.documentsPerSecond),
    row('... per core', singleRates.documentsPerCoreSecond, '/s', ceiling.documentsPerCoreSecond),
    row(
      'bar 6: events, a message each, beside a transaction each',
      singleRates.eventsPerSecond / each.eventsPerSecond,
      'x',
      6,
    ),
    row('bar 25: p99 added delay at low load', delay.p99, 'ms', 25),
    row('p50 added delay at low load', delay.p50, 'ms'),
    row('bare read and write of one document, p50', delay.bareP50, 'ms'),
    row('events, a message each', singleRates.eventsPerSecond, '/s', ceiling.documentsPerSecond),
    row('events, 100 a message, 20 an agent', batchedRates.eventsPerSecond, '/s', ceiling.documentsPerSecond),
    row('... per core', batchedRates.eventsPerCoreSecond, '/s', ceiling.documentsPerCoreSecond),
    row('... documents', batchedRates.documentsPerSecond, '/s', ceiling.documentsPerSecond),
    row('events, the same to two instances at once', contended.eventsPerSecond, '/s', batchedRates.eventsPerSecond),
    row('duplicates only, 100 a message', rates.duplicates.eventsPerSecond, '/s', batchedRates.eventsPerSecond),
    row('events by a transaction each', each.eventsPerSecond, '/s', ceiling.documentsPerSecond),
    row('ceiling: documents by getAll and WriteBatch', ceiling.documentsPerSecond, '/s'),
    row('... per core', ceiling.documentsPerCoreSecond, '/s'),
    row('documents by getAll and BulkWriter', bulkWriter.documentsPerSecond, '/s', ceiling.documentsPerSecond),
    row('documents by the two requests of the fold', requests.documentsPerSecond, '/s', ceiling.documentsPerSecond),
    row('... per core', requests.documentsPerCoreSecond, '/s', ceiling.documentsPerCoreSecond),
    row('events found in state afterwards', stored, 'events', reported),
    row('memory of this process, all contenders', process.memoryUsage().rss / 2 ** 20, 'MiB'),
    row('memory of the firestore engine', (await engineMemory()) / 2 ** 20, 'MiB'),
  ]
}

/**
 * The built handler, called as the functions framework calls it, beside the same client reading and writing as many agents
 * of the same form and size (the ceiling), and beside a transaction per event. All against one Firestore engine, in turns.
 * The process that is measured has one core, the engines have the other.
 */
export const fold = async (): Promise<Row[]> => {
  const [engine, pubsubEngine] = [await startServer('firestore'), await startServer('pubsub')]
  process.env['GCLOUD_PROJECT'] = projectId
  process.env['FIRESTORE_EMULATOR_HOST'] = engine.address
  process.env['PUBSUB_EMULATOR_HOST'] = pubsubEngine.address
  const [firestore, pubsub] = [new Firestore(), new PubSub()]
  try {
    for (const name of [topics.analytics.name, deadLetterTopic(topics.stateChanges.name)])
      await pubsub.createTopic(name)
    return await measureAll(firestore, () => engine.memoryBytes())
  } finally {
    await Promise.all([firestore.terminate(), pubsub.close()])
    await Promise.all([engine.stop(), pubsubEngine.stop()])
  }
}
