import { Firestore } from '@google-cloud/firestore'
import { startFirestoreEngine } from '@infinity-matrix/embedded/firestore'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { startFaultyFirestore, type FaultRates } from './faulty-firestore.ts'

const projectId = 'demo-faulty-firestore'
let upstream = ''
let direct: Firestore
const closing: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  const engine = await startFirestoreEngine({ host: '127.0.0.1', port: 0 })
  upstream = `${engine.host}:${engine.port}`
  direct = new Firestore({ projectId, host: upstream, ssl: false })
  closing.push(
    () => direct.terminate(),
    () => engine.close(),
  )
})
afterAll(async () => {
  for (const close of closing) await close()
})

const clientWith = async (rates: Partial<FaultRates>, seed = 1) => {
  const proxy = await startFaultyFirestore({
    upstream,
    seed,
    rates: { before: 0, after: 0, stall: 0, ...rates },
    stallMsMax: 20,
  })
  const firestore = new Firestore({ projectId, host: proxy.address, ssl: false })
  onTestFinished(async () => {
    await firestore.terminate()
    await proxy.close()
  })
  return { firestore, proxy }
}
// BatchWrite, which the client does not repeat by itself when the writer says so.
const write = async (firestore: Firestore, path: string) => {
  const writer = firestore.bulkWriter({ throttling: false })
  writer.onWriteError(() => false)
  const written = writer.create(firestore.doc(path), { there: true })
  await writer.close()
  return written
}
const exists = async (path: string) => (await direct.doc(path).get()).exists

describe('a Firestore with faults', () => {
  it('without any passes calls of all kinds on', async () => {
    const { firestore } = await clientWith({})
    await write(firestore, 'through/one')
    const seen = new Promise<number>((resolve) => {
      const stop = firestore.collection('through').onSnapshot(({ size }) => {
        stop()
        resolve(size)
      })
    })
    expect(await seen).toBe(1)
    const read = await firestore.runTransaction((transaction) => transaction.get(firestore.doc('through/one')))
    expect(read.get('there')).toBe(true)
    const refused = write(firestore, 'through/one')
    await expect(refused).rejects.toThrow('Document already exists')
    const large = 'x'.repeat(1_000_000)
    await firestore.doc('through/large').set({ large })
    expect((await firestore.doc('through/large').get()).get('large')).toBe(large)
  })

  it('before: nothing is done, and the client is told one of three statuses', async () => {
    const { firestore, proxy } = await clientWith({ before: 1 })
    await expect(write(firestore, 'before/one')).rejects.toMatchObject({
      code: expect.toSatisfy((code: number) => [4, 10, 14].includes(code)),
    })
    expect(await exists('before/one')).toBe(false)
    expect(proxy.injected.before).toBeGreaterThan(0)
  })

  it('after: it is done, and the client is told that it failed', async () => {
    const { firestore, proxy } = await clientWith({ after: 1 })
    await expect(write(firestore, 'after/one')).rejects.toThrow('as planted, after it was done')
    expect(await exists('after/one')).toBe(true)
    expect(proxy.injected.after).toBeGreaterThan(0)
  })

  it('stalls: it is done later', async () => {
    const { firestore, proxy } = await clientWith({ stall: 1 })
    await write(firestore, 'stall/one')
    expect(await exists('stall/one')).toBe(true)
    expect(proxy.injected).toEqual({ before: 0, after: 0, stall: 1 })
  })

  it('draws the same faults from the same seed', async () => {
    const drawn = async (seed: number) => {
      const { firestore, proxy } = await clientWith({ stall: 0.5 }, seed)
      const stalled: boolean[] = []
      for (let call = 0; call < 16; call++) {
        const before = proxy.injected.stall
        await firestore.doc('seeded/none').get()
        stalled.push(proxy.injected.stall > before)
      }
      return stalled
    }
    const first = await drawn(3)
    expect(await drawn(3)).toEqual(first)
    expect(await drawn(4)).not.toEqual(first)
  })
})
