import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FieldValue, Firestore, GeoPoint, Timestamp } from '@google-cloud/firestore'
import fc from 'fast-check'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { startFirestoreEngine, type FirestoreEngineOptions } from '../index.ts'
import { JsonClient } from '../oracle/client.ts'
import { Store } from '../store/store.ts'
import { documentsNow } from '../store/snapshot.ts'
import { anyFields } from '../values/arbitraries.ts'
import { identical } from '../values/order.ts'
import { MapValue } from '../values/value.ts'
import { applyRecord } from './recover.ts'
import { commitRecord, snapshotRecords } from './records.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'firestore-persist-'))
  return () => rm(folder, { recursive: true, force: true })
})

const start = async (options: FirestoreEngineOptions = {}) => {
  const engine = await startFirestoreEngine({ persistIn: folder, ...options })
  vi.stubEnv('FIRESTORE_EMULATOR_HOST', `${engine.host}:${engine.port}`)
  const db = new Firestore({ projectId: 'demo-persist' })
  const close = async () => {
    await db.terminate()
    await engine.close()
  }
  onTestFinished(async () => {
    await close()
    vi.unstubAllEnvs()
  })
  return { ...engine, db, close }
}

describe('documents that are persisted', () => {
  it('are there in the next run, of every type, with their times, and below documents that are missing', async () => {
    const fields = {
      text: 'ä€',
      number: -0.5,
      whole: 42,
      at: new Timestamp(1, 5000),
      bytes: Buffer.from([0, 255]),
      place: new GeoPoint(1, 2),
      list: [1, { deep: [null, true] }],
      vector: FieldValue.vector([1, 2]),
    }
    const one = await start()
    await one.db.doc('a/b').set({ was: 1 })
    const first = await one.db.doc('a/b').get()
    await one.db.doc('a/b').set(fields)
    const written = await one.db.doc('a/b').get()
    await one.db.doc('a/missing/below/c').set({ n: 1 })
    await one.db.doc('a/gone').set({ n: 1 })
    const { writeTime } = await one.db.doc('a/gone').delete()
    const other = new Firestore({ projectId: 'demo-persist', databaseId: 'other' })
    await other.doc('x/y').set({ n: 2 })
    await other.terminate()
    await one.close()

    // The clock has been set back meanwhile.
    const two = await start({ clock: () => writeTime.toMillis() - 60_000 })
    const read = await two.db.doc('a/b').get()
    expect(read.data()).toEqual(fields)
    expect(read.createTime).toEqual(written.createTime)
    expect(read.updateTime).toEqual(written.updateTime)
    expect((await two.db.doc('a/missing/below/c').get()).data()).toEqual({ n: 1 })
    expect((await two.db.doc('a/gone').get()).exists).toBe(false)
    expect((await two.db.collection('a').where('whole', '==', 42).get()).size).toBe(1)
    // What was before can still be read, and time goes on.
    const readTime = first.updateTime
    const past = await two.db.runTransaction((t) => t.get(two.db.doc('a/b')), {
      readOnly: true,
      readTime: readTime as Timestamp,
    })
    expect(past.data()).toEqual({ was: 1 })
    const next = await two.db.doc('a/b').update({ whole: 43 })
    expect(next.writeTime.valueOf() > writeTime.valueOf()).toBe(true)
    const again = new Firestore({ projectId: 'demo-persist', databaseId: 'other' })
    expect((await again.doc('x/y').get()).data()).toEqual({ n: 2 })
    await again.terminate()
  })

  it('are gone in the next run when they were cleared over HTTP, and there when they were imported', async () => {
    const one = await start()
    const base = `http://${one.host}:${one.port}/emulator/v1/projects/demo-persist`
    const database = 'projects/demo-persist/databases/(default)'
    await one.db.doc('a/b').set({ n: 1 })
    const exported = { database, export_directory: folder, export_name: 'e' }
    const post = async (url: string, body: object) =>
      expect((await fetch(url, { method: 'POST', body: JSON.stringify(body) })).status).toBe(200)
    await post(`${base}:export`, exported)
    await one.db.doc('a/c').set({ n: 1 })
    await fetch(`${base}/databases/(default)/documents`, { method: 'DELETE' })
    await post(`${base}:import`, { database, export_directory: join(folder, 'e/e.overall_export_metadata') })
    await one.close()
    const two = await start()
    expect((await two.db.collection('a').get()).docs.map((doc) => doc.id)).toEqual(['b'])
  })

  it('are kept by one engine at a time, which says so', async () => {
    await start()
    await expect(startFirestoreEngine({ persistIn: folder })).rejects.toThrow(`${folder} is in use by another engine`)
  })

  it('leave the folder free when the port is taken', async () => {
    const blocking = await startFirestoreEngine()
    onTestFinished(() => blocking.close())
    await expect(startFirestoreEngine({ persistIn: folder, port: blocking.port })).rejects.toThrow('EADDRINUSE')
    await (await start()).close()
  })

  it('answer nothing more when the disk is full, also to those who only read or listen', async () => {
    const lines: string[] = []
    const { db, host, port } = await start({ journalLimits: { segmentBytes: 1 }, log: (line) => lines.push(line) })
    const seen: number[] = []
    const failed = Promise.withResolvers<Error>()
    const stop = db.doc('a/b').onSnapshot(
      (snapshot) => seen.push(Number(snapshot.get('n') ?? 0)),
      (error) => failed.resolve(error),
    )
    onTestFinished(() => stop())
    await vi.waitFor(() => expect(seen).toEqual([0]))
    await db.doc('a/b').set({ n: 1 })
    await vi.waitFor(() => expect(seen).toEqual([0, 1]))
    // A device that is always full stands where the next segment would be.
    await symlink('/dev/full', join(folder, '0000000000000003.segment'))
    const two = db.doc('a/b').set({ n: 2 })
    await expect(two).rejects.toThrow('the disk is full')
    const client = new JsonClient(`${host}:${port}`)
    onTestFinished(() => client.close())
    const name = 'projects/demo-persist/databases/(default)/documents/a/b'
    expect(await client.call('GetDocument', { name })).toMatchObject({ status: 'DATA_LOSS' })
    expect(lines).toEqual([expect.stringContaining('the disk is full')])
    // What is lost has not been told.
    expect(seen).toEqual([0, 1])
    stop()
    await rm(join(folder, '0000000000000003.segment'))
  }, 30_000)
})

