import { FieldPath, Filter, Firestore, type Query } from '@google-cloud/firestore'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startFirestoreEngine, type FirestoreEngine } from '../index.ts'

let engine: FirestoreEngine
let client: Firestore

beforeAll(async () => {
  engine = await startFirestoreEngine()
  client = new Firestore({ projectId: 'demo', host: `127.0.0.1:${engine.port}`, ssl: false })
  await client.doc('c/one').set({ n: 1, tags: ['red'], sizes: ['s'] })
  await client.doc('c/two').set({ n: 2, tags: ['blue'], sizes: ['s', 'm'] })
  await client.doc('c/three').set({ n: 3, tags: ['green'], sizes: ['l'] })
})
afterAll(async () => {
  await client.terminate()
  await engine.close()
})

const or = (...filters: Filter[]) => Filter.or(...filters)
const and = (...filters: Filter[]) => Filter.and(...filters)
const where = (...condition: Parameters<typeof Filter.where>) => Filter.where(...condition)
const ask = async (filter: Filter): Promise<string[]> => {
  const { docs } = await client.collection('c').where(filter).get()
  return docs.map(({ id }) => id).toSorted()
}
const refused = (code: number, details: string) => expect.objectContaining({ code, details }) as Error

describe('array filters', () => {
  const red = where('tags', 'array-contains', 'red')
  const medium = where('sizes', 'array-contains', 'm')
  const large = where('sizes', 'array-contains-any', ['l', 'xl'])
  const tooMany = refused(9, 'Only a single array-contains clause is allowed in a query')

  test('may be in each part of a disjunction', async () => {
    expect(await ask(or(red, medium))).toEqual(['one', 'two'])
    expect(await ask(or(and(red, where('n', '==', 1)), large))).toEqual(['one', 'three'])
    expect(await ask(and(where('n', 'in', [1, 2]), or(red, large)))).toEqual(['one'])
  })

  test('may not meet in one part', async () => {
    await expect(ask(and(red, medium))).rejects.toEqual(tooMany)
    await expect(ask(and(red, large))).rejects.toEqual(tooMany)
    await expect(ask(or(where('n', '==', 3), and(red, medium)))).rejects.toEqual(tooMany)
    await expect(ask(and(medium, or(where('n', '==', 3), red)))).rejects.toEqual(tooMany)
  })
})

describe('a name that is held to one value', () => {
  const ID = FieldPath.documentId()
  const isTwo = where(ID, '==', 'two')

  test('goes with equalities and with inequalities of the name', async () => {
    expect(await ask(and(isTwo, where('n', '==', 2)))).toEqual(['two'])
    expect(await ask(and(isTwo, where(ID, '>', 'a'), where('n', '>', 1)))).toEqual(['two'])
  })

  test.each(['>', '!='] as const)('goes with no inequality (%s) of other fields alone', async (op) => {
    const why =
      'Equality on key is not allowed if there are other inequality fields and key does not appear in inequalities.'
    await expect(ask(and(isTwo, where('n', op, 1)))).rejects.toEqual(refused(3, why))
  })
})

describe('a query has at most', () => {
  const fields = (count: number) => Array.from({ length: count }, (_, i) => `f${i}`)
  const query = (filters: Filter[], orders: string[] = [], path = 'c') =>
    orders.reduce<Query>((all, one) => all.orderBy(one), client.collection(path).where(and(...filters))).get()

  test('10 fields with inequalities, however often each is compared', async () => {
    const ranges = (count: number) => fields(count).flatMap((field) => [where(field, '>', 1), where(field, '<', 9)])
    expect((await query(ranges(10))).size).toBe(0)
    const why =
      'The query contains 11 distinct inequality fields: [f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, f10]. ' +
      'A query may not have more than 10 distinct inequality fields.'
    await expect(query(ranges(11))).rejects.toEqual(refused(3, why))
  })

  test('100 filters, orders and parents', async () => {
    const equalities = fields(98).map((field) => where(field, '==', 1))
    expect((await query(equalities, ['n'], 'c/one/sub')).size).toBe(0)
    const why = (end: string) =>
      `The query may not have more than 100 filters + sort orders + ancestor total. Currently there are 98 filters, ${end}`
    await expect(query(equalities, ['n', 'm'], 'c/one/sub')).rejects.toEqual(
      refused(3, why('2 sort orders, and one ancestor filter.')),
    )
    await expect(query(equalities, ['n', 'm', 'o'])).rejects.toEqual(
      refused(3, why('3 sort orders, and no ancestor filter.')),
    )
  })
})
