import { deleteApp, initializeApp } from 'firebase/app'
import {
  collection,
  connectFirestoreEmulator,
  disableNetwork,
  doc,
  enableNetwork,
  getDoc,
  getDocs,
  increment,
  initializeFirestore,
  limit,
  limitToLast,
  memoryLocalCache,
  memoryLruGarbageCollector,
  onSnapshot,
  orderBy,
  query,
  runTransaction,
  serverTimestamp,
  setDoc,
  deleteDoc,
  setLogLevel,
  updateDoc,
  waitForPendingWrites,
  where,
  writeBatch,
  type DocumentSnapshot,
  type Firestore,
  type Query,
  type QuerySnapshot,
} from 'firebase/firestore'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { startFirestoreEngine, type FirestoreEngine } from '../index.ts'
import { observe } from './observe.ts'

let firestore: FirestoreEngine
let apps = 0

beforeAll(async () => {
  setLogLevel('silent')
  firestore = await startFirestoreEngine()
})
afterAll(() => firestore.close())

/** A client of its own, as in another browser; `keep` has it remember what it has listened to. */
const clientOf = (projectId: string, { keep = false, user = 'owner' }: { keep?: boolean; user?: string } = {}) => {
  const app = initializeApp({ projectId }, `app-${++apps}`)
  const garbageCollector = memoryLruGarbageCollector()
  const client = initializeFirestore(app, keep ? { localCache: memoryLocalCache({ garbageCollector }) } : {})
  connectFirestoreEmulator(client, '127.0.0.1', firestore.port, { mockUserToken: user })
  onTestFinished(() => deleteApp(app))
  return client
}

let projects = 0
const pair = (): [Firestore, Firestore] => {
  const project = `web-${++projects}`
  return [clientOf(project), clientOf(project)]
}

const onQuery = (of: Query) => {
  const observed = observe<QuerySnapshot>((next, error) => onSnapshot(of, next, error))
  onTestFinished(observed.stop)
  return observed
}
const ids = (snapshot: QuerySnapshot) => snapshot.docs.map(({ id }) => id)

describe('the web client', () => {
  test('hears what another writes', async () => {
    const [mine, theirs] = pair()
    const { next, stop } = observe<DocumentSnapshot>((n, error) => onSnapshot(doc(mine, 'c/x'), n, error))
    expect((await next()).exists()).toBe(false)
    await setDoc(doc(theirs, 'c/x'), { n: 1 })
    expect((await next()).data()).toEqual({ n: 1 })
    await updateDoc(doc(theirs, 'c/x'), { n: increment(2) })
    expect((await next()).data()).toEqual({ n: 3 })
    await deleteDoc(doc(theirs, 'c/x'))
    expect((await next()).exists()).toBe(false)
    stop()
  })

  test('sees its own write at once, and then as the server has it', async () => {
    const [mine] = pair()
    const { next, stop } = observe<DocumentSnapshot>((n, error) =>
      onSnapshot(doc(mine, 'c/x'), { includeMetadataChanges: true }, n, error),
    )
    expect((await next()).exists()).toBe(false)
    const written = setDoc(doc(mine, 'c/x'), { at: serverTimestamp() })
    const local = await next()
    expect([local.metadata.hasPendingWrites, local.get('at')]).toEqual([true, null])
    await written
    let snapshot = await next()
    while (snapshot.metadata.hasPendingWrites) snapshot = await next()
    expect(snapshot.get('at')).not.toBeNull()
    stop()
  })

  test('keeps limited queries, whatever enters and leaves them', async () => {
    const [mine, theirs] = pair()
    const c = collection(theirs, 'c')
    const batch = writeBatch(theirs)
    for (let n = 1; n <= 5; n++) batch.set(doc(c, `d${n}`), { n })
    await batch.commit()
    const first = onQuery(query(collection(mine, 'c'), orderBy('n'), limit(2)))
    const last = onQuery(query(collection(mine, 'c'), orderBy('n'), limitToLast(2)))
    const current = (snapshot: QuerySnapshot) => !snapshot.metadata.fromCache
    expect(ids(await first.until(current))).toEqual(['d1', 'd2'])
    expect(ids(await last.until(current))).toEqual(['d4', 'd5'])
    await deleteDoc(doc(c, 'd1'))
    await first.until((snapshot) => ids(snapshot).join() === 'd2,d3')
    await setDoc(doc(c, 'd6'), { n: 6 })
    await last.until((snapshot) => ids(snapshot).join() === 'd5,d6')
  })

  test('drops a document that no longer matches', async () => {
    const [mine, theirs] = pair()
    await setDoc(doc(theirs, 'c/x'), { open: true })
    const { next } = onQuery(query(collection(mine, 'c'), where('open', '==', true)))
    expect(ids(await next())).toEqual(['x'])
    await updateDoc(doc(theirs, 'c/x'), { open: false })
    expect(ids(await next())).toEqual([])
  })

  test('works offline, and sends what it has written when it is back', async () => {
    const [mine, theirs] = pair()
    const { until } = onQuery(collection(mine, 'c'))
    await until((snapshot) => !snapshot.metadata.fromCache)
    await disableNetwork(mine)
    const written = Promise.all([setDoc(doc(mine, 'c/a'), { n: 1 }), updateDoc(doc(mine, 'c/a'), { n: increment(1) })])
    await until((snapshot) => snapshot.docs[0]?.get('n') === 2)
    await setDoc(doc(theirs, 'c/b'), { n: 9 })
    await enableNetwork(mine)
    await waitForPendingWrites(mine)
    await written
    await until((snapshot) => ids(snapshot).join() === 'a,b' && !snapshot.metadata.fromCache)
    expect((await getDoc(doc(theirs, 'c/a'))).data()).toEqual({ n: 2 })
  })

  test('comes back to what it knows, and learns what was changed and deleted meanwhile', async () => {
    const project = `web-${++projects}`
    const mine = clientOf(project, { keep: true })
    const theirs = clientOf(project)
    for (const id of ['a', 'b', 'c', 'd']) await setDoc(doc(theirs, 'c', id), { n: 1 })
    const first = onQuery(collection(mine, 'c'))
    await first.until((snapshot) => snapshot.size === 4 && !snapshot.metadata.fromCache)
    await disableNetwork(mine)
    await deleteDoc(doc(theirs, 'c/a'))
    await updateDoc(doc(theirs, 'c/b'), { n: 2 })
    await setDoc(doc(theirs, 'c/e'), { n: 3 })
    await enableNetwork(mine)
    const snapshot = await first.until((one) => ids(one).join() === 'b,c,d,e' && !one.metadata.fromCache)
    expect(snapshot.docs.map((one) => one.get('n') as number)).toEqual([2, 1, 1, 3])
  })

  test('sees all documents go when a test clears them', async () => {
    const [mine, theirs] = pair()
    for (const id of ['a', 'b']) await setDoc(doc(theirs, 'c', id), { n: 1 })
    const { until } = onQuery(collection(mine, 'c'))
    await until((snapshot) => snapshot.size === 2)
    const documents = `projects/web-${projects}/databases/(default)/documents`
    await fetch(`http://127.0.0.1:${firestore.port}/emulator/v1/${documents}`, { method: 'DELETE' })
    const cleared = await until((snapshot) => snapshot.size < 2)
    expect(cleared.docChanges().map(({ type, doc: { id } }) => `${type} ${id}`)).toEqual(['removed a', 'removed b'])
  })

  test('runs transactions', async () => {
    const [mine, theirs] = pair()
    await setDoc(doc(mine, 'c/n'), { n: 0 })
    const add = (client: Firestore) =>
      runTransaction(client, async (transaction) => {
        const n = (await transaction.get(doc(client, 'c/n'))).get('n') as number
        transaction.update(doc(client, 'c/n'), { n: n + 1 })
      })
    await Promise.all([add(mine), add(theirs), add(mine), add(theirs)])
    expect((await getDocs(collection(mine, 'c'))).docs[0]?.get('n')).toBe(4)
  })

  test('writes many without waiting, and all are made in order', async () => {
    const [mine, theirs] = pair()
    const writes = Array.from({ length: 100 }, (_, n) => setDoc(doc(mine, 'c/x'), { n }))
    await waitForPendingWrites(mine)
    await Promise.all(writes)
    expect((await getDoc(doc(theirs, 'c/x'))).data()).toEqual({ n: 99 })
  })

  test('is told that a write is refused, and goes on writing', async () => {
    const [mine] = pair()
    await expect(updateDoc(doc(mine, 'c/missing'), { n: 1 })).rejects.toMatchObject({ code: 'not-found' })
    await setDoc(doc(mine, 'c/x'), { n: 1 })
    expect((await getDoc(doc(mine, 'c/x'))).exists()).toBe(true)
  })
})

