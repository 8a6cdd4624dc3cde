import { randomUUID } from 'node:crypto'
import { Firestore } from '@google-cloud/firestore'
import { PubSub, type Message } from '@google-cloud/pubsub'
import { ratePerSecond, row, type Row } from './measure.ts'
import { startServer, type BenchServer, type ServerKind } from './start-server.ts'

const projectId = 'demo-bench'
const fields = { a: 1, b: 'two', c: 3.5 }

const firestoreRates = async (server: BenchServer) => {
  process.env['FIRESTORE_EMULATOR_HOST'] = server.address
  const db = new Firestore({ projectId })
  const agents = db.collection('agents')
  const batched = (index: number) => {
    const batch = db.batch()
    for (let i = 0; i < 500; i++) batch.set(agents.doc(`b${(index * 500 + i) % 20_000}`), fields)
    return batch.commit()
  }
  const rates = {
    'single commits': await ratePerSecond({ inFlight: 256, count: 6000 }, (index) =>
      agents.doc(`s${index % 5000}`).set(fields),
    ),
    'batched writes': await ratePerSecond({ inFlight: 4, count: 60, size: 500 }, batched),
    'get+set transactions': await ratePerSecond({ inFlight: 64, count: 2500 }, (index) => {
      const agent = agents.doc(`s${index % 5000}`)
      return db.runTransaction(async (transaction) => {
        await transaction.get(agent)
        transaction.set(agent, fields)
      })
    }),
    'documents by getAll': await ratePerSecond({ inFlight: 4, count: 60, size: 500 }, (index) =>
      db.getAll(...Array.from({ length: 500 }, (_, i) => agents.doc(`b${(index * 500 + i) % 20_000}`))),
    ),
    'bulk writer writes': await ratePerSecond({ inFlight: 1, count: 4, size: 5000 }, async () => {
      const writer = db.bulkWriter({ throttling: false })
      for (let i = 0; i < 5000; i++) void writer.set(agents.doc(`b${i}`), fields)
      await writer.close()
    }),
  }
  await db.terminate()
  return rates
}

const publishRates = async (server: BenchServer) => {
  process.env['PUBSUB_EMULATOR_HOST'] = server.address
  const pubsub = new PubSub({ projectId })
  const data = Buffer.alloc(400, 'x')
  const topicName = `t-${randomUUID()}`
  // The empty server has no topics, and publishes without one.
  await pubsub.createTopic(topicName).catch(() => undefined)
  const single = pubsub.topic(topicName, { batching: { maxMessages: 1 } })
  const hundreds = pubsub.topic(topicName, { batching: { maxMessages: 100, maxMilliseconds: 5 } })
  const rates = {
    'single publishes': await ratePerSecond({ inFlight: 256, count: 10_000 }, () => single.publishMessage({ data })),
    'batched publishes': await ratePerSecond({ inFlight: 2000, count: 200_000 }, () =>
      hundreds.publishMessage({ data }),
    ),
  }
  await pubsub.close()
  return rates
}

/** Messages per second through a streaming pull, each acknowledged. */
const deliveryRate = async (server: BenchServer, isEmpty: boolean) => {
  process.env['PUBSUB_EMULATOR_HOST'] = server.address
  const pubsub = new PubSub({ projectId })
  const count = 200_000
  const name = `d-${randomUUID()}`
  if (!isEmpty) {
    const [topic] = await pubsub.createTopic(name)
    await topic.createSubscription(name)
    const publisher = pubsub.topic(name, { batching: { maxMessages: 1000, maxMilliseconds: 5 } })
    const data = Buffer.alloc(400, 'x')
    for (let sent = 0; sent < count; sent += 20_000)
      await Promise.all(Array.from({ length: 20_000 }, () => publisher.publishMessage({ data })))
  }
  const subscription = pubsub.subscription(name, { flowControl: { maxMessages: 10_000 } })
  const rate = await new Promise<number>((resolve, reject) => {
    const warmUp = count / 10
    let received = 0
    let startedAt = 0
    subscription.on('error', reject)
    subscription.on('message', (message: Message) => {
      message.ack()
      received++
      if (received === warmUp) startedAt = performance.now()
      if (received === count) resolve((count - warmUp) / ((performance.now() - startedAt) / 1000))
    })
  })
  await subscription.close()
  await pubsub.close()
  return rate
}

const withServer = async <T>(kind: ServerKind, use: (server: BenchServer) => Promise<T>): Promise<T> => {
  const server = await startServer(kind)
  try {
    return await use(server)
  } finally {
    await server.stop()
  }
}

const startBoundMs = 500

/** The local engines beside servers that do nothing, with Google's clients. */
export const engines = async (): Promise<Row[]> => {
  const rows: Row[] = []
  const compare = (prefix: string, engine: Record<string, number>, empty: Record<string, number>) => {
    for (const [name, value] of Object.entries(engine))
      rows.push(row(`${prefix} ${name}`, value, '/s', empty[name] ?? null))
  }
  const emptyFirestore = await withServer('empty-firestore', firestoreRates)
  await withServer('firestore', async (server) => {
    rows.push(row('firestore start', server.startMs, 'ms', startBoundMs))
    rows.push(row('firestore memory at start', (await server.memoryBytes()) / 2 ** 20, 'MiB'))
    compare('firestore', await firestoreRates(server), emptyFirestore)
    rows.push(row('firestore memory with 25,000 documents', (await server.memoryBytes()) / 2 ** 20, 'MiB'))
  })
  const emptyPublish = await withServer('empty-pubsub', publishRates)
  const emptyDelivery = await withServer('empty-pubsub', (server) => deliveryRate(server, true))
  await withServer('pubsub', async (server) => {
    rows.push(row('pubsub start', server.startMs, 'ms', startBoundMs))
    rows.push(row('pubsub memory at start', (await server.memoryBytes()) / 2 ** 20, 'MiB'))
    compare('pubsub', await publishRates(server), emptyPublish)
    rows.push(row('pubsub deliveries', await deliveryRate(server, false), '/s', emptyDelivery))
    rows.push(row('pubsub memory afterwards', (await server.memoryBytes()) / 2 ** 20, 'MiB'))
  })
  return rows
}
