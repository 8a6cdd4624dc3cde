import { Firestore, type Query, type QuerySnapshot } from '@google-cloud/firestore'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startFirestoreEngine, type FirestoreEngine } from '../index.ts'
import { observe } from './observe.ts'

// The client must not look for Google's machines on the network.
process.env['METADATA_SERVER_DETECTION'] = 'none'

let firestore: FirestoreEngine
let client: Firestore
let project = 0

beforeAll(async () => {
  firestore = await startFirestoreEngine()
})
afterAll(() => firestore.close())
beforeEach(() => {
  const settings = { host: `127.0.0.1:${firestore.port}`, ssl: false, projectId: `listen-${++project}` }
  client = new Firestore({ ...settings, customHeaders: { Authorization: 'Bearer owner' } })
  return () => client.terminate()
})

const onQuery = (query: Query) => observe<QuerySnapshot>((next, error) => query.onSnapshot(next, error))
const ids = (snapshot: QuerySnapshot) => snapshot.docs.map(({ id }) => id)
const changes = (snapshot: QuerySnapshot) =>
  snapshot.docChanges().map(({ type, doc, oldIndex, newIndex }) => `${type} ${doc.id} ${oldIndex}>${newIndex}`)

describe('onSnapshot of the server client', () => {
  test('tells of a document that is not there, is made, changed and deleted', async () => {
    const document = client.doc('c/x')
    const { next, stop } = observe<FirebaseFirestore.DocumentSnapshot>((n, error) => document.onSnapshot(n, error))
    expect((await next()).exists).toBe(false)
    await document.set({ n: 1 })
    expect((await next()).get('n')).toBe(1)
    await document.update({ n: 2 })
    const updated = await next()
    expect(updated.get('n')).toBe(2)
    expect(updated.updateTime?.isEqual(updated.readTime)).toBe(true)
    await document.delete()
    expect((await next()).exists).toBe(false)
    stop()
  })

  test('tells what enters, changes and leaves a query, with its places', async () => {
    const c = client.collection('c')
    await c.doc('b').set({ n: 2 })
    const { next, stop } = onQuery(c.where('n', '>', 0).orderBy('n'))
    expect(changes(await next())).toEqual(['added b -1>0'])
    await c.doc('a').set({ n: 3 })
    expect(changes(await next())).toEqual(['added a -1>1'])
    await c.doc('a').set({ n: 1 })
    expect(changes(await next())).toEqual(['modified a 1>0'])
    await c.doc('b').set({ n: 0 })
    expect(changes(await next())).toEqual(['removed b 1>-1'])
    await c.doc('a').delete()
    expect(changes(await next())).toEqual(['removed a 0>-1'])
    stop()
  })

  test('keeps a limited query full', async () => {
    const c = client.collection('c')
    for (let n = 1; n <= 5; n++) await c.doc(`d${n}`).set({ n })
    const first = onQuery(c.orderBy('n').limit(2))
    const last = onQuery(c.orderBy('n').limitToLast(2))
    expect(ids(await first.next())).toEqual(['d1', 'd2'])
    expect(ids(await last.next())).toEqual(['d4', 'd5'])
    await c.doc('d0').set({ n: 0 })
    expect(changes(await first.next())).toEqual(['removed d2 1>-1', 'added d0 -1>0'])
    await c.doc('d1').delete()
    expect(ids(await first.next())).toEqual(['d0', 'd2'])
    await c.doc('d5').set({ n: -1 })
    expect(ids(await first.next())).toEqual(['d5', 'd0'])
    expect(ids(await last.next())).toEqual(['d3', 'd4'])
    first.stop()
    last.stop()
  })
})
