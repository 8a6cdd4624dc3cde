import {
  assertFails,
  assertSucceeds,
  initializeTestEnvironment,
  type RulesTestEnvironment,
} from '@firebase/rules-unit-testing'
import {
  collection,
  collectionGroup,
  deleteDoc,
  doc,
  getCountFromServer,
  getDoc,
  getDocs,
  increment,
  limit,
  onSnapshot,
  query,
  runTransaction,
  serverTimestamp,
  setDoc,
  setLogLevel,
  updateDoc,
  where,
  writeBatch,
  type Firestore,
} from 'firebase/firestore'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startFirestoreEngine, type FirestoreEngine } from '../index.ts'

// Firebase's own library for tests of rules, with the web client underneath, as a project uses them.

const RULES = `rules_version = '2';
service cloud.firestore {
  match /databases/{database}/documents {
    function signedIn() { return request.auth != null; }
    function path(name) { return /databases/$(database)/documents/$(name); }
    match /users/{uid} {
      allow read: if signedIn() && (request.auth.uid == uid || request.auth.token.admin == true);
      allow create: if signedIn() && request.auth.uid == uid
        && request.resource.data.keys().hasOnly(['name', 'created'])
        && request.resource.data.name is string && request.resource.data.created == request.time
        && getAfter(/databases/$(database)/documents/names/$(request.resource.data.name)).data.uid == uid;
      allow update: if request.auth.uid == uid && request.resource.data.diff(resource.data).affectedKeys().hasOnly(['bio']);
    }
    match /names/{name} {
      allow get;
      allow create: if getAfter(/databases/$(database)/documents/users/$(request.auth.uid)).data.name == name
        && request.resource.data.uid == request.auth.uid;
    }
    match /posts/{post} {
      allow read: if resource.data.public == true || request.auth.uid == resource.data.author;
      allow create: if request.auth.uid == request.resource.data.author;
      allow update: if request.resource.data.diff(resource.data).affectedKeys() == ['likes'].toSet()
        && request.resource.data.likes == resource.data.likes + 1;
      allow delete: if request.auth.uid == resource.data.author;
      match /comments/{comment} { allow write: if signedIn(); }
    }
    match /{all=**}/comments/{comment} { allow read: if signedIn(); }
  }
}`

let firestore: FirestoreEngine
let environment: RulesTestEnvironment
let alice: Firestore
let bob: Firestore
let nobody: Firestore

beforeAll(async () => {
  // The client tells every denial on the console.
  setLogLevel('silent')
  firestore = await startFirestoreEngine()
  const { host, port } = firestore
  environment = await initializeTestEnvironment({ projectId: 'demo-unit', firestore: { host, port, rules: RULES } })
})
afterAll(async () => {
  await environment.cleanup()
  await firestore.close()
})
const modular = (context: { firestore: () => unknown }) => context.firestore() as Firestore
beforeEach(() => {
  alice = modular(environment.authenticatedContext('alice'))
  bob = modular(environment.authenticatedContext('bob', { admin: true }))
  nobody = modular(environment.unauthenticatedContext())
})
afterEach(() => environment.clearFirestore())

const seed = (path: string, data: object) =>
  environment.withSecurityRulesDisabled((context) => setDoc(doc(modular(context), path), data))