const putRules = async (projectId: string, content: string): Promise<void> => {
  const url = `http://127.0.0.1:${firestore.port}/emulator/v1/projects/${projectId}:securityRules`
  const body = JSON.stringify({ rules: { files: [{ name: 'firestore.rules', content }] } })
  const { status } = await fetch(url, { method: 'PUT', body })
  expect(status).toBe(200)
}

describe('rules', () => {
  const RULES = `rules_version = '2'
    service cloud.firestore { match /databases/{d}/documents {
      match /notes/{id} { allow read, write: if resource == null || resource.data.owner == request.auth.uid; }
    } }`

  test('keep a listener out from the beginning, and from the moment on at which they no longer let it see', async () => {
    const projectId = `web-${++projects}`
    await putRules(projectId, RULES)
    const owner = clientOf(projectId)
    const app = initializeApp({ projectId }, `app-${++apps}`)
    onTestFinished(() => deleteApp(app))
    const user = initializeFirestore(app, {})
    connectFirestoreEmulator(user, '127.0.0.1', firestore.port, { mockUserToken: { user_id: 'me' } })
    await setDoc(doc(owner, 'notes/mine'), { owner: 'me', n: 1 })
    await setDoc(doc(owner, 'notes/other'), { owner: 'you' })
    const other = observe<DocumentSnapshot>((n, error) => onSnapshot(doc(user, 'notes/other'), n, error))
    await expect(other.next()).rejects.toMatchObject({ code: 'permission-denied' })
    const everything = onQuery(collection(user, 'notes'))
    await expect(everything.next()).rejects.toMatchObject({ code: 'permission-denied' })
    const mine = observe<DocumentSnapshot>((n, error) => onSnapshot(doc(user, 'notes/mine'), n, error))
    await mine.until((snapshot) => snapshot.get('n') === 1)
    await updateDoc(doc(owner, 'notes/mine'), { owner: 'you' })
    await expect(mine.next()).rejects.toMatchObject({ code: 'permission-denied' })
    await expect(setDoc(doc(user, 'notes/other'), { owner: 'me' })).rejects.toMatchObject({ code: 'permission-denied' })
  })
})
