import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Firestore, GeoPoint, Timestamp } from '@google-cloud/firestore'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { startFirestoreEngine } from './index.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'firestore-keep-'))
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true })
})

/** What `use` does with an engine that is started for it and closed after it. */
const inOneRun = async <T>(use: (db: Firestore) => Promise<T>): Promise<T> => {
  const engine = await startFirestoreEngine({ keepIn: join(folder, 'documents') })
  vi.stubEnv('FIRESTORE_EMULATOR_HOST', `${engine.host}:${engine.port}`)
  const db = new Firestore({ projectId: 'demo-keep' })
  try {
    return await use(db)
  } finally {
    await db.terminate()
    await engine.close()
  }
}

describe('documents kept in a file', () => {
  it('are there in the next run, of every type and below documents that are missing', async () => {
    const fields = {
      text: 'ä€',
      number: -0.5,
      whole: 42,
      at: new Timestamp(1, 5000),
      bytes: Buffer.from([0, 255]),
      place: new GeoPoint(1, 2),
      list: [1, { deep: [null, true] }],
    }
    await inOneRun(async (db) => {
      await db.doc('a/b').set(fields)
      await db.doc('a/missing/below/c').set({ n: 1 })
      await db.doc('a/gone').set({ n: 1 })
      await db.doc('a/gone').delete()
    })
    await inOneRun(async (db) => {
      expect((await db.doc('a/b').get()).data()).toEqual(fields)
      expect((await db.doc('a/missing/below/c').get()).data()).toEqual({ n: 1 })
      expect((await db.doc('a/gone').get()).exists).toBe(false)
      expect((await db.collection('a').where('whole', '==', 42).get()).size).toBe(1)
      await db.doc('a/b').update({ whole: 43 })
    })
    expect(await inOneRun(async (db) => (await db.doc('a/b').get()).get('whole') as number)).toBe(43)
    expect(await readdir(folder)).toEqual(['documents'])
  })
})
