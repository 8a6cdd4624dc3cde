import { FieldValue, Firestore, Filter, type Query } from '@google-cloud/firestore'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startFirestoreEngine, type FirestoreEngine } from '../index.ts'

let engine: FirestoreEngine
let client: Firestore

beforeAll(async () => {
  engine = await startFirestoreEngine()
  client = new Firestore({ projectId: 'demo', host: `127.0.0.1:${engine.port}`, ssl: false })
  const batch = client.batch()
  for (let n = 0; n < 5; n++) batch.set(client.doc(`c/d${n}`), { n, even: n % 2 === 0 })
  await batch.commit()
})
afterAll(async () => {
  await client.terminate()
  await engine.close()
})

const indexesOf = async (query: Query) => (await query.explain()).metrics.planSummary.indexesUsed

describe('a query explained', () => {
  test('is not run unless it is to be analysed', async () => {
    const { metrics, snapshot } = await client.collection('c').where('even', '==', true).explain()
    expect(metrics.planSummary.indexesUsed).toEqual([
      { query_scope: 'Collection', properties: '(even ASC, __name__ ASC)' },
    ])
    expect([metrics.executionStats, snapshot]).toEqual([null, null])
  })

  test('tells what it read', async () => {
    const { metrics, snapshot } = await client
      .collection('c')
      .orderBy('n')
      .offset(1)
      .limit(2)
      .explain({ analyze: true })
    expect(snapshot?.docs.map((one) => one.id)).toEqual(['d1', 'd2'])
    const { resultsReturned, readOperations, executionDuration, debugStats } = metrics.executionStats ?? {}
    expect([resultsReturned, readOperations]).toEqual([2, 3])
    expect((executionDuration?.seconds ?? 0) + (executionDuration?.nanoseconds ?? 0)).toBeGreaterThan(0)
    expect(debugStats).toMatchObject({ index_entries_scanned: '3', documents_scanned: '3' })
    expect(debugStats?.['billing_details']).toEqual({
      documents_billable: '3',
      index_entries_billable: '0',
      min_query_cost: '0',
    })
  })

  test('is told of with its last document', async () => {
    const heard: unknown[] = []
    for await (const one of client.collection('c').limit(2).explainStream({ analyze: true })) {
      const { document, metrics } = one as unknown as { document?: { id: string }; metrics?: object }
      heard.push([document?.id, metrics !== undefined])
    }
    expect(heard).toEqual([
      ['d0', false],
      ['d1', true],
    ])
  })

  test('for what lies near takes one index, and counts what it returns', async () => {
    const places = client.collection('places')
    for (const x of [1, 2, 3]) await places.add({ at: FieldValue.vector([x, 0]), open: true })
    await places.add({ at: 'nowhere', open: true })
    const nearest = { vectorField: 'at', queryVector: [0, 0], distanceMeasure: 'EUCLIDEAN' as const, limit: 2 }
    // The client has it, its types do not.
    const query = places.where('open', '==', true).findNearest(nearest) as unknown as Pick<Query, 'explain'>
    const { metrics, snapshot } = await query.explain({ analyze: true })
    expect(metrics.planSummary.indexesUsed).toEqual([
      { query_scope: 'Collection', properties: '(open ASC, __name__ ASC, at VECTOR<2>)' },
    ])
    const { resultsReturned, readOperations } = metrics.executionStats ?? {}
    expect([snapshot?.size, resultsReturned, readOperations]).toEqual([2, 2, 3])
  })

  test('is billed the entries of the index when it has inequalities on several fields', async () => {
    const c = client.collection('c')
    const billed = async (query: Query) => {
      const { executionStats } = (await query.explain({ analyze: true })).metrics
      return [executionStats?.readOperations, executionStats?.debugStats['billing_details']]
    }
    const entries = (index_entries_billable: string) => expect.objectContaining({ index_entries_billable }) as unknown
    expect(await billed(c.where('n', '>', 1).where('n', '<', 4))).toEqual([2, entries('0')])
    expect(await billed(c.where('n', '>', 1).where('even', '<=', true))).toEqual([4, entries('3')])
  })

  test('that finds nothing is billed one read', async () => {
    const { metrics, snapshot } = await client.collection('none').explain({ analyze: true })
    expect([snapshot?.size, metrics.executionStats?.resultsReturned, metrics.executionStats?.readOperations]).toEqual([
      0, 0, 1,
    ])
  })

  test('names the indexes that production would take', async () => {
    const c = client.collection('c')
    const [both, ordered, group, either] = await Promise.all([
      indexesOf(c.where('a', '==', 1).where('b', 'array-contains', 2)),
      indexesOf(c.where('a', '==', 1).orderBy('b', 'desc')),
      indexesOf(client.collectionGroup('c').where('x.y', '>', 1)),
      indexesOf(c.where(Filter.or(Filter.where('a', '==', 1), Filter.where('a', '==', 2)))),
    ])
    const properties = (...all: string[]) => all.map((one) => ({ query_scope: 'Collection', properties: one }))
    expect(both).toEqual(properties('(a ASC, __name__ ASC)', '(b ASC, __name__ ASC)'))
    expect(ordered).toEqual(properties('(a ASC, b DESC, __name__ DESC)'))
    expect(group).toEqual([{ query_scope: 'Collection group', properties: '(x.y ASC, __name__ ASC)' }])
    expect(either).toEqual(properties('(a ASC, __name__ ASC)'))
  })

  test('may be an aggregation', async () => {
    const count = client.collection('c').count()
    expect((await count.explain()).snapshot).toBeNull()
    const { metrics, snapshot } = await count.explain({ analyze: true })
    expect(snapshot?.data()).toEqual({ count: 5 })
    expect([metrics.executionStats?.resultsReturned, metrics.executionStats?.readOperations]).toEqual([1, 1])
  })
})
