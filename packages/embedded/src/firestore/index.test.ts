import { FieldPath, FieldValue, Filter, Firestore, GeoPoint, Timestamp } from '@google-cloud/firestore'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startFirestoreEngine, type FirestoreEngine } from './index.ts'

// The client must not look for Google's machines on the network.
process.env['METADATA_SERVER_DETECTION'] = 'none'

let firestore: FirestoreEngine
let db: Firestore
let project = 0

beforeAll(async () => {
  firestore = await startFirestoreEngine()
})
afterAll(() => firestore.close())

beforeEach(() => {
  const settings = { host: `127.0.0.1:${firestore.port}`, ssl: false, projectId: `demo-index-${++project}` }
  db = new Firestore({ ...settings, customHeaders: { Authorization: 'Bearer owner' } })
  return () => db.terminate()
})

describe("Google's client", () => {
  test('reads back what it wrote, of every type', async () => {
    const reference = db.doc('c/other')
    const written = {
      text: 'ünï😀',
      integer: 42,
      double: 1.5,
      nan: Number.NaN,
      yes: true,
      nothing: null,
      time: new Timestamp(1_700_000_000, 123_456_000),
      bytes: Buffer.from([0, 255]),
      place: new GeoPoint(1.5, -2.5),
      reference,
      list: [1, 'two', { three: 3 }],
      map: { 'a.b': { c: 1 } },
      vector: FieldValue.vector([1, 2.5]),
    }
    await db.doc('c/all').set(written)
    expect((await db.doc('c/all').get()).data()).toEqual(written)
  })

  test('updates fields, deletes them, and transforms them', async () => {
    const document = db.doc('c/x')
    await document.set({ a: { b: 1, c: 2 }, list: ['x'], n: 1 })
    await document.update({
      'a.b': FieldValue.delete(),
      n: FieldValue.increment(2),
      list: FieldValue.arrayUnion('x', 'y'),
    })
    await document.update({ at: FieldValue.serverTimestamp(), list: FieldValue.arrayRemove('x') })
    const { at, ...rest } = (await document.get()).data() ?? {}
    expect(rest).toEqual({ a: { c: 2 }, list: ['y'], n: 3 })
    expect(at).toBeInstanceOf(Timestamp)
  })

  test('is told what kept a write from being made', async () => {
    const document = db.doc('c/x')
    await expect(document.update({ a: 1 })).rejects.toMatchObject({
      code: 5,
      details: `No document to update: projects/demo-index-${project}/databases/(default)/documents/c/x`,
    })
    const { writeTime } = await document.create({ a: 1 })
    await expect(document.create({ a: 1 })).rejects.toMatchObject({ code: 6 })
    await document.update({ a: 2 }, { lastUpdateTime: writeTime })
    await expect(document.update({ a: 3 }, { lastUpdateTime: writeTime })).rejects.toMatchObject({ code: 9 })
    await expect(document.delete({ lastUpdateTime: writeTime })).rejects.toMatchObject({ code: 9 })
    for (const one of [document, db.doc('c/none')]) {
      await expect(db.batch().delete(one).update(one, { a: 1 }).commit()).rejects.toMatchObject({ code: 3 })
      await db.batch().delete(one).set(one, { a: 1 }).update(one, { b: 2 }).commit()
      expect((await one.get()).data()).toEqual({ a: 1, b: 2 })
    }
  })

  test('writes many at once, all or none', async () => {
    const batch = db.batch()
    for (let n = 0; n < 500; n++) batch.set(db.doc(`many/${n}`), { n })
    await batch.commit()
    const failing = db.batch().set(db.doc('many/new'), { n: 1 }).create(db.doc('many/1'), { n: 1 })
    await expect(failing.commit()).rejects.toMatchObject({ code: 6 })
    expect((await db.collection('many').count().get()).data().count).toBe(500)
    expect((await db.getAll(db.doc('many/1'), db.doc('many/new'))).map(({ exists }) => exists)).toEqual([true, false])
  })

  test('writes in bulk, each on its own', async () => {
    const writer = db.bulkWriter()
    const failures: string[] = []
    writer.onWriteError(({ code, documentRef }) => {
      failures.push(`${code} ${documentRef.id}`)
      return false
    })
    await db.doc('bulk/1').set({ n: 0 })
    const all = Array.from({ length: 100 }, (_, n) => writer.create(db.doc(`bulk/${n}`), { n }).catch(() => undefined))
    await writer.close()
    await Promise.all(all)
    expect(failures).toEqual(['6 1'])
    expect((await db.collection('bulk').get()).size).toBe(100)
  })

  test('queries', async () => {
    const batch = db.batch()
    for (let n = 0; n < 20; n++) {
      const tags = n % 2 === 0 ? ['even'] : ['odd', `n${n}`]
      batch.set(db.doc(`q/${String(n).padStart(2, '0')}`), { n, third: n % 3, tags })
    }
    await batch.commit()
    const q = db.collection('q')
    const ids = async (query: FirebaseFirestore.Query) => (await query.get()).docs.map(({ id }) => Number(id))
    expect(await ids(q.where('third', '==', 0).orderBy('n', 'desc').limit(2))).toEqual([18, 15])
    expect(await ids(q.where('n', '>', 5).where('third', '>=', 2).orderBy('third').limit(3))).toEqual([8, 11, 14])
    expect(await ids(q.where('n', 'in', [3, 1, 99]))).toEqual([1, 3])
    expect(await ids(q.where('n', 'not-in', [0, 1]).limit(1))).toEqual([2])
    expect(await ids(q.where('tags', 'array-contains-any', ['n3', 'n5']))).toEqual([3, 5])
    expect(await ids(q.where(Filter.or(Filter.where('n', '==', 1), Filter.where('third', '==', 2))).limit(3))).toEqual([
      1, 2, 5,
    ])
    expect(await ids(q.orderBy('n').limitToLast(2))).toEqual([18, 19])
    await expect(ids(q.orderBy(FieldPath.documentId()).limitToLast(2))).rejects.toMatchObject({ code: 9 })
    const cursor = await q.doc('04').get()
    expect(await ids(q.orderBy('third').startAfter(cursor).limit(2))).toEqual([7, 10])
    expect(await ids(q.offset(18))).toEqual([18, 19])
    expect((await q.where('n', '==', 3).select('third').get()).docs[0]?.data()).toEqual({ third: 0 })
    const { AggregateField } = await import('@google-cloud/firestore')
    const sums = await q
      .aggregate({ n: AggregateField.count(), sum: AggregateField.sum('n'), avg: AggregateField.average('n') })
      .get()
    expect(sums.data()).toEqual({ n: 20, sum: 190, avg: 9.5 })
  })

  test('finds the nearest vectors', async () => {
    for (const [id, vector] of Object.entries({ a: [1, 0], b: [0, 1], c: [0.9, 0.1], d: [1, 0, 0] })) {
      await db.doc(`v/${id}`).set({ m: { v: FieldValue.vector(vector) } })
    }
    const found = async (distanceMeasure: 'EUCLIDEAN' | 'COSINE' | 'DOT_PRODUCT') => {
      const options = {
        vectorField: 'm.v',
        queryVector: [1, 0.01],
        limit: 2,
        distanceMeasure,
        distanceResultField: 'far',
      }
      return (await db.collection('v').findNearest(options).get()).docs.map(({ id }) => id)
    }
    expect(await found('EUCLIDEAN')).toEqual(['a', 'c'])
    expect(await found('COSINE')).toEqual(['a', 'c'])
    expect(await found('DOT_PRODUCT')).toEqual(['a', 'c'])
  })

  test('lists collections and documents that are missing', async () => {
    await db.doc('users/a/posts/1').set({ n: 1 })
    await db.doc('users/b').set({ n: 1 })
    expect((await db.listCollections()).map(({ id }) => id)).toEqual(['users'])
    expect((await db.doc('users/a').listCollections()).map(({ id }) => id)).toEqual(['posts'])
    expect((await db.collection('users').listDocuments()).map(({ id }) => id)).toEqual(['a', 'b'])
    await db.recursiveDelete(db.collection('users'))
    expect(await db.listCollections()).toEqual([])
  })

  test('takes a collection group in parts', async () => {
    for (let n = 0; n < 30; n++) await db.doc(`p/${n % 3}/parts/${String(n).padStart(2, '0')}`).set({ n })
    const seen: number[] = []
    let parts = 0
    for await (const partition of db.collectionGroup('parts').getPartitions(3)) {
      parts++
      for (const one of (await partition.toQuery().get()).docs) seen.push(Number(one.get('n')))
    }
    expect(parts).toBe(3)
    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, n) => n))
  })

  test('is told of limits', async () => {
    await expect(db.doc('c/big').set({ text: 'x'.repeat(1_048_480), more: 'x'.repeat(100) })).rejects.toMatchObject({
      code: 3,
      details:
        `Document 'projects/demo-index-${project}/databases/(default)/documents/c/big' cannot be written ` +
        'because its size (1,048,646 bytes) exceeds the maximum allowed size of 1,048,576 bytes.',
    })
    const big = db.batch()
    for (let n = 0; n < 12; n++) big.set(db.doc(`big/${n}`), { text: 'x'.repeat(1_000_000) })
    await expect(big.commit()).rejects.toMatchObject({
      code: 3,
      details: 'Request payload size exceeds the limit: 11534336 bytes.',
    })
    const transforms = Object.fromEntries(Array.from({ length: 501 }, (_, n) => [`f${n}`, FieldValue.increment(1)]))
    await expect(db.doc('c/x').set(transforms)).rejects.toMatchObject({ code: 3 })
    expect((await db.listCollections()).length).toBe(0)
  })
})
