import { randomUUID } from 'node:crypto'
import { Firestore } from '@google-cloud/firestore'
import { PubSub, type Message } from '@google-cloud/pubsub'
import { medianOf, ratesPerSecond, row, type Load, type Row } from './measure.ts'
import { growthRows } from './growth.ts'
import { startServer, type BenchServer, type ServerKind } from './start-server.ts'

const projectId = 'demo-bench'
const fields = { a: 1, b: 'two', c: 3.5 }

const clientOf = (server: BenchServer) => {
  process.env['FIRESTORE_EMULATOR_HOST'] = server.address
  return new Firestore({ projectId })
}

const firestoreWork: Record<string, { load: Load; work: (db: Firestore) => (index: number) => Promise<unknown> }> = {
  'single commits': {
    load: { inFlight: 256, count: 6000 },
    work: (db) => (index) => db.doc(`agents/s${index % 5000}`).set(fields),
  },
  'batched writes': {
    load: { inFlight: 4, count: 60, size: 500 },
    work: (db) => (index) => {
      const batch = db.batch()
      for (let i = 0; i < 500; i++) batch.set(db.doc(`agents/b${(index * 500 + i) % 20_000}`), fields)
      return batch.commit()
    },
  },
  'get+set transactions': {
    load: { inFlight: 64, count: 2500 },
    work: (db) => (index) => {
      const agent = db.doc(`agents/s${index % 5000}`)
      return db.runTransaction(async (transaction) => {
        await transaction.get(agent)
        transaction.set(agent, fields)
      })
    },
  },
  'single gets': {
    load: { inFlight: 256, count: 6000 },
    work: (db) => (index) => db.doc(`agents/s${index % 5000}`).get(),
  },
  'documents by getAll': {
    load: { inFlight: 4, count: 60, size: 500 },
    work: (db) => (index) =>
      db.getAll(...Array.from({ length: 500 }, (_, i) => db.doc(`agents/b${(index * 500 + i) % 20_000}`))),
  },
  'bulk writer writes': {
    load: { inFlight: 1, count: 4, size: 5000 },
    work: (db) => async () => {
      const writer = db.bulkWriter({ throttling: false })
      for (let i = 0; i < 5000; i++) void writer.set(db.doc(`agents/b${i}`), fields)
      await writer.close()
    },
  },
}

const firestoreRows = async (engine: BenchServer, empty: BenchServer): Promise<Row[]> => {
  const [engineClient, emptyClient] = [clientOf(engine), clientOf(empty)]
  const rows: Row[] = []
  for (const [name, { load, work }] of Object.entries(firestoreWork)) {
    const rates = await ratesPerSecond(load, { engine: work(engineClient), empty: work(emptyClient) })
    rows.push(row(`firestore ${name}`, rates.engine, '/s', rates.empty))
  }
  await Promise.all([engineClient.terminate(), emptyClient.terminate()])
  return rows
}

const pubsubOf = (server: BenchServer) => {
  process.env['PUBSUB_EMULATOR_HOST'] = server.address
  return new PubSub({ projectId })
}
const data = Buffer.alloc(400, 'x')

const publishWork: Record<string, { load: Load; batching: { maxMessages: number; maxMilliseconds: number } }> = {
  'single publishes': { load: { inFlight: 256, count: 10_000 }, batching: { maxMessages: 1, maxMilliseconds: 1 } },
  'batched publishes': { load: { inFlight: 2000, count: 100_000 }, batching: { maxMessages: 100, maxMilliseconds: 5 } },
}

const publishRows = async (engine: BenchServer, empty: BenchServer): Promise<Row[]> => {
  const [engineClient, emptyClient] = [pubsubOf(engine), pubsubOf(empty)]
  // The empty server has no topics, and publishes without one.
  await engineClient.createTopic('published')
  const rows: Row[] = []
  for (const [name, { load, batching }] of Object.entries(publishWork)) {
    const workOf = (pubsub: PubSub) => {
      const topic = pubsub.topic('published', { batching })
      return () => topic.publishMessage({ data })
    }
    const rates = await ratesPerSecond(load, { engine: workOf(engineClient), empty: workOf(emptyClient) })
    rows.push(row(`pubsub ${name}`, rates.engine, '/s', rates.empty))
  }
  await Promise.all([engineClient.close(), emptyClient.close()])
  return rows
}

/** The time of `count` messages through a streaming pull, each acknowledged. */
const receive = async (pubsub: PubSub, name: string, count: number): Promise<void> => {
  const subscription = pubsub.subscription(name, { flowControl: { maxMessages: 10_000 } })
  await new Promise<void>((resolve, reject) => {
    let received = 0
    subscription.on('error', reject)
    subscription.on('message', (message: Message) => {
      message.ack()
      received++
      if (received === count) resolve()
    })
  })
  await subscription.close()
}

const deliveryRow = async (engine: BenchServer, empty: BenchServer): Promise<Row> => {
  const count = 60_000
  const [engineClient, emptyClient] = [pubsubOf(engine), pubsubOf(empty)]
  const subscribed = async () => {
    const name = `d-${randomUUID()}`
    const [topic] = await engineClient.createTopic(name)
    await topic.createSubscription(name)
    const publisher = engineClient.topic(name, { batching: { maxMessages: 1000, maxMilliseconds: 5 } })
    for (let sent = 0; sent < count; sent += 10_000)
      await Promise.all(Array.from({ length: 10_000 }, () => publisher.publishMessage({ data })))
    return name
  }
  // Filled before the clock runs: a pass for the warm-up, and one for each round.
  const names = [await subscribed(), await subscribed(), await subscribed(), await subscribed()]
  const rates = await ratesPerSecond(
    { inFlight: 1, count: 1, size: count },
    { engine: () => receive(engineClient, names.pop() ?? '', count), empty: () => receive(emptyClient, 'any', count) },
  )
  await Promise.all([engineClient.close(), emptyClient.close()])
  return row('pubsub deliveries', rates.engine, '/s', rates.empty)
}

const startBoundMs = 300
const starts = 5

/** The median of some starts: the first may have to compile what the others find compiled. */
const startRow = async (kind: ServerKind): Promise<Row> => {
  const durations: number[] = []
  for (let i = 0; i < starts; i++) {
    const server = await startServer(kind)
    durations.push(server.startMs)
    await server.stop()
  }
  return row(`${kind} start`, medianOf(durations), 'ms', startBoundMs)
}

/** The local engines beside servers that do nothing, with Google's clients. */
export const engines = async (): Promise<Row[]> => {
  const rowsOf = async (
    [kind, emptyKind]: [ServerKind, ServerKind],
    measure: (engine: BenchServer, empty: BenchServer) => Promise<Row[]>,
  ) => {
    const start = await startRow(kind)
    const [engine, empty] = [await startServer(kind), await startServer(emptyKind)]
    try {
      const memory = async (when: string) =>
        row(`${kind} memory ${when}`, (await engine.memoryBytes()) / 2 ** 20, 'MiB')
      return [start, await memory('at start'), ...(await measure(engine, empty)), await memory('afterwards')]
    } finally {
      await Promise.all([engine.stop(), empty.stop()])
    }
  }
  return [
    ...(await rowsOf(['firestore', 'empty-firestore'], firestoreRows)),
    ...(await rowsOf(['pubsub', 'empty-pubsub'], async (engine, empty) => [
      ...(await publishRows(engine, empty)),
      await deliveryRow(engine, empty),
    ])),
    ...(await growthRows()),
  ]
}
