import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Storage } from '@google-cloud/storage'
import { collections, documentRetention, ledgerRetentionDaysMin } from '@infinity-matrix/contracts'
import { tilePath } from '@infinity-matrix/core/merkle'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { context, type Context } from '../../runtime/context.ts'
import { createLeases } from '../../runtime/lease.ts'
import { startLocalEngines, type LocalEngines } from '../../runtime/testing.ts'
import { policyText } from '../policy-text.ts'
import { createLogReader } from '../reader.ts'
import { createLogStore } from '../store.ts'
import { append, entryText, newSigners, sealEverything } from '../testing.ts'
import { createExporter } from './exporter.ts'
import { createBucketObjects } from './objects.ts'
import { startObjectServer, verifyObjects, type ObjectServer } from './testing.ts'

const retentionDays = 400
const signers = newSigners()
let engines: LocalEngines
let shared: Context
let server: ObjectServer
let aheadMs = 0
const alarms: string[] = []

beforeAll(async () => {
  engines = await startLocalEngines('demo-export')
  shared = await context()
})
afterAll(async () => {
  await Promise.all([shared.firestore.terminate(), shared.pubsub.close(), shared.batches.close()])
  await engines.close()
})
beforeEach(async () => {
  server = await startObjectServer(nowMs)
  alarms.length = 0
  await shared.firestore.doc(`${collections.ledgerLog}/export`).delete()
})
afterEach(() => server.close())

const nowMs = () => Date.now() + aheadMs
const aDay = () => (aheadMs += 24 * 3_600_000)

const grow = async (count: number) => {
  for (let left = count; left > 0; left -= 500)
    await append(shared.firestore, [Array.from({ length: Math.min(500, left) }, () => entryText())])
  await sealEverything(shared.firestore, signers)
}

const openObjects = (days = retentionDays) => {
  const storage = new Storage({
    apiEndpoint: server.origin,
    projectId: 'demo-export',
    retryOptions: { autoRetry: false },
  })
  return createBucketObjects(storage.bucket('ledger'), { retentionDays: days, nowMs })
}

const openExporter = () => {
  const own = { ...shared, nowMs }
  const store = createLogStore(shared.firestore, createLeases(own))
  return createExporter(own, {
    store,
    reader: createLogReader(shared.firestore, store),
    objects: openObjects(),
    keys: signers.keys,
    policy: policyText({ log: signers.keys, witnesses: [] }),
    everyHours: 24,
    holder: shared.newId(),
    alarm: async (path) => void alarms.push(path),
  })
}
const exportNow = (untilMs = Infinity) => openExporter().work(untilMs)

const verified = () => verifyObjects(server)
const sizeNow = async () => (await createLogStore(shared.firestore, createLeases(shared)).read()).tree.size

describe('a cold export', () => {
  it('is a folder that verifies, is brought up to date once a day, and writes what is full once', async () => {
    await grow(700)
    expect(await exportNow()).toBe('finished')
    expect(await verified()).toMatchObject({ ok: true, entries: 700 })
    expect(await exportNow()).toBe('not due')

    const before = new Map(server.objects)
    await grow(900)
    expect(await exportNow()).toBe('not due')
    aDay()
    const uploads = server.uploads()
    expect(await exportNow()).toBe('finished')
    expect(await verified()).toMatchObject({ ok: true, earlierCheckpoints: 2, entries: await sizeNow() })
    for (const [path, { generation }] of before) {
      const isReplaced = path === 'checkpoint'
      expect([path, server.objects.get(path)?.generation === generation]).toEqual([path, !isReplaced])
    }
    // Of the log of before, only what was not full is looked at again.
    expect(server.uploads() - uploads).toBeLessThan(2 * 5 + 3 + 3)
    expect(alarms).toEqual([])
  })

  it('goes on where it was stopped, by its time or by its end', async () => {
    await grow(256 * 40)
    expect(await exportNow(nowMs() - 1)).toBe('unfinished')
    server.allow(50)
    await expect(exportNow()).rejects.toThrow('no more')
    expect(server.objects.has('checkpoint')).toBe(false)
    server.allow(Infinity)
    const uploads = server.uploads()
    expect(await exportNow()).toBe('finished')
    expect(server.uploads() - uploads).toBeLessThan((await sizeNow()) / 128)
    expect(await verified()).toMatchObject({ ok: true, entries: await sizeNow() })
  })

  it.each([
    ['a full tile', tilePath({ level: 0, index: 1, width: 256 })],
    ['a bundle', tilePath({ level: 'entries', index: 0, width: 256 })],
    ['a policy that goes before', 'checkpoint'],
  ])('finds %s that is there and differs: it tells, and overwrites nothing', async (_, path) => {
    await grow(10)
    aDay()
    const planted = { bytes: Buffer.from('something else'), generation: 7, retainUntilMs: 0 }
    server.objects.set(path, planted)
    expect(await exportNow()).toBe('refused')
    expect(alarms).toEqual([path])
    expect(server.objects.get(path)).toBe(planted)
    server.objects.delete(path)
    expect(await exportNow()).toBe('finished')
  })

  it('refuses the bucket of another log', async () => {
    await exportNow()
    await grow(3)
    aDay()
    const head = server.objects.get('checkpoint')
    const text = head?.bytes.toString().replace(/\n\d+\n/, '\n999999\n') ?? ''
    server.objects.set('checkpoint', { bytes: Buffer.from(text), generation: 5, retainUntilMs: 0 })
    expect([await exportNow(), alarms]).toEqual(['refused', ['checkpoint']])
  })

  it('holds what it wrote for as long as it is to be kept, but for what changes', async () => {
    await grow(300)
    aDay()
    expect(await exportNow()).toBe('finished')
    const untilMs = nowMs() + ledgerRetentionDaysMin * 86_400_000
    const early = [...server.objects].filter(([, { retainUntilMs }]) => retainUntilMs < untilMs).map(([path]) => path)
    expect(early.toSorted()).toEqual(['checkpoint', 'policy'])
    const deleted = (path: string) =>
      fetch(`${server.origin}/b/ledger/o/${encodeURIComponent(path)}`, { method: 'DELETE' })
    const tile = tilePath({ level: 0, index: 0, width: 256 })
    expect((await deleted(tile)).status).toBe(403)
    aheadMs += retentionDays * 86_400_000
    expect((await deleted(tile)).status).toBe(204)
    expect(() => openObjects(ledgerRetentionDaysMin - 1)).toThrow('must be at least 365, and is 364')
  })
})

describe('retention', () => {
  it('deletes nothing of the ledger, ever', async () => {
    const ofLedger = Object.keys(collections).filter((name) => name.startsWith('ledger'))
    expect(ofLedger.length).toBeGreaterThan(6)
    expect(Object.keys(documentRetention).filter((name) => ofLedger.includes(name))).toEqual([])
    const config = JSON.parse(
      await readFile(join(import.meta.dirname, '../../../../firestore.indexes.json'), 'utf8'),
    ) as {
      fieldOverrides: { collectionGroup: string; ttl?: boolean }[]
    }
    expect(
      config.fieldOverrides.filter(({ collectionGroup, ttl }) => ttl && ofLedger.includes(collectionGroup)),
    ).toEqual([])
  })
})