describe('@firebase/rules-unit-testing', () => {
  test('reads', async () => {
    await seed('users/alice', { name: 'al' })
    expect((await assertSucceeds(getDoc(doc(alice, 'users/alice')))).data()).toEqual({ name: 'al' })
    await assertSucceeds(getDoc(doc(bob, 'users/alice')))
    const error = (await assertFails(getDoc(doc(nobody, 'users/alice')))) as unknown as {
      code: string
      message: string
    }
    expect(error.code).toBe('permission-denied')
    expect(error.message).toContain("false for 'get' @ L7")
    await assertFails(getDoc(doc(alice, 'elsewhere/x')))
    expect((await assertSucceeds(getDoc(doc(alice, 'names/none')))).exists()).toBe(false)
  })

  test('queries', async () => {
    await seed('posts/1', { author: 'alice', public: false })
    await seed('posts/2', { author: 'bob', public: true })
    const posts = (db: Firestore) => collection(db, 'posts')
    const own = await assertSucceeds(getDocs(query(posts(alice), where('author', '==', 'alice'))))
    expect(own.docs.map(({ id }) => id)).toEqual(['1'])
    await assertSucceeds(getDocs(query(posts(nobody), where('public', '==', true), limit(5))))
    await assertFails(getDocs(posts(alice)))
    await assertFails(getDocs(query(posts(alice), where('author', '==', 'bob'))))
    const count = await assertSucceeds(getCountFromServer(query(posts(alice), where('author', '==', 'alice'))))
    expect(count.data().count).toBe(1)
    await assertFails(getCountFromServer(posts(alice)))
    await seed('posts/1/comments/c', { text: 'x' })
    expect((await assertSucceeds(getDocs(collectionGroup(bob, 'comments')))).size).toBe(1)
    await assertFails(getDocs(collectionGroup(nobody, 'comments')))
  })

  test('writes', async () => {
    const post = doc(alice, 'posts/1')
    await assertFails(setDoc(doc(nobody, 'posts/1'), { author: 'alice' }))
    await assertSucceeds(setDoc(post, { author: 'alice', likes: 0, public: true }))
    await assertSucceeds(updateDoc(doc(bob, 'posts/1'), { likes: increment(1) }))
    await assertFails(updateDoc(doc(bob, 'posts/1'), { likes: increment(2) }))
    await assertFails(updateDoc(doc(bob, 'posts/missing'), { likes: 1 }))
    await assertFails(deleteDoc(doc(bob, 'posts/1')))
    await assertSucceeds(deleteDoc(post))
  })

  test('batches that keep documents in step', async () => {
    const signUp = (db: Firestore, uid: string, name: string, fields: object = {}) => {
      const batch = writeBatch(db)
      batch.set(doc(db, 'users', uid), { name, created: serverTimestamp(), ...fields })
      batch.set(doc(db, 'names', name), { uid })
      return batch.commit()
    }
    await assertFails(setDoc(doc(alice, 'users/alice'), { name: 'al', created: serverTimestamp() }))
    await assertFails(signUp(alice, 'alice', 'al', { role: 'admin' }))
    await assertSucceeds(signUp(alice, 'alice', 'al'))
    await assertFails(signUp(bob, 'bob', 'al'))
    await assertSucceeds(signUp(bob, 'bob', 'bo'))
    await assertSucceeds(updateDoc(doc(alice, 'users/alice'), { bio: 'hi' }))
    await assertFails(updateDoc(doc(alice, 'users/alice'), { name: 'other' }))
  })

  test('transactions', async () => {
    await seed('posts/1', { author: 'bob', likes: 1, public: true })
    const like = (by: number) =>
      runTransaction(alice, async (transaction) => {
        const post = doc(alice, 'posts/1')
        const { likes } = (await transaction.get(post)).data() as { likes: number }
        transaction.update(post, { likes: likes + by })
      })
    await assertSucceeds(like(1))
    await assertFails(like(2))
    await assertFails(runTransaction(alice, (transaction) => transaction.get(doc(alice, 'users/bob'))))
    // A document that is only read is verified at the commit.
    await assertSucceeds(
      runTransaction(alice, async (transaction) => {
        const name = await transaction.get(doc(alice, 'names/none'))
        expect(name.exists()).toBe(false)
        transaction.set(doc(alice, 'posts/2'), { author: 'alice' })
      }),
    )
    expect((await getDoc(doc(alice, 'posts/1'))).get('likes')).toBe(2)
  })

  test('listeners', async () => {
    await seed('posts/1', { author: 'alice', public: true })
    const titles: unknown[] = []
    const end = Promise.withResolvers<Error>()
    const seen = Promise.withResolvers<void>()
    onSnapshot(
      doc(nobody, 'posts/1'),
      (snapshot) => {
        titles.push(snapshot.get('title'))
        seen.resolve()
      },
      end.resolve,
    )
    await seen.promise
    // What is no longer to be read is no longer told.
    await seed('posts/1', { author: 'alice', public: false, title: 'secret' })
    await assertFails(end.promise.then((error) => Promise.reject(error)))
    expect(titles).toEqual([undefined])
    const denied = Promise.withResolvers<Error>()
    onSnapshot(collection(nobody, 'posts'), () => {}, denied.resolve)
    await assertFails(denied.promise.then((error) => Promise.reject(error)))
  })

  test('documents are cleared, rules stay', async () => {
    await seed('posts/1', { public: true })
    await environment.clearFirestore()
    await assertFails(getDoc(doc(nobody, 'posts/1')))
    await seed('posts/1', { public: true })
    await assertSucceeds(getDoc(doc(nobody, 'posts/1')))
  })

  test('rules with errors keep an environment from being made', async () => {
    const { host, port } = firestore
    const rules = "rules_version = '2';\nservice cloud.firestore { match }"
    await expect(
      initializeTestEnvironment({ projectId: 'demo-broken', firestore: { host, port, rules } }),
    ).rejects.toThrow(/Error compiling rules:\\nL2:\d+/)
  })
})
