import { evmAnchorer } from '@infinity-matrix/anchors'
import { startTestChain, type TestChain } from '@infinity-matrix/anchors/testing'
import { collections, LedgerAnchor, LedgerAnchorsPage } from '@infinity-matrix/contracts'
import { Storage } from '@google-cloud/storage'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { context, type Context } from '../../runtime/context.ts'
import { createLeases } from '../../runtime/lease.ts'
import { openApp, startLocalEngines, type LocalEngines } from '../../runtime/testing.ts'
import { serveAnchors } from '../api/anchors.ts'
import { createExporter } from '../export/exporter.ts'
import { createBucketObjects } from '../export/objects.ts'
import { startObjectServer, verifyObjects } from '../export/testing.ts'
import { policyText } from '../policy-text.ts'
import { createLogReader } from '../reader.ts'
import { createLogStore } from '../store.ts'
import { append, entryText, newSigners, sealEverything } from '../testing.ts'
import { createAnchoring } from './anchoring.ts'

const signers = newSigners()
const confirmations = 2
let engines: LocalEngines
let shared: Context
let chain: TestChain
let aheadMs = 0
let opened = 0
const nowMs = () => Date.now() + aheadMs

beforeAll(async () => {
  engines = await startLocalEngines('demo-anchoring', { clock: nowMs })
  shared = { ...(await context()), nowMs }
  chain = await startTestChain()
})
afterAll(async () => {
  await Promise.all([shared.firestore.terminate(), shared.pubsub.close(), shared.batches.close(), chain.close()])
  await engines.close()
})

const storeNow = () => createLogStore(shared.firestore, createLeases(shared))
const grow = async (count: number) => {
  await append(shared.firestore, [Array.from({ length: count }, () => entryText())])
  await sealEverything(shared.firestore, signers)
}
/** As a function that has just been started. */
const step = () =>
  createAnchoring(shared, {
    anchorer: async () => {
      opened++
      return evmAnchorer({ ...chain, confirmations, nowMs })
    },
    checkpoint: async () => (await storeNow().read()).checkpoint,
    everyHours: 24,
    holder: shared.newId(),
  }).step()
const anchorsNow = async () => {
  const { docs } = await shared.firestore.collection(collections.ledgerAnchors).orderBy('size').get()
  return docs.map((one) => LedgerAnchor.parse(one.data()))
}
const aDay = () => (aheadMs += 24 * 3_600_000)

describe('anchoring', () => {
  it('opens nothing while there is nothing to anchor', async () => {
    expect([await step(), opened]).toEqual(['not due', 0])
  })

  it('takes a checkpoint to a block in steps, once a day, and one at a time', async () => {
    await grow(300)
    expect(await step()).toBe('on its way')
    await grow(5)
    aDay()
    // What is on its way is gone on with, and nothing else is begun.
    expect(await step()).toBe('on its way')
    expect(await anchorsNow()).toMatchObject([{ size: 300, state: { status: 'pending', progress: { nonce: 0 } } }])
    await chain.mine()
    expect(await step()).toBe('on its way')
    await chain.mine()
    expect(await step()).toBe('anchored')
    expect(await step()).toBe('on its way')
    const [first, second] = await anchorsNow()
    expect(first).toMatchObject({ size: 300, state: { status: 'anchored', anchor: { kind: 'evm' } } })
    expect(second).toMatchObject({ state: { status: 'pending', progress: { nonce: 1 } } })
    for (const _ of Array(confirmations)) await chain.mine()
    expect(await step()).toBe('anchored')
    await grow(1)
    expect(await step()).toBe('not due')
    expect(chain.minedOfAccount()).toBe(2)
  })

  it('by several at once sends one transaction', async () => {
    aDay()
    const ended = await Promise.all(Array.from({ length: 4 }, step))
    expect(ended).toContain('on its way')
    expect(chain.waiting()).toHaveLength(1)
    for (const _ of Array(confirmations)) await chain.mine()
    expect(await step()).toBe('anchored')
  })

  it('is told to everybody, goes into the export, and holds there', async () => {
    const app = await openApp((routes, of) => serveAnchors(routes, of.firestore))
    const { anchors, next } = LedgerAnchorsPage.parse(await (await app.request('/v1/ledger/anchors?after=300')).json())
    expect([anchors.length, next]).toEqual([2, null])
    expect(anchors[0]).toMatchObject({ id: `evm-${anchors[0]?.size}`, anchor: { kind: 'evm' } })

    const server = await startObjectServer(nowMs)
    const bucket = new Storage({ apiEndpoint: server.origin, projectId: 'demo-anchoring' }).bucket('ledger')
    const exporter = createExporter(shared, {
      store: storeNow(),
      reader: createLogReader(shared.firestore, storeNow()),
      objects: createBucketObjects(bucket, { retentionDays: 365, nowMs }),
      keys: signers.keys,
      policy: policyText({ log: signers.keys, witnesses: [] }),
      everyHours: 24,
      holder: shared.newId(),
      alarm: (path) => Promise.reject(new Error(path)),
    })
    expect(await exporter.work(Infinity)).toBe('finished')
    expect(await verifyObjects(server)).toMatchObject({
      ok: true,
      anchors: [{ kind: 'evm', size: 300 }, { kind: 'evm' }, { kind: 'evm' }],
    })
    await server.close()
  })
})
