import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { Firestore } from '@google-cloud/firestore'
import { Storage } from '@google-cloud/storage'
import { assertFails, assertSucceeds, initializeTestEnvironment } from '@firebase/rules-unit-testing'
import { deleteApp, initializeApp, type FirebaseApp } from 'firebase/app'
import { connectAuthEmulator, createUserWithEmailAndPassword, getAuth } from 'firebase/auth'
import {
  connectStorageEmulator,
  getBytes,
  getStorage,
  listAll,
  ref,
  updateMetadata,
  uploadBytes,
  deleteObject,
  type FirebaseStorage,
} from 'firebase/storage'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'

// Security rules in the suite of the Firebase CLI, started as a project starts it: its Storage emulator on our rules
// runtime, and our Firestore.

const PROJECT = 'demo-storage-suite'
const BUCKET = `${PROJECT}.appspot.com`

const FILES = {
  'firebase.json': JSON.stringify({
    storage: { rules: 'storage.rules' },
    firestore: { rules: 'firestore.rules' },
    emulators: { auth: {}, firestore: {}, storage: {}, ui: { enabled: false }, singleProjectMode: true },
  }),
  // Closed to users: storage rules read with the rights of the project.
  'firestore.rules': "rules_version = '2'; service cloud.firestore {}",
  'storage.rules': `rules_version = '2';
    service firebase.storage {
      match /b/{bucket}/o {
        match /public/{name} { allow read; }
        match /users/{uid}/{name} {
          allow read: if request.auth.uid == uid;
          allow create: if request.auth.uid == uid
            && request.resource.size < 1024 && request.resource.contentType.matches('image/.*');
          allow update: if request.auth.uid == uid && request.resource.metadata.keys().hasOnly(['label']);
          allow delete: if request.auth.uid == uid;
        }
        match /reports/{name} {
          allow read: if firestore.exists(/databases/(default)/documents/members/$(request.auth.uid))
            && firestore.get(/databases/(default)/documents/teams/readers).data.members.hasAny([request.auth.uid]);
        }
      }
    }`,
}

// Tells where the emulators are, and waits until nobody needs them any more.
const HOLD = `const hosts = Object.entries(process.env).filter(([name]) => name.endsWith('_EMULATOR_HOST'))
console.log('@' + JSON.stringify(Object.fromEntries(hosts)))
process.stdin.resume()`

let folder: string
let suite: ChildProcess
const output: string[] = []
let hosts: Record<string, string>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'storage-suite-'))
  await Promise.all(Object.entries(FILES).map(([name, text]) => writeFile(join(folder, name), text)))
  await writeFile(join(folder, 'hold.mjs'), HOLD)
  const exec = ['emulators:exec', '--project', PROJECT, '--only', 'auth,firestore,storage', 'node hold.mjs']
  suite = spawn(process.execPath, [resolve(import.meta.dirname, '../../bin/imx-emulators'), '--free-ports', ...exec], {
    cwd: folder,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  hosts = await new Promise((done, reject) => {
    for (const stream of [suite.stdout, suite.stderr]) {
      if (!stream) continue
      createInterface({ input: stream }).on('line', (line) => {
        output.push(line)
        if (line.startsWith('@')) done(JSON.parse(line.slice(1)) as Record<string, string>)
      })
    }
    suite.once('exit', (code) => reject(new Error(`the suite ended with ${code}:\n${output.join('\n')}`)))
  })
}, 60_000)

afterAll(async () => {
  suite.stdin?.end()
  if (suite.exitCode === null) await once(suite, 'exit')
  await rm(folder, { recursive: true })
}, 30_000)

const addressOf = (name: string): [string, number] => {
  const [host = '', port] = (hosts[name] ?? '').split(':')
  return [host, Number(port)]
}

let apps = 0

const client = (): { app: FirebaseApp; storage: FirebaseStorage } => {
  const app = initializeApp({ projectId: PROJECT, apiKey: 'key', storageBucket: BUCKET }, `storage-${++apps}`)
  onTestFinished(() => deleteApp(app))
  const storage = getStorage(app)
  connectStorageEmulator(storage, ...addressOf('FIREBASE_STORAGE_EMULATOR_HOST'))
  return { app, storage }
}

/** A user that has just signed up. */
const signedUp = async (): Promise<{ uid: string; storage: FirebaseStorage }> => {
  const { app, storage } = client()
  const auth = getAuth(app)
  connectAuthEmulator(auth, `http://${hosts['FIREBASE_AUTH_EMULATOR_HOST']}`, { disableWarnings: true })
  const { user } = await createUserWithEmailAndPassword(auth, `user${apps}@example.com`, 'password')
  return { uid: user.uid, storage }
}

const admin = (): Storage => {
  vi.stubEnv('STORAGE_EMULATOR_HOST', hosts['STORAGE_EMULATOR_HOST'])
  onTestFinished(() => {
    vi.unstubAllEnvs()
  })
  return new Storage({ projectId: PROJECT, apiEndpoint: hosts['STORAGE_EMULATOR_HOST'] ?? '' })
}

const DENIED = { code: 'storage/unauthorized' }
const bytes = (length: number) => new Uint8Array(length).fill(7)

