import { collections, LedgerEntry, LedgerIntake } from '@infinity-matrix/contracts'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { actingFor } from './acting.ts'
import { context, type Context } from './context.ts'
import { record, recorded, type Happening } from './ledger.ts'
import { startLocalEngines, type LocalEngines } from './testing.ts'

let engines: LocalEngines
let shared: Context

beforeAll(async () => {
  engines = await startLocalEngines('demo-ledger-intake')
  shared = await context()
})
afterAll(async () => {
  await Promise.all([shared.firestore.terminate(), shared.batches.close(), shared.pubsub.close()])
  await engines.close()
})
beforeEach(() => shared.firestore.recursiveDelete(shared.firestore.collection(collections.ledgerIntake)))

const happening = (subject: string): Happening => ({
  kind: 'change',
  action: 'thing-changed',
  tenant: 'acme',
  subject,
  outcome: 'done',
})
const appended = async () => {
  const { docs } = await shared.firestore.collection(collections.ledgerIntake).get()
  const entries = docs.flatMap((one) =>
    LedgerIntake.parse(one.data()).entries.map((text) => LedgerEntry.parse(JSON.parse(text))),
  )
  return { documents: docs.length, entries, subjects: entries.map(({ subject }) => subject).toSorted() }
}

it('a transaction and what it records are both written, or neither', async () => {
  const thing = shared.firestore.doc('things/one')
  const failing = recorded(shared, (transaction, note) => {
    transaction.set(thing, { n: 1 })
    note(happening('things/one'))
    throw new Error('changed its mind')
  })
  await expect(failing).rejects.toThrow('changed its mind')
  expect([(await thing.get()).exists, (await appended()).entries]).toEqual([false, []])
  await recorded(shared, (transaction, note) => {
    transaction.set(thing, { n: 2 })
    note(happening('things/one'))
  })
  expect([(await thing.get()).exists, (await appended()).subjects]).toEqual([true, ['things/one']])
})

it('transactions that meet, and run again for it, record once what each did', async () => {
  const thing = shared.firestore.doc('things/contended')
  await Promise.all(
    Array.from({ length: 12 }, (_, nth) =>
      recorded(shared, async (transaction, note) => {
        const n = Number((await transaction.get(thing)).get('n') ?? 0)
        transaction.set(thing, { n: n + 1 })
        note(happening(`things/contended-${String(nth).padStart(2, '0')}`))
      }),
    ),
  )
  expect((await thing.get()).get('n')).toBe(12)
  const { subjects } = await appended()
  expect(new Set(subjects).size).toBe(12)
  expect(subjects).toHaveLength(12)
})

it('what many record at once is stored in few documents, all of it before they go on', async () => {
  const names = Array.from({ length: 600 }, (_, nth) => `things/many-${String(nth).padStart(3, '0')}`)
  await Promise.all(names.map((name) => record(shared, [happening(name)])))
  const { documents, subjects } = await appended()
  expect(subjects).toEqual(names)
  expect(documents).toBeLessThan(20)
})

it('one entry that is none fails whom it is of, and no other', async () => {
  const tooLarge = {
    ...happening('things/large'),
    details: Object.fromEntries([...Array(20).keys()].map((n) => [`d${n}`, 'x'.repeat(300)])),
  }
  const results = await Promise.allSettled([
    record(shared, [happening('things/small')]),
    record(shared, [tooLarge]),
    record(shared, [{ ...happening('things/x'), action: 'No Action' }]),
  ])
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected'])
  expect((await appended()).subjects).toEqual(['things/small'])
})

it('an entry says on whose behalf it was, and in which trace', async () => {
  const origin = { actor: { kind: 'person' as const, id: 'uid-1' }, trace: 'a'.repeat(32) }
  await Promise.all([
    actingFor(origin, () => record(shared, [happening('things/theirs')])),
    record(shared, [happening('things/ours')]),
  ])
  const { entries } = await appended()
  const of = (subject: string) => entries.find((entry) => entry.subject === subject)
  expect(of('things/theirs')).toMatchObject(origin)
  expect(of('things/ours')).toMatchObject({ actor: { kind: 'control-plane' }, trace: null })
})
