import { Firestore } from '@google-cloud/firestore'
import { collections } from '@infinity-matrix/contracts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createLeases } from '../runtime/lease.ts'
import { startLocalEngines, type LocalEngines } from '../runtime/testing.ts'
import { createIntake, type IntakeOptions } from './intake.ts'
import { createSealer } from './sealer.ts'
import { createLogStore } from './store.ts'
import { append, entryText, newSigners, readWholeLog } from './testing.ts'

let engines: LocalEngines
let firestore: Firestore
let databases = 0
let atMs = 0
const signers = newSigners()

beforeAll(async () => {
  engines = await startLocalEngines('demo-sealer')
})
afterAll(() => engines.close())
beforeEach(() => {
  firestore = new Firestore({ projectId: `demo-sealer-${databases++}` })
  atMs = Date.parse('2026-01-01T00:00:00.000Z')
})
afterEach(() => firestore.terminate())

const nowMs = () => atMs
/** One sealer instance, for which time passes as it sleeps. */
const instance = (
  holder: string,
  { somewhere = '', ...bounds }: Partial<IntakeOptions> & { somewhere?: string } = {},
) => {
  const refused: string[] = []
  const leases = createLeases({ firestore, nowMs })
  const sealer = createSealer({
    intake: createIntake(firestore, {
      refuse: async ({ id }) => void refused.push(id),
      ...bounds,
    }),
    store: createLogStore(firestore, leases),
    leases,
    sign: (tree) => signers.sign(tree, atMs),
    holder,
    somewhere: () => somewhere,
    nowMs,
    sleep: async (ms) => {
      atMs += ms
    },
  })
  return {
    ...sealer,
    wake: (options = { isPatient: true }) => sealer.wake(atMs + 60_000, options),
    wakeUntil: sealer.wake,
    refused,
    leases,
  }
}
const count = async (collection: string) => (await firestore.collection(collection).count().get()).data().count
const singles = (number: number) => Array.from({ length: number }, () => [entryText()])

describe('sealing', () => {
  it('makes a log of what is appended, takes it away, and signs it', async () => {
    const ids = await append(firestore, [[entryText()], [entryText(), entryText({ subject: 'agents/é' })]])
    expect(await instance('a').wake()).toBe('idle')
    const log = await readWholeLog(firestore, signers)
    expect(new Set(log.ids)).toEqual(new Set(ids))
    expect([log.size, log.signedSize, await count(collections.ledgerIntake)]).toEqual([3, 3, 0])
  })

  it('moves a page in one commit, beside which it only takes the lease, signs, and gives the lease back', async () => {
    await append(firestore, singles(300))
    const requests: { method: string; writes: number }[] = []
    const send = (Reflect.get(firestore, 'request') as (...args: unknown[]) => unknown).bind(firestore)
    Reflect.set(firestore, 'request', (method: string, request: { writes?: unknown[] }, ...more: unknown[]) => {
      requests.push({ method, writes: request.writes?.length ?? 0 })
      return send(method, request, ...more)
    })
    await instance('a').wake()
    // The documents, the tree, a full bundle with its tile, and a part.
    expect(requests).toEqual([1, 300 + 4, 1, 1].map((writes) => ({ method: 'commit', writes })))
  })

  it('joins the parts of a bundle when it is full', async () => {
    const ids: string[] = []
    for (const number of [100, 1, 154, 1, 300, 212]) {
      ids.push(...(await append(firestore, singles(number))))
      await instance('a').wake()
    }
    const log = await readWholeLog(firestore, signers)
    expect(new Set(log.ids)).toEqual(new Set(ids))
    expect([log.size, await count(collections.ledgerEntries), await count(collections.ledgerTiles)]).toEqual([
      768, 3, 3,
    ])
  })

  it('puts the entries of a page in the order in which they were appended', async () => {
    const ids: string[] = []
    for (let one = 0; one < 20; one++) ids.push(...(await append(firestore, singles(1))))
    await instance('a').wake()
    expect((await readWholeLog(firestore, signers)).ids).toEqual(ids)
  })

  it('goes round the intake page by page, from anywhere, and leaves nothing', async () => {
    const ids = await append(firestore, singles(230))
    await instance('a', { documentsMax: 25, somewhere: '80' }).wake()
    const log = await readWholeLog(firestore, signers)
    expect(new Set(log.ids)).toEqual(new Set(ids))
    expect(await count(collections.ledgerIntake)).toBe(0)
  })

  it('ends a page where its bytes are enough for a commit', async () => {
    const large = () =>
      entryText({ details: Object.fromEntries('abcdefgh'.split('').map((name) => [name, 'x'.repeat(290)])) })
    await append(
      firestore,
      Array.from({ length: 30 }, () => Array.from({ length: 20 }, large)),
    )
    await instance('a', { bytesMax: 100_000 }).wake()
    expect((await readWholeLog(firestore, signers)).size).toBe(600)
  })

  it('passes by what holds no entry, and says so', async () => {
    const intake = firestore.collection(collections.ledgerIntake)
    await intake.doc('00-bad').create({ appendedAt: '2026-01-01T00:00:00.000Z', entries: [`${entryText()} `] })
    await intake.doc('01-bad').create({ entries: 3 })
    const ids = await append(firestore, singles(3))
    const { wake, refused } = instance('a')
    expect(await wake()).toBe('idle')
    expect(new Set((await readWholeLog(firestore, signers)).ids)).toEqual(new Set(ids))
    expect(new Set(refused)).toEqual(new Set(['00-bad', '01-bad']))
  })

  it('signs at its start what was sealed and not signed', async () => {
    await append(firestore, singles(5))
    await instance('a').wake()
    await firestore.doc('ledgerLog/checkpoint').delete()
    const second = instance('b')
    expect(await second.isBehind()).toBe(true)
    await second.wake()
    expect((await readWholeLog(firestore, signers)).signedSize).toBe(5)
    expect(await second.isBehind()).toBe(false)
  })

  it('stops when its time is over, and says that there is more', async () => {
    await append(firestore, singles(50))
    const { wakeUntil } = instance('a', { documentsMax: 10 })
    expect(await wakeUntil(atMs)).toBe('unfinished')
    expect((await readWholeLog(firestore, signers)).size).toBe(10)
    expect(await wakeUntil(atMs + 60_000)).toBe('idle')
    expect((await readWholeLog(firestore, signers)).size).toBe(50)
  })
})

