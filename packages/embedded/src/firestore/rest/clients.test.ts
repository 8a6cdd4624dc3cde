import { FieldValue, Firestore, Timestamp } from '@google-cloud/firestore'
import { deleteApp, initializeApp, type FirebaseApp } from 'firebase/app'
import * as lite from 'firebase/firestore/lite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startFirestoreEngine, type FirestoreEngine } from '../index.ts'

lite.setLogLevel('silent')

let engine: FirestoreEngine

beforeAll(async () => {
  engine = await startFirestoreEngine()
})
afterAll(() => engine.close())

describe('the Lite SDK', () => {
  let app: FirebaseApp
  let db: lite.Firestore

  beforeAll(() => {
    app = initializeApp({ projectId: 'lite' }, 'lite')
    db = lite.getFirestore(app)
    lite.connectFirestoreEmulator(db, '127.0.0.1', engine.port)
  })
  afterAll(() => deleteApp(app))

  test('writes and reads', async () => {
    const ref = lite.doc(db, 'c/ä b%2F?#😀')
    await lite.setDoc(ref, { n: 1, list: [-0, Number.NaN, null], at: lite.serverTimestamp() })
    await lite.updateDoc(ref, { n: lite.increment(1.5), 'map.`odd.key`': true })
    const found = await lite.getDoc(ref)
    expect(found.data()).toMatchObject({ n: 2.5, list: [-0, Number.NaN, null] })
    expect(found.get('at')).toBeInstanceOf(lite.Timestamp)
    await lite.deleteDoc(ref)
    expect((await lite.getDoc(ref)).exists()).toBe(false)
  })

  test('runs batches, transactions, queries and aggregations', async () => {
    const c = lite.collection(db, 'places')
    const batch = lite.writeBatch(db)
    for (let n = 0; n < 10; n++) batch.set(lite.doc(c, `p${n}`), { n })
    await batch.commit()
    await lite.runTransaction(db, async (transaction) => {
      const ref = lite.doc(c, 'p9')
      const found = await transaction.get(ref)
      transaction.update(ref, { n: (found.get('n') as number) + 90 })
    })
    const found = await lite.getDocs(lite.query(c, lite.where('n', '>', 6), lite.orderBy('n', 'desc'), lite.limit(2)))
    expect(found.docs.map((one) => [one.id, one.get('n')])).toEqual([
      ['p9', 99],
      ['p8', 8],
    ])
    const aggregate = await lite.getAggregate(c, {
      count: lite.count(),
      sum: lite.sum('n'),
      average: lite.average('n'),
    })
    expect(aggregate.data()).toEqual({ count: 10, sum: 135, average: 13.5 })
  })

  test('is told of failures', async () => {
    const failed = lite.updateDoc(lite.doc(db, 'c/none'), { n: 1 })
    await expect(failed).rejects.toMatchObject({ code: 'not-found' })
  })
})

describe("Google's server client, when it prefers REST", () => {
  let client: Firestore

  beforeAll(() => {
    // Over REST it wants credentials even where it needs none; a key is one that it does not have to fetch.
    const credentials = { apiKey: 'none', customHeaders: { authorization: 'Bearer owner' } }
    const host = `127.0.0.1:${engine.port}`
    client = new Firestore({ projectId: 'rest', preferRest: true, host, ssl: false, ...credentials })
  })
  afterAll(() => client.terminate())

  test('writes and reads', async () => {
    const ref = client.doc('c/ä b😀')
    const data = {
      bytes: Buffer.from([255, 0, 62]),
      when: new Timestamp(1_234_567_890, 123_456_000),
      nested: { list: [1, { deep: 'é' }] },
      nothing: null,
    }
    await ref.set(data)
    const found = await ref.get()
    expect(found.data()).toEqual({ ...data, bytes: expect.anything() })
    expect(Buffer.from(found.get('bytes') as Uint8Array)).toEqual(data.bytes)
    await ref.update({ count: FieldValue.increment(3) })
    expect((await ref.get()).get('count')).toBe(3)
  })

  test('runs queries, transactions and listings', async () => {
    const c = client.collection('numbers')
    const batch = client.batch()
    for (let n = 0; n < 10; n++) batch.create(c.doc(`n${n}`), { n })
    await batch.commit()
    await client.runTransaction(async (transaction) => {
      const found = await transaction.get(c.where('n', '<', 2))
      for (const one of found.docs) transaction.delete(one.ref)
    })
    expect((await c.orderBy('n').get()).docs.map((one) => one.get('n') as number)).toEqual([2, 3, 4, 5, 6, 7, 8, 9])
    expect((await c.count().get()).data().count).toBe(8)
    expect((await client.listCollections()).map(({ id }) => id)).toEqual(['c', 'numbers'])
    expect(await c.listDocuments()).toHaveLength(8)
    await expect(c.doc('n5').create({})).rejects.toMatchObject({ code: 6 })
  })
})
