import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
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

  test('hears of a collection group, wherever its collections lie', async () => {
    await client.doc('a/1/c/x').set({ n: 1 })
    const group = onQuery(client.collectionGroup('c').orderBy('n'))
    const { next } = group
    expect(ids(await next())).toEqual(['x'])
    await client.doc('c/y').set({ n: 0 })
    expect(changes(await next())).toEqual(['added y -1>0'])
    await client.doc('a/1/d/z').set({ n: 2 })
    await client.doc('b/1/a/1/c/z').set({ n: 2 })
    expect(changes(await next())).toEqual(['added z -1>2'])
    group.stop()
  })

  test('hears of a batch in one snapshot, removed before added before modified', async () => {
    const c = client.collection('c')
    for (const id of ['a', 'b', 'd']) await c.doc(id).set({ n: 1 })
    const { next, stop } = onQuery(c.orderBy('n'))
    await next()
    const batch = client.batch()
    batch.delete(c.doc('a')).set(c.doc('b'), { n: 5 }).create(c.doc('e'), { n: 0 })
    const [{ writeTime } = { writeTime: null }] = await batch.commit()
    const snapshot = await next()
    expect(changes(snapshot)).toEqual(['removed a 0>-1', 'added e -1>0', 'modified b 1>2'])
    expect(writeTime && snapshot.readTime.isEqual(writeTime)).toBe(true)
    stop()
  })

  test('is told why a query is refused', async () => {
    const { next } = onQuery(client.collection('c').orderBy('__name__').orderBy('n'))
    await expect(next()).rejects.toThrow('Error 3: order by clause cannot contain more fields after the key')
  })

  test('serves many listeners at once, each what it asks for', async () => {
    const c = client.collection('c')
    const listeners = Array.from({ length: 50 }, (_, i) => onQuery(c.where('group', '==', i)))
    for (const { next } of listeners) expect((await next()).size).toBe(0)
    const batch = client.batch()
    for (let i = 0; i < 100; i++) batch.set(c.doc(`d${i}`), { group: i % 50 })
    await batch.commit()
    for (const [i, { next, stop }] of listeners.entries()) {
      expect(ids(await next()).toSorted()).toEqual([`d${i}`, `d${i + 50}`].toSorted())
      stop()
    }
  })
})

/** A way to the engine that can be broken. */
const breakableWay = async () => {
  const open = new Set<Socket>()
  let broken = false
  const way = createServer((socket) => {
    if (broken) {
      socket.destroy()
      return
    }
    const other = connect(firestore.port, '127.0.0.1')
    for (const [one, next] of [
      [socket, other],
      [other, socket],
    ] as const) {
      open.add(one)
      one.pipe(next)
      one.on('error', () => next.destroy())
      one.on('close', () => {
        open.delete(one)
        next.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => way.listen(0, '127.0.0.1', resolve))
  const { port } = way.address() as AddressInfo
  const breakOff = () => {
    broken = true
    for (const socket of open) socket.destroy()
  }
  const mend = () => {
    broken = false
  }
  return { port, breakOff, mend, close: () => (breakOff(), way.close()) }
}

describe('a connection that breaks', () => {
  test('is taken up again, and the client learns what it has missed and nothing twice', async () => {
    const way = await breakableWay()
    const settings = { host: `127.0.0.1:${way.port}`, ssl: false, projectId: `listen-${project}` }
    const far = new Firestore({ ...settings, customHeaders: { Authorization: 'Bearer owner' } })
    const c = client.collection('c')
    for (const id of ['a', 'b', 'd']) await c.doc(id).set({ n: 1 })
    const all = onQuery(far.collection('c'))
    const limited = onQuery(far.collection('c').orderBy('n').limit(2))
    try {
      expect((await all.next()).size).toBe(3)
      expect(ids(await limited.next())).toEqual(['a', 'b'])
      way.breakOff()
      await c.doc('a').delete()
      await c.doc('b').update({ n: 2 })
      await c.doc('e').set({ n: 0 })
      way.mend()
      await limited.until((one) => ids(one).join() === 'e,d')
      const snapshot = await all.until((one) => ids(one).includes('e'))
      expect(changes(snapshot).toSorted()).toEqual(['added e -1>2', 'modified b 0>0', 'removed a 0>-1'])
    } finally {
      all.stop()
      limited.stop()
      await far.terminate()
      way.close()
    }
  })
})
