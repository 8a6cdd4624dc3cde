import { Firestore, type Query } from '@google-cloud/firestore'
import { medianOf, row, type Row } from './measure.ts'
import { startServer } from './start-server.ts'

const projectId = 'demo-growth'
const BATCH = 500
const MIB = 2 ** 20

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}

const median = async (times: number, work: (time: number) => Promise<unknown>): Promise<number> => {
  const durations: number[] = []
  for (let time = 0; time < times; time++) durations.push(await timed(() => work(time)))
  return medianOf(durations)
}

const fieldsOf = (index: number) => ({ group: index % 1000, name: `document ${index}`, ratio: index / 7 })

/** Documents `from` to `to` of a collection, in batches of 500, four at once. */
const fill = async (db: Firestore, collection: string, from: number, to: number): Promise<void> => {
  let next = from
  const worker = async () => {
    while (next < to) {
      const first = next
      next += BATCH
      const batch = db.batch()
      for (let index = first; index < Math.min(first + BATCH, to); index++)
        batch.set(db.doc(`${collection}/d${index}`), fieldsOf(index))
      await batch.commit()
    }
  }
  await Promise.all(Array.from({ length: 4 }, worker))
}

/** A listener that has its first snapshot; `next` resolves when it has had so many more changes. */
const listen = async (query: Query) => {
  let left = Infinity
  let arrived = () => {}
  const { promise: ready, resolve } = Promise.withResolvers<void>()
  const stop = query.onSnapshot((snapshot) => {
    resolve()
    left -= snapshot.docChanges().length
    if (left <= 0) arrived()
  })
  await ready
  return {
    stop,
    next: (changes: number) => {
      left = changes
      return new Promise<void>((done) => (arrived = done))
    },
  }
}

const WRITTEN = 100

/** From the commit of a batch of 100 to the listener's snapshot, in a collection of `size` that it listens to whole. */
const listenedBatchMs = async (db: Firestore, size: number): Promise<number> => {
  const collection = `listened-${size}`
  await fill(db, collection, 0, size)
  // The client's own work grows with its view, the engine's must not: so the view is a part that stays small, and the
  // collection is what grows. A second listener makes the engine watch all of it.
  const small = await listen(db.collection(collection).where('group', '==', 1))
  const whole = await listen(db.collection(collection).select('group'))
  const result = await median(9, async (time) => {
    const batch = db.batch()
    for (let index = 0; index < WRITTEN; index++)
      batch.set(db.doc(`${collection}/d${index}`), { group: 1, time, index })
    const seen = small.next(WRITTEN)
    await batch.commit()
    await seen
  })
  small.stop()
  whole.stop()
  return result
}

const SMALL = 1000
const LARGE = 100_000

/** What the engine needs when there is much of everything: beside what it needs when there is little. */
export const growthRows = async (): Promise<Row[]> => {
  const server = await startServer('firestore')
  process.env['FIRESTORE_EMULATOR_HOST'] = server.address
  const db = new Firestore({ projectId })
  try {
    const rows: Row[] = []
    const before = await server.memoryBytes()
    await fill(db, 'many', 0, LARGE)
    const perThousand = ((await server.memoryBytes()) - before) / (LARGE / 1000) / MIB
    rows.push(row('firestore memory for 1,000 small documents', perThousand, 'MiB', 10))

    const few = await listenedBatchMs(db, SMALL)
    const more = await listenedBatchMs(db, LARGE)
    rows.push(row('firestore batch to snapshot, 1,000 documents listened to', few, 'ms'))
    rows.push(row('firestore batch to snapshot, 100,000 documents listened to', more, 'ms', few))

    // The same page of a query, from collections of 10,000 and of 1,000,000 documents.
    const page = (collection: string) =>
      db.collection(collection).where('group', '==', 7).orderBy('name').limit(10).get()
    await fill(db, 'queried-10k', 0, 10_000)
    await fill(db, 'queried-1m', 0, 1_000_000)
    await Promise.all([page('queried-10k'), page('queried-1m')])
    const small = await median(21, () => page('queried-10k'))
    rows.push(
      row('firestore indexed query, 1,000,000 documents', await median(21, () => page('queried-1m')), 'ms', small),
    )
    return rows
  } finally {
    await db.terminate()
    await server.stop()
  }
}
