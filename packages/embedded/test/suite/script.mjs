// Runs under `emulators:exec`: writes, waits until the functions have heard of it, and prints what they wrote down.
import { createRequire } from 'node:module'

const { Firestore } = createRequire(`${process.cwd()}/`)('@google-cloud/firestore')
const projectId = process.env.GCLOUD_PROJECT
const db = new Firestore({ projectId })
const second = new Firestore({ projectId, databaseId: 'second' })

const count = Number(process.argv[2])
if (count > 0) {
  await db.doc('things/a').set({ n: 1 })
  await db.doc('things/a').update({ n: 2 })
  await db.doc('things/a').update({ n: 3 })
  await db.doc('things/a').delete()
  await db.doc('deep/x/sub/y/more/z').set({ list: [1, { at: new Date(0) }] })
  await db.doc('elsewhere/x').set({ n: 1 })
  await second.doc('things/b').set({ n: 9 })
  await db.doc('auth/a').set({ n: 1 })
  await db.doc('old/a').set({ n: 1 })
  await db.doc('old/a').set({ n: 2 })
}

const deadline = Date.now() + 60_000
let seen = []
while (seen.length < count && Date.now() < deadline) {
  seen = (await db.collection('seen').get()).docs.map((doc) => doc.data())
  await new Promise((resolve) => setTimeout(resolve, 100))
}
const documents = (await db.collection('elsewhere').get()).size
const deep = (await db.doc('deep/x/sub/y/more/z').get()).data()?.list?.length ?? 0
const kept = (await db.collection('seen').get()).size
console.log(`RESULT ${JSON.stringify({ seen, documents, deep, kept })}`)