describe('the Storage emulator of the suite', () => {
  test("serves Google's server client, whom no rule holds back", async () => {
    const bucket = admin().bucket(BUCKET)
    const data = randomBytes(2 * 1024 * 1024)
    await bucket.file('large/two-megabytes').save(data, { resumable: false })
    const [files] = await bucket.getFiles({ prefix: 'large/' })
    expect(files.map(({ name }) => name)).toEqual(['large/two-megabytes'])
    const [read] = await bucket.file('large/two-megabytes').download()
    expect(read.equals(data)).toBe(true)
  })

  test('lets nobody in particular read what is public, and nothing else', async () => {
    await admin().bucket(BUCKET).file('public/hello').save('hello', { resumable: false })
    const { storage } = client()
    expect(Buffer.from(await getBytes(ref(storage, 'public/hello'))).toString()).toBe('hello')
    expect((await listAll(ref(storage, 'public'))).items.map(({ name }) => name)).toEqual(['hello'])
    await expect(uploadBytes(ref(storage, 'public/mine'), bytes(1))).rejects.toMatchObject(DENIED)
    await expect(getBytes(ref(storage, 'users/x/y'))).rejects.toMatchObject(DENIED)
    await expect(listAll(ref(storage, 'users/x'))).rejects.toMatchObject(DENIED)
  })

  test('holds a user to their own folder, to a size, to a type and to fields of metadata', async () => {
    const { uid, storage } = await signedUp()
    const image = { contentType: 'image/png' }
    const own = ref(storage, `users/${uid}/face.png`)
    await expect(uploadBytes(own, bytes(1024), image)).rejects.toMatchObject(DENIED)
    await expect(uploadBytes(own, bytes(10), { contentType: 'text/plain' })).rejects.toMatchObject(DENIED)
    await uploadBytes(own, bytes(1023), image)
    expect((await getBytes(own)).byteLength).toBe(1023)
    expect((await listAll(ref(storage, `users/${uid}`))).items).toHaveLength(1)
    await expect(updateMetadata(own, { customMetadata: { owner: 'me' } })).rejects.toMatchObject(DENIED)
    expect((await updateMetadata(own, { customMetadata: { label: 'me' } })).customMetadata).toEqual({ label: 'me' })
    const { storage: others } = await signedUp()
    await expect(getBytes(ref(others, own.fullPath))).rejects.toMatchObject(DENIED)
    await expect(deleteObject(ref(others, own.fullPath))).rejects.toMatchObject(DENIED)
    await deleteObject(own)
    await expect(getBytes(own)).rejects.toMatchObject({ code: 'storage/object-not-found' })
  })

  test('takes rules from @firebase/rules-unit-testing', async () => {
    const [host, port] = addressOf('FIREBASE_STORAGE_EMULATOR_HOST')
    const load = (rules: string) => initializeTestEnvironment({ projectId: PROJECT, storage: { host, port, rules } })
    const open =
      "rules_version = '2'; service firebase.storage { match /b/{b}/o/{path=**} { allow read, write: if request.auth.token.staff; } }"
    const environment = await load(open)
    onTestFinished(() => load(FILES['storage.rules']).then((last) => last.cleanup()))
    onTestFinished(() => environment.cleanup())
    const staff = environment.authenticatedContext('alice', { staff: true }).storage()
    await assertSucceeds(Promise.resolve(staff.ref('any/where').put(bytes(3))))
    await assertFails(environment.unauthenticatedContext().storage().ref('any/where').getDownloadURL())
    await expect(load('service firebase.storage { match')).rejects.toThrow()
    await assertFails(environment.authenticatedContext('bob').storage().ref('any/where').getDownloadURL())
  })

  test('decides by documents of Firestore as they are at the moment', async () => {
    await admin().bucket(BUCKET).file('reports/q1').save('numbers', { resumable: false })
    const { uid, storage } = await signedUp()
    const report = ref(storage, 'reports/q1')
    const [host, port] = addressOf('FIRESTORE_EMULATOR_HOST')
    const customHeaders = { Authorization: 'Bearer owner' }
    const firestore = new Firestore({ projectId: PROJECT, host, port, ssl: false, customHeaders })
    onTestFinished(() => firestore.terminate())
    await expect(getBytes(report)).rejects.toMatchObject(DENIED)
    await firestore.doc(`members/${uid}`).set({})
    await expect(getBytes(report)).rejects.toMatchObject(DENIED)
    await firestore.doc('teams/readers').set({ members: ['someone', uid] })
    expect((await getBytes(report)).byteLength).toBe(7)
    await firestore.doc('teams/readers').set({ members: [] })
    await expect(getBytes(report)).rejects.toMatchObject(DENIED)
  })
})

test('the rules of Firestore are those of the file, once it is saved, unless they have errors', async () => {
  const url = `http://${hosts['FIRESTORE_EMULATOR_HOST']}/v1/projects/${PROJECT}/databases/(default)/documents/c/x`
  const answers = async (status: number) => expect((await fetch(url)).status).toBe(status)
  // The CLI overlooks what is saved right after it looked, so it is saved again.
  const save = (rules: string, until: () => void | Promise<void>) =>
    vi.waitFor(
      async () => {
        await writeFile(join(folder, 'firestore.rules'), rules)
        await until()
      },
      { timeout: 10_000, interval: 250 },
    )
  const open = FILES['firestore.rules'].replace('{}', '{ match /databases/{d}/documents/c/{id} { allow get; } }')
  await answers(403)
  await save(open, () => answers(404))
  await save(open.replace('get;', 'get: if (;'), () => expect(output.join('\n')).toContain(' - ERROR '))
  await answers(404)
  await save(FILES['firestore.rules'], () => answers(403))
}, 20_000)
