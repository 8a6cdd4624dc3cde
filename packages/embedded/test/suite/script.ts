// Runs under `emulators:exec`: writes, waits until so many events have been heard of, and prints what is there then.
import { setTimeout as delay } from 'node:timers/promises'
import { Firestore } from '@google-cloud/firestore'

const [, , projectId = '', expected = '0'] = process.argv
const db = new Firestore({ projectId })
const second = new Firestore({ projectId, databaseId: 'second' })
const count = Number(expected)

if (count > 0) {
  const thing = db.doc('things/a')
  await thing.set({ n: 1 })
  await thing.update({ n: 2 })
  await thing.update({ n: 3 })
  await thing.delete()
  await db.doc('deep/x/sub/y/more/z').set({ list: [1, { at: new Date(0) }] })
  await db.doc('elsewhere/x').set({ n: 1 })
  await second.doc('things/b').set({ n: 9 })
  await db.doc('auth/a').set({ n: 1 })
  await db.doc('old/a').set({ n: 1 })
  await db.doc('old/a').set({ n: 2 })
}

const read = async (collection: string) => (await db.collection(collection).get()).docs.map((doc) => doc.data())
const deadline = Date.now() + 60_000
let seen = await read('seen')
while (seen.length < count && Date.now() < deadline) {
  await delay(100)
  seen = await read('seen')
}
const deep = (await db.doc('deep/x/sub/y/more/z').get()).data()
console.log(`RESULT ${JSON.stringify({ seen, elsewhere: await read('elsewhere'), deep })}`)
