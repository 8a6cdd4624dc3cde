import { Firestore } from '@google-cloud/firestore'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openBatches, type Batches, type StoredDocument } from './batches.ts'
import { differenceOf } from './difference.ts'
import { startLocalEngines, type LocalEngines } from './testing.ts'

let engines: LocalEngines
let firestore: Firestore
let batches: Batches

beforeAll(async () => {
  engines = await startLocalEngines('demo-batches')
  firestore = new Firestore()
  batches = await openBatches()
})
afterAll(async () => {
  await Promise.all([firestore.terminate(), batches.close()])
  await engines.close()
})

let counter = 0
const newPath = () => `things/${++counter}`
const readOne = async (path: string): Promise<StoredDocument> => {
  const [found] = await batches.readAll([path])
  if (!found) throw new Error(`${path} is not there`)
  return found
}

const name = fc.string({ minLength: 1, maxLength: 6 }).filter((text) => !/^__.*__$/.test(text) && text.isWellFormed())
const scalar = fc.oneof(
  fc.string({ maxLength: 20 }).filter((text) => text.isWellFormed()),
  fc.double({ noNaN: true }),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
)
/** Fields as Firestore has them: no list stands in a list directly. */
const { map } = fc.letrec<{ map: Record<string, unknown>; value: unknown }>((tie) => ({
  map: fc.dictionary(name, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  value: fc.oneof({ maxDepth: 3 }, scalar, tie('map'), fc.array(fc.oneof(scalar, tie('map')), { maxLength: 3 })),
}))

describe('values', { timeout: 60_000 }, () => {
  it('are read as they were written, by this and by Google’s own client', async () => {
    await fc.assert(
      fc.asyncProperty(map, async (fields) => {
        const path = newPath()
        expect(await batches.writeAll([{ path, fields }])).toMatchObject([{ status: 'fulfilled' }])
        expect((await readOne(path)).fields).toEqual(fields)
        expect((await firestore.doc(path).get()).data()).toEqual(fields)
      }),
      { numRuns: 60 },
    )
  })

  it('that differ are all that an update writes, and make one document of another', async () => {
    await fc.assert(
      fc.asyncProperty(map, map, fc.boolean(), async (before, other, isBased) => {
        const after = isBased ? { ...before, ...other } : other
        const path = newPath()
        await batches.writeAll([{ path, fields: before }])
        const { updateTime } = await readOne(path)
        const difference = differenceOf(before, after)
        expect(await batches.writeAll([{ path, ...difference, after: updateTime }])).toMatchObject([
          { status: 'fulfilled' },
        ])
        expect((await readOne(path)).fields).toEqual(after)
      }),
      { numRuns: 100 },
    )
  })
})

describe('many documents', { timeout: 60_000 }, () => {
  it('are read in the order they are asked for, also those that are not there', async () => {
    const [first, missing, second] = [newPath(), newPath(), newPath()]
    await batches.writeAll([first, second].map((path) => ({ path, fields: { path } })))
    const found = await batches.readAll([second, missing, first])
    expect(found.map((document) => document?.fields['path'])).toEqual([second, undefined, first])
  })

  it('of which some lost are written but for those', async () => {
    const [fresh, stale, taken] = [newPath(), newPath(), newPath()]
    await batches.writeAll([stale, taken].map((path) => ({ path, fields: { n: 1 } })))
    const { updateTime } = await readOne(stale)
    await firestore.doc(stale).update({ n: 2 })
    const results = await batches.writeAll([
      { path: fresh, fields: { n: 3 } },
      { path: stale, fields: { n: 3 }, fieldPaths: ['n'], after: updateTime },
      { path: taken, fields: { n: 3 } },
    ])
    expect(results).toMatchObject([
      { status: 'fulfilled' },
      { status: 'rejected', reason: { code: 9 } },
      { status: 'rejected', reason: { code: 6 } },
    ])
    expect((await readOne(stale)).fields).toEqual({ n: 2 })
  })

  it('among which is what is no document are written but for that', async () => {
    const writes = Array.from({ length: 9 }, () => ({ path: newPath(), fields: { n: 1 } }))
    const results = await batches.writeAll(writes.with(5, { path: newPath(), fields: { __n__: 1 } as never }))
    expect(results.map((result) => result.status === 'rejected')).toEqual(writes.map((_, index) => index === 5))
    expect(results[5]).toMatchObject({ reason: { code: 3 } })
  })

  it('more than a request may have, by number and by bytes, go in several', async () => {
    const many = Array.from({ length: 1100 }, () => ({ path: newPath(), fields: { n: 1 } }))
    const large = Array.from({ length: 24 }, () => ({ path: newPath(), fields: { text: 'x'.repeat(900_000) } }))
    for (const writes of [many, large]) {
      const results = await batches.writeAll(writes)
      expect(results.filter(({ status }) => status === 'rejected')).toEqual([])
      const found = await batches.readAll(writes.map(({ path }) => path))
      expect(found.filter(Boolean)).toHaveLength(writes.length)
    }
  })
})
