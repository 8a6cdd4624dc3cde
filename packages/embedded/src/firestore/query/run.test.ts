import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Engine } from '../engine.ts'
import type { StructuredQuery } from '../rpc/messages.ts'
import type { Database } from '../store/database.ts'
import { compareValues, rankOf } from '../values/order.ts'
import { MapValue, Reference, type Value } from '../values/value.ts'
import { prepareWrites } from '../writes/write.ts'
import { parseQuery } from './parse.ts'
import type { CompareOp } from './query.ts'
import { runQuery } from './run.ts'

const DATABASE = 'projects/p/databases/d'
const PARENT = `${DATABASE}/documents`

// Few values, so that there are ties; of several types, so that they must be kept apart.
const value: fc.Arbitrary<Value> = fc.constantFrom<Value>(null, false, 0n, 1, 1n, 2n, Number.NaN, 'a', 'b', [1n], ['a'])
const document = fc
  .record({ a: value, b: value, c: value }, { requiredKeys: [] })
  .map((fields) => MapValue.from(Object.entries(fields)))

const OPS: readonly CompareOp[] = ['LESS_THAN', 'LESS_THAN_OR_EQUAL', 'GREATER_THAN', 'GREATER_THAN_OR_EQUAL', 'EQUAL']
const opNumber = (op: CompareOp): number => OPS.indexOf(op) + 1

const field = fc.constantFrom('a', 'b', 'c')
const condition = fc.record({ path: field, op: fc.constantFrom(...OPS), operand: value })
const order = fc.record({ path: field, descending: fc.boolean() })
const question = fc.record({
  conditions: fc.array(condition, { maxLength: 2 }),
  orders: fc.uniqueArray(order, { maxLength: 2, selector: ({ path }) => path }),
  limit: fc.option(fc.integer({ min: 0, max: 20 }), { nil: undefined }),
  offset: fc.integer({ min: 0, max: 3 }),
  start: fc.option(fc.tuple(value, fc.boolean()), { nil: undefined }),
})
type Question = typeof question extends fc.Arbitrary<infer T> ? T : never

const messageOf = ({ conditions, orders, limit, offset, start }: Question): StructuredQuery => ({
  select: null,
  from: [{ collectionId: 'c', allDescendants: false }],
  where: {
    filterType: 'compositeFilter',
    compositeFilter: {
      op: 1,
      filters: conditions.map(({ path, op, operand }) => ({
        filterType: 'fieldFilter',
        fieldFilter: { field: { fieldPath: path }, op: opNumber(op), value: operand },
        compositeFilter: null,
        unaryFilter: null,
      })),
    },
    fieldFilter: null,
    unaryFilter: null,
  },
  orderBy: orders.map(({ path, descending }) => ({ field: { fieldPath: path }, direction: descending ? 2 : 1 })),
  startAt: start && orders.length > 0 ? { values: [start[0]], before: start[1] } : null,
  endAt: null,
  offset,
  limit: limit === undefined ? null : { value: limit },
  findNearest: null,
})

const accepts: Partial<Record<CompareOp, (sign: number) => boolean>> = {
  LESS_THAN: (sign) => sign < 0,
  LESS_THAN_OR_EQUAL: (sign) => sign <= 0,
  GREATER_THAN: (sign) => sign > 0,
  GREATER_THAN_OR_EQUAL: (sign) => sign >= 0,
  EQUAL: (sign) => sign === 0,
}

/** The answer by the book: look at every document, throw out, sort, cut. */
const answerOf = (documents: ReadonlyMap<string, MapValue>, asked: Question): string[] => {
  const unequal = (v: Value) => v === null || Number.isNaN(v)
  const passes = (fields: MapValue) =>
    asked.conditions.every(({ path, op, operand }) => {
      const v = fields.get(path)
      if (v === undefined || unequal(v) || unequal(operand) || rankOf(v) !== rankOf(operand)) return false
      return accepts[op]?.(compareValues(v, operand)) === true
    })
  const implied = asked.conditions.filter(({ op }) => op !== 'EQUAL').map(({ path }) => path)
  const orders = [...asked.orders]
  const descending = orders.at(-1)?.descending ?? false
  for (const path of implied.toSorted()) {
    if (!orders.some((one) => one.path === path)) orders.push({ path, descending })
  }
  const position = (fields: MapValue, start: Value) => {
    const [first] = orders
    const sign = compareValues(fields.get(first?.path ?? '') as Value, start)
    return first?.descending ? -sign : sign
  }
  return [...documents]
    .filter(([, fields]) => passes(fields) && orders.every(({ path }) => fields.get(path) !== undefined))
    .filter(([, fields]) => {
      if (!asked.start || asked.orders.length === 0) return true
      const at = position(fields, asked.start[0])
      return at > 0 || (at === 0 && asked.start[1])
    })
    .toSorted(([x, a], [y, b]) => {
      for (const one of orders) {
        const sign = compareValues(a.get(one.path) as Value, b.get(one.path) as Value)
        if (sign !== 0) return one.descending ? -sign : sign
      }
      return (x < y ? -1 : 1) * (descending ? -1 : 1)
    })
    .map(([id]) => id)
    .slice(asked.offset, asked.limit === undefined ? undefined : asked.offset + asked.limit)
}

