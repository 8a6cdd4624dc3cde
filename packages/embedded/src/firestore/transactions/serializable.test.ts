import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Engine } from '../engine.ts'
import { runQuery } from '../query/run.ts'
import { compileCoverage } from '../query/membership.ts'
import { parseQuery } from '../query/parse.ts'
import { EMPTY_WRITE, type StructuredQuery, type Write } from '../rpc/messages.ts'
import { MapValue } from '../values/value.ts'
import { prepareWrites } from '../writes/write.ts'

const DATABASE = 'projects/p/databases/d'
const PARENT = `${DATABASE}/documents`
const IDS = ['a', 'b', 'c', 'd']
const SEED = { a: 1n, b: 2n }

/** Reads some documents, or all whose number is odd; then writes one more than it has seen to some. */
interface Job {
  reads: string[] | 'odd'
  writes: string[]
}

interface Done {
  time: number
  seen: Record<string, bigint>
  wrote: Record<string, bigint>
}

const writeOf = (id: string, n: bigint): Write => ({
  ...EMPTY_WRITE,
  operation: 'update',
  update: {
    name: `${PARENT}/c/${id}`,
    fields: MapValue.from([
      ['n', n],
      ['odd', n % 2n === 1n],
    ] as const),
  },
})

const odd = parseQuery(PARENT, {
  select: null,
  from: [{ collectionId: 'c', allDescendants: false }],
  where: { fieldFilter: { field: { fieldPath: 'odd' }, op: 5, value: true }, compositeFilter: null, unaryFilter: null },
  orderBy: [],
  startAt: null,
  endAt: null,
  offset: 0,
  limit: null,
  findNearest: null,
} satisfies StructuredQuery)

const perform = async (engine: Engine, job: Job, pause: () => Promise<unknown>): Promise<Done | null> => {
  const database = engine.database(DATABASE)
  const coordinator = engine.coordinator(database)
  await pause()
  const transaction = coordinator.transactions.begin(null)
  const seen: Record<string, bigint> = {}
  if (job.reads === 'odd') {
    await coordinator.lockQuery(transaction, { collectionId: 'c', covers: compileCoverage(odd) })
    for (const { node, version } of runQuery(odd, database).rows) seen[node.id] = version.fields.get('n') as bigint
  } else {
    for (const id of job.reads) {
      await coordinator.lockDocuments(transaction, [`c/${id}`])
      seen[id] = (database.find(['c', id])?.at()?.fields.get('n') as bigint | undefined) ?? 0n
      await pause()
    }
  }
  await pause()
  const next = Object.values(seen).reduce((sum, n) => sum + n, 1n)
  const wrote = Object.fromEntries(job.writes.map((id) => [id, next]))
  try {
    const writes = prepareWrites(
      DATABASE,
      job.writes.map((id) => writeOf(id, next)),
    )
    const { time } = await coordinator.commit(writes, transaction)
    return { time, seen, wrote }
  } catch {
    return null
  }
}

/** Whether doing the same work one after the other, in order of commits, would have seen the same. */
const expectSerial = (done: Done[], queried: ReadonlySet<Done>): void => {
  const state: Record<string, bigint> = { ...SEED }
  for (const one of done.toSorted((a, b) => a.time - b.time)) {
    const expected = queried.has(one)
      ? Object.fromEntries(Object.entries(state).filter(([, n]) => n % 2n === 1n))
      : Object.fromEntries(Object.keys(one.seen).map((id) => [id, state[id] ?? 0n]))
    expect(one.seen).toEqual(expected)
    Object.assign(state, one.wrote)
  }
}

test('transactions that commit have done so as if one after the other, however they were interleaved', async () => {
  const ids = fc.uniqueArray(fc.constantFrom(...IDS), { minLength: 1, maxLength: 3 })
  const job: fc.Arbitrary<Job> = fc.record({ reads: fc.oneof(ids, fc.constant('odd' as const)), writes: ids })
  let committed = 0
  await fc.assert(
    fc.asyncProperty(fc.array(job, { minLength: 2, maxLength: 6 }), fc.scheduler(), async (jobs, scheduler) => {
      const engine = new Engine(Date.now)
      const seed = Object.entries(SEED).map(([id, n]) => writeOf(id, n))
      await engine.coordinator(engine.database(DATABASE)).commit(prepareWrites(DATABASE, seed), null)
      const pause = () => scheduler.schedule(Promise.resolve())
      const work = Promise.all(jobs.map((one) => perform(engine, one, pause)))
      await scheduler.waitFor(work)
      const results = await work
      engine.close()
      const done = results.filter((one) => one !== null)
      const queried = new Set(done.filter((one) => jobs[results.indexOf(one)]?.reads === 'odd'))
      expectSerial(done, queried)
      // Someone always gets through.
      expect(done.length).toBeGreaterThan(0)
      committed += done.length
    }),
    { numRuns: 150 },
  )
  expect(committed).toBeGreaterThan(150)
}, 60_000)