describe('records', () => {
  const state = (store: Store) =>
    [...store.databases]
      .flatMap(documentsNow)
      .map(([node, { fields, createTime, time }]) => ({
        name: node.name,
        fields,
        createTime,
        time,
      }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))

  it('make the same of an empty store, commit by commit or as a snapshot in between', () => {
    const change = fc.record({
      database: fc.constantFrom('one', 'two'),
      id: fc.constantFrom('a', 'b', 'c/sub/d', '__id7__'),
      fields: fc.option(anyFields, { freq: 3 }),
    })
    fc.assert(
      fc.property(
        fc.array(fc.array(change, { minLength: 1, maxLength: 3 }), { maxLength: 12 }),
        fc.nat(12),
        (commits, at) => {
          const store = new Store(() => 1000)
          const records: Uint8Array[] = []
          store.onCommit((event) => records.push(commitRecord(event)))
          let compacted: Uint8Array[] | undefined
          for (const [i, changes] of commits.entries()) {
            if (i === at) compacted = [...snapshotRecords(store, store.timeline.read())]
            if (i === at) records.length = 0
            const time = store.timeline.commit()
            const database = store.database(`projects/p/databases/${changes[0]?.database}`)
            const pending = new Map(
              changes.map(({ id, fields }) => {
                const segments = ['c', ...id.split('/')]
                const before = database.find(segments)?.at() ?? null
                const createTime = before?.createTime ?? time
                return [id, { segments, before, fields, createTime, size: 0 }]
              }),
            )
            store.apply(
              database,
              [...pending.values()].filter(({ before, fields }) => before ?? fields),
              time,
            )
          }
          const copy = new Store(() => 0)
          for (const record of [...(compacted ?? []), ...records]) applyRecord(copy, Buffer.from(record))
          const [copied, original] = [state(copy), state(store)]
          expect(copied.map(({ fields: _, ...rest }) => rest)).toEqual(original.map(({ fields: _, ...rest }) => rest))
          expect(copied.every(({ fields }, i) => identical(fields, original[i]?.fields ?? MapValue.EMPTY))).toBe(true)
          expect(copy.timeline.read()).toBeGreaterThanOrEqual(Math.max(0, ...original.map(({ time }) => time)))
        },
      ),
    )
  })
})