const write = async (engine: Engine, database: Database, changes: Iterable<[string, MapValue | null]>) => {
  const writes = [...changes].map(([id, fields]) => ({
    operation: fields ? ('update' as const) : ('delete' as const),
    update: fields && { name: `${PARENT}/c/${id}`, fields },
    delete: `${PARENT}/c/${id}`,
    verify: '',
    transform: null,
    updateMask: null,
    updateTransforms: [],
    currentDocument: null,
  }))
  await engine.coordinator(database).commit(prepareWrites(DATABASE, writes), null)
}

const idOf = (n: number): string => String(n).padStart(4, '0')

describe('a query', () => {
  // Small collections are looked through, large ones by index; both while documents come, change and go.
  test.each([20, 400])(
    'answers as going through every one of %d documents would',
    async (size) => {
      const documents = fc.array(document, { minLength: size, maxLength: size })
      const changes = fc.array(fc.tuple(fc.nat(size - 1).map(idOf), fc.option(document)), { maxLength: 20 })
      await fc.assert(
        fc.asyncProperty(
          documents,
          fc.array(fc.tuple(question, changes), { minLength: 5, maxLength: 5 }),
          async (all, rounds) => {
            const engine = new Engine(Date.now)
            const database = engine.database(DATABASE)
            const known = new Map(all.map((fields, n) => [idOf(n), fields]))
            await write(engine, database, known)
            for (const [asked, changed] of rounds) {
              const { rows } = runQuery(parseQuery(PARENT, messageOf(asked)), database)
              expect(rows.map(({ node }) => node.id)).toEqual(answerOf(known, asked))
              await write(engine, database, changed)
              for (const [id, fields] of changed) {
                if (fields) known.set(id, fields)
                else known.delete(id)
              }
            }
          },
        ),
        { numRuns: 40 },
      )
    },
    30_000,
  )

  test('of the past answers as it did then', async () => {
    const engine = new Engine(Date.now)
    const database = engine.database(DATABASE)
    await write(engine, database, [
      ['x', MapValue.from([['a', 1n]])],
      ['y', MapValue.from([['a', 2n]])],
    ])
    const then = engine.store.timeline.read()
    await write(engine, database, [
      ['x', null],
      ['y', MapValue.from([['a', 0n]])],
      ['z', MapValue.from([['a', 3n]])],
    ])
    const query = parseQuery(PARENT, {
      ...messageOf({
        conditions: [],
        orders: [{ path: 'a', descending: true }],
        limit: undefined,
        offset: 0,
        start: undefined,
      }),
    })
    const ids = (time?: number) => runQuery(query, database, time).rows.map(({ node }) => node.id)
    expect(ids(then)).toEqual(['y', 'x'])
    expect(ids()).toEqual(['z', 'y'])
  })

  test('goes on after a name without looking at what comes before', async () => {
    const engine = new Engine(Date.now)
    const database = engine.database(DATABASE)
    await write(
      engine,
      database,
      Array.from({ length: 1000 }, (_, n) => [idOf(n), MapValue.EMPTY]),
    )
    const page = parseQuery(PARENT, {
      ...messageOf({ conditions: [], orders: [], limit: 3, offset: 0, start: undefined }),
      orderBy: [{ field: { fieldPath: '__name__' }, direction: 1 }],
      startAt: { values: [new Reference(`${PARENT}/c/0500`)], before: false },
    })
    expect(runQuery(page, database).rows.map(({ node }) => node.id)).toEqual(['0501', '0502', '0503'])
  })

  test('by several equalities goes on after a name, up and down, by merging their indexes', async () => {
    const engine = new Engine(Date.now)
    const database = engine.database(DATABASE)
    const fieldsOf = (n: number) =>
      MapValue.from([
        ['a', BigInt(n % 2)],
        ['b', BigInt(n % 3)],
        ['c', BigInt(n % 5)],
      ])
    await write(
      engine,
      database,
      Array.from({ length: 1000 }, (_, n) => [idOf(n), fieldsOf(n)]),
    )
    const page = (direction: 1 | 2) =>
      parseQuery(PARENT, {
        ...messageOf({
          conditions: (['a', 'b', 'c'] as const).map((path) => ({ path, op: 'EQUAL', operand: 1n })),
          orders: [],
          limit: 3,
          offset: 0,
          start: undefined,
        }),
        orderBy: [{ field: { fieldPath: '__name__' }, direction }],
        startAt: { values: [new Reference(`${PARENT}/c/0511`)], before: false },
      })
    // Every 30th has all three.
    const ids = (direction: 1 | 2) => runQuery(page(direction), database).rows.map(({ node }) => node.id)
    expect(ids(1)).toEqual(['0541', '0571', '0601'])
    expect(ids(2)).toEqual(['0481', '0451', '0421'])
  })

  test('by name alone goes up, as in production without an index for the other way', () => {
    const byName = (conditions: Question['conditions']) =>
      parseQuery(PARENT, {
        ...messageOf({ conditions, orders: [], limit: 3, offset: 0, start: undefined }),
        orderBy: [{ field: { fieldPath: '__name__' }, direction: 2 }],
      })
    expect(() => byName([])).toThrow('Firestore does not support descending key scans')
    expect(byName([{ path: 'a', op: 'EQUAL', operand: 1n }]).orders).toEqual([{ field: '__name__', descending: true }])
  })
})
