import { Firestore } from '@google-cloud/firestore'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startFirestoreEngine, type FirestoreEngine } from './index.ts'

// Google's own client, several of them, since one shares its connection and its back-off among its calls.
const CLIENTS = 4

// The client must not look for Google's machines on the network.
process.env['METADATA_SERVER_DETECTION'] = 'none'

let firestore: FirestoreEngine
let clients: Firestore[]
let project = 0

beforeAll(async () => {
  firestore = await startFirestoreEngine()
})
afterAll(() => firestore.close())

const clientOf = (n: number): Firestore => clients[n % CLIENTS] as Firestore

beforeEach(() => {
  project++
  clients = Array.from({ length: CLIENTS }, () => {
    const settings = { host: `127.0.0.1:${firestore.port}`, ssl: false, projectId: `demo-${project}` }
    return new Firestore({ ...settings, customHeaders: { Authorization: 'Bearer owner' } })
  })
  return () => Promise.all(clients.map((client) => client.terminate()))
})

/** A point that `parties` have to reach before any may go on; those of later attempts pass. */
const barrier = (parties: number) => {
  const { promise, resolve } = Promise.withResolvers<void>()
  let arrived = 0
  return () => {
    if (++arrived >= parties) resolve()
    return promise
  }
}

describe('transactions of concurrent clients', { timeout: 60_000 }, () => {
  test('never lose an update, though many increment one document', async () => {
    const increments = 200
    await clientOf(0).doc('counters/one').set({ n: 0 })
    const attempts = await Promise.all(
      Array.from({ length: increments }, async (_, i) => {
        const client = clientOf(i)
        const document = client.doc('counters/one')
        let attempt = 0
        await client.runTransaction(async (transaction) => {
          attempt++
          const { n } = (await transaction.get(document)).data() as { n: number }
          transaction.update(document, { n: n + 1 })
        })
        return attempt
      }),
    )
    const { n } = (await clientOf(1).doc('counters/one').get()).data() as { n: number }
    expect(n).toBe(increments)
    // Contention must not cost each of them several attempts.
    expect(attempts.reduce((sum, attempt) => sum + attempt, 0)).toBeLessThan(increments * 3)
  })

  test('never lose an update beside writers without a transaction', async () => {
    const document = (n: number) => clientOf(n).doc('counters/mixed')
    await document(0).set({ n: 0, other: 0 })
    const work = Array.from({ length: 60 }, async (_, i) => {
      if (i % 2 === 0) return document(i).set({ other: i }, { merge: true })
      return clientOf(i).runTransaction(async (transaction) => {
        const { n } = (await transaction.get(document(i))).data() as { n: number }
        transaction.update(document(i), { n: n + 1 })
      })
    })
    await Promise.all(work)
    expect((await document(0).get()).get('n')).toBe(30)
  })

  test('allow no write skew: of two that each rely on what the other changes, the second sees the first', async () => {
    const doctors = (n: number) => clientOf(n).collection('doctors')
    await doctors(0).doc('a').set({ onCall: true })
    await doctors(0).doc('b').set({ onCall: true })
    const bothHaveRead = barrier(2)
    const leave = (n: number, id: string) =>
      clientOf(n).runTransaction(async (transaction) => {
        const both = await transaction.getAll(doctors(n).doc('a'), doctors(n).doc('b'))
        await bothHaveRead()
        if (both.filter((one) => one.get('onCall')).length < 2) return false
        transaction.update(doctors(n).doc(id), { onCall: false })
        return true
      })
    const left = await Promise.all([leave(0, 'a'), leave(1, 'b')])
    expect(left.filter(Boolean)).toHaveLength(1)
    expect((await doctors(0).where('onCall', '==', true).get()).size).toBe(1)
  })

  test('allow no phantom: a document that would newly match a query is a conflict', async () => {
    const seats = (n: number) => clientOf(n).collection('seats')
    const bothHaveRead = barrier(2)
    const book = (n: number, who: string) =>
      clientOf(n).runTransaction(async (transaction) => {
        const taken = await transaction.get(seats(n).where('row', '==', 7))
        await bothHaveRead()
        if (!taken.empty) return false
        transaction.create(seats(n).doc(who), { row: 7 })
        return true
      })
    const booked = await Promise.all([book(0, 'x'), book(1, 'y')])
    expect(booked.filter(Boolean)).toHaveLength(1)
    expect((await seats(0).get()).size).toBe(1)
  })

  test('do not disturb each other where a query and a change do not meet', async () => {
    const seats = clientOf(0).collection('seats')
    const inside = Promise.withResolvers<void>()
    const written = Promise.withResolvers<void>()
    let attempts = 0
    const reader = clientOf(0).runTransaction(async (transaction) => {
      attempts++
      await transaction.get(seats.where('row', '==', 1))
      inside.resolve()
      await written.promise
      transaction.set(seats.doc('mine'), { row: 1 })
    })
    await inside.promise
    await clientOf(1).collection('seats').doc('theirs').set({ row: 2 })
    written.resolve()
    await reader
    expect(attempts).toBe(1)
  })

  test('that wait for each other end, and both are done in the end', async () => {
    const [a, b] = ['a', 'b'].map((id) => (n: number) => clientOf(n).doc(`pairs/${id}`)) as [
      (n: number) => FirebaseFirestore.DocumentReference,
      (n: number) => FirebaseFirestore.DocumentReference,
    ]
    await a(0).set({ n: 0 })
    await b(0).set({ n: 0 })
    const bothHaveRead = barrier(2)
    const cross = (n: number, read: typeof a, write: typeof a) =>
      clientOf(n).runTransaction(async (transaction) => {
        const { n: value } = (await transaction.get(read(n))).data() as { n: number }
        await bothHaveRead()
        transaction.update(write(n), { n: value + 1 })
      })
    await Promise.all([cross(0, a, b), cross(1, b, a)])
    // One came first: whoever was second read what the first had written.
    expect([(await a(0).get()).get('n'), (await b(0).get()).get('n')].toSorted((x, y) => x - y)).toEqual([1, 2])
  })

  test('that only read see one state, whatever is written meanwhile', async () => {
    const document = clientOf(0).doc('states/one')
    await document.set({ n: 1 })
    const seen = await clientOf(0).runTransaction(
      async (transaction) => {
        const first = await transaction.get(document)
        await clientOf(1).doc('states/one').set({ n: 2 })
        const second = await transaction.get(document)
        const listed = await transaction.get(clientOf(0).collection('states'))
        return [first.get('n'), second.get('n'), listed.docs[0]?.get('n')]
      },
      { readOnly: true },
    )
    expect(seen).toEqual([1, 1, 1])
  })

  test('at a read time see the state of then', async () => {
    const document = clientOf(0).doc('states/past')
    await document.set({ n: 1 })
    const { readTime } = await document.get()
    await document.set({ n: 2 })
    const n = await clientOf(0).runTransaction(async (transaction) => (await transaction.get(document)).get('n'), {
      readOnly: true,
      readTime,
    })
    expect(n).toBe(1)
  })
})