describe('several sealers', () => {
  it('at once make one log, with each entry in it once', async () => {
    const ids = await append(firestore, singles(300))
    const instances = ['a', 'b', 'c'].map((holder) => instance(holder, { documentsMax: 40 }))
    const more = append(firestore, singles(200))
    await Promise.all(instances.map(({ wake }) => wake()))
    ids.push(...(await more))
    await instance('d').wake()
    const log = await readWholeLog(firestore, signers)
    expect(log.ids.toSorted()).toEqual(ids.toSorted())
  })

  it('leave one at it alone, which sees what came before it sleeps', async () => {
    const ids = await append(firestore, singles(5))
    const working = instance('a')
    const held = await working.leases.acquire('ledger-seal', 'other', 10)
    if (!held) throw new Error('the lease is taken')
    expect(await instance('b').wake({ isPatient: false })).toBe('held by another')
    expect((await readWholeLog(firestore, signers)).size).toBe(0)
    await working.leases.release(held)
    expect(await instance('b').wake({ isPatient: false })).toBe('idle')
    expect((await readWholeLog(firestore, signers)).ids.toSorted()).toEqual(ids.toSorted())
  })

  it('one that was paused and comes back writes nothing', async () => {
    await append(firestore, singles(10))
    const paused = instance('a')
    const held = await paused.leases.acquire('ledger-seal', 'a', 10)
    if (!held) throw new Error('the lease is taken')
    const store = createLogStore(firestore, paused.leases)
    const { tree } = await store.read()
    atMs += 11_000
    await instance('b').wake()
    await append(firestore, singles(1))
    const late = { size: 0, text: 'late', signedAt: '2026-01-01T00:00:00.000Z' }
    await expect(store.saveCheckpoint(held, late)).rejects.toMatchObject({ code: 'lease-lost' })
    await expect(store.append(held, tree, [], '2026-01-01T00:00:00.000Z')).rejects.toMatchObject({ code: 'lease-lost' })
    expect(await readWholeLog(firestore, signers)).toMatchObject({ size: 10, signedSize: 10 })
  })
})
