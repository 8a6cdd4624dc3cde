import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { Code, StatusError } from '../../wire/status-error.ts'
import { OWNER, type Principal } from '../access/principal.ts'
import { Engine } from '../engine.ts'
import type { TargetMessage } from '../rpc/messages.ts'
import { History } from '../store/history.ts'
import { Timestamp } from '../values/value.ts'
import { openListenStream } from './index.ts'
import {
  DATABASE,
  DOCUMENTS,
  EMPTY_TARGET,
  ModelClient,
  commitNow,
  deleteWrite,
  mayHave,
  orderBy,
  queryMessage,
  setWrite,
  where,
  type Response,
  type Wanted,
} from './testing.ts'

const USER: Principal = { kind: 'user', claims: null }
const C: Wanted = { below: '', query: queryMessage({}) }
const X: Wanted = { paths: ['c/x'] }

const CHANGES = ['NO_CHANGE', 'ADD', 'REMOVE', 'CURRENT', 'RESET']

/** Responses in few words, such as `ADD 1` or `c/x 1` for a change, `c/x -1` where it leaves. */
const inWords = (responses: readonly Response[]): string[] =>
  responses.map(({ targetChange, documentChange, documentDelete, documentRemove, filter }) => {
    const path = (name: string) => name.slice(DOCUMENTS.length + 1)
    const left = (ids: readonly number[]) => ids.map((id) => ` -${id}`).join('')
    if (targetChange) return [CHANGES[targetChange.targetChangeType], ...targetChange.targetIds].join(' ')
    if (documentChange) {
      const { document, targetIds, removedTargetIds } = documentChange
      return `${path(document.name)} ${targetIds.join(' ')}${left(removedTargetIds)}`
    }
    if (documentDelete) return `deleted ${path(documentDelete.document)}${left(documentDelete.removedTargetIds)}`
    if (documentRemove) return `removed ${path(documentRemove.document)}${left(documentRemove.removedTargetIds)}`
    return `filter ${filter?.targetId} ${filter?.count}`
  })

const setUp = (principal?: Principal, engine = new Engine(Date.now)) => {
  const client = new ModelClient(engine, () => {}, principal)
  let taken = 0
  /** What has come since the last time. */
  const come = async (): Promise<string[]> => {
    await turn()
    await turn()
    const fresh = client.responses.slice(taken)
    taken = client.responses.length
    return inWords(fresh)
  }
  const set = (path: string, n = 1) => commitNow(engine, [setWrite(path, { n: BigInt(n) })])
  return { engine, client, come, set }
}

describe('a target', () => {
  test('begins with what there is, and is current at one moment with all others', async () => {
    const { client, come, set } = setUp()
    await set('c/x')
    client.add(1, C)
    client.add(2, { paths: ['c/x', 'c/none'] })
    expect(await come()).toEqual([
      'ADD 1',
      'c/x 1',
      'CURRENT 1',
      'NO_CHANGE',
      'ADD 2',
      'c/x 2',
      'deleted c/none -2',
      'CURRENT 2',
      'NO_CHANGE',
    ])
    const time = await set('c/x', 2)
    expect(await come()).toEqual(['c/x 2 1', 'NO_CHANGE'])
    expect(client.readTime).toBe(time)
  })

  test('is told of a commit in one snapshot, and of each document once', async () => {
    const { engine, client, come } = setUp()
    client.add(1, C)
    client.add(2, { below: '', query: queryMessage({ orderBy: orderBy('n'), limit: { value: 1 } }) })
    await come()
    await commitNow(engine, [setWrite('c/a', { n: 1n }), setWrite('c/b', { n: 2n })])
    expect(await come()).toEqual(['c/a 1 2', 'c/b 1', 'NO_CHANGE'])
    await commitNow(engine, [setWrite('c/b', { n: 0n })])
    expect(await come()).toEqual(['c/b 1 2', 'removed c/a -2', 'NO_CHANGE'])
    await commitNow(engine, [deleteWrite('c/b')])
    expect(await come()).toEqual(['deleted c/b -1 -2', 'c/a 2', 'NO_CHANGE'])
  })

  test('that nothing has changed for hears nothing', async () => {
    const { client, come, set } = setUp()
    client.add(1, C)
    await come()
    await set('d/x')
    await set('c/x/c/y')
    expect(await come()).toEqual([])
  })

  test('gets an id where the client gives none', async () => {
    const { client, come } = setUp()
    client.known.set(1, { wanted: X, documents: new Map(), isCurrent: false, resumeToken: new Uint8Array() })
    client.stream.receive({
      database: DATABASE,
      targetChange: 'addTarget',
      addTarget: { ...EMPTY_TARGET, targetType: 'documents', documents: { documents: [] } },
      removeTarget: 0,
    })
    expect(await come()).toEqual(['ADD 1', 'CURRENT 1', 'NO_CHANGE'])
    client.add(5, C)
    expect(await come()).toEqual(['REMOVE 5'])
  })

  test('wanted once ends when it is current', async () => {
    const { client, come, set } = setUp()
    await set('c/x')
    client.add(3, C, null, { once: true })
    expect(await come()).toEqual(['ADD 3', 'c/x 3', 'CURRENT 3', 'NO_CHANGE', 'REMOVE 3'])
    await set('c/x', 2)
    expect(await come()).toEqual([])
  })

  test('that is removed is told of no more; one that is not there is no matter', async () => {
    const { client, come, set } = setUp()
    client.add(1, C)
    await come()
    await set('c/x')
    client.remove(1)
    client.remove(7)
    expect(await come()).toEqual(['REMOVE 1'])
  })
})

describe('a target that is refused', () => {
  const causeOf = (client: ModelClient) => client.responses.find((one) => one.targetChange?.cause)?.targetChange?.cause

  test('is removed with its cause, and the stream goes on', async () => {
    const { client, come } = setUp()
    client.add(1, { below: '', query: queryMessage({ offset: -1 }) })
    client.add(2, C)
    expect(await come()).toEqual(['REMOVE 1', 'ADD 2', 'CURRENT 2', 'NO_CHANGE'])
    expect(causeOf(client)).toEqual({ code: Code.INVALID_ARGUMENT, message: 'offset is negative' })
    expect(client.ended).toBeNull()
  })

  test('names another database, no documents and no query, or the nearest', async () => {
    const { client, come } = setUp()
    client.add(1, C, null, {
      targetType: 'documents',
      documents: { documents: ['projects/p/databases/e/documents/c/x'] },
    })
    client.add(2, C, null, { query: { parent: 'projects/p/databases/e/documents', structuredQuery: queryMessage({}) } })
    client.stream.receive({
      database: DATABASE,
      targetChange: 'addTarget',
      addTarget: { ...EMPTY_TARGET, targetId: 3 },
    })
    expect(await come()).toEqual(['REMOVE 1', 'REMOVE 2', 'REMOVE 3'])
  })

  test('is what the rules do not allow, at once or when a document is no longer one that may be read', async () => {
    const engine = new Engine(Date.now)
    engine.rules.load(
      'p',
      `rules_version = '2'; service cloud.firestore { match /databases/{d}/documents/{name=**} {
        allow get: if resource == null || resource.data.n < 3; } }`,
    )
    const { client, come, set } = setUp(USER, engine)
    await set('c/x')
    client.add(1, X)
    client.add(2, C)
    expect(await come()).toEqual(['ADD 1', 'c/x 1', 'CURRENT 1', 'NO_CHANGE', 'REMOVE 2'])
    await set('c/x', 5)
    expect(await come()).toEqual(['REMOVE 1', 'NO_CHANGE'])
    expect(client.responses.at(-2)?.targetChange?.cause?.code).toBe(Code.PERMISSION_DENIED)
  })

  test('is one that the rules have come to forbid since', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    onTestFinished(() => void vi.useRealTimers())
    const { client, come, engine } = setUp(USER)
    client.add(1, C)
    await come()
    vi.advanceTimersByTime(30_000)
    expect(await come()).toEqual(['NO_CHANGE'])
    engine.rules.load('p', `service cloud.firestore { match /databases/{d}/documents { } }`)
    vi.advanceTimersByTime(30_000)
    expect(await come()).toEqual(['REMOVE 1', 'NO_CHANGE'])
  })
})

describe('a client that comes back', () => {
  test('is told what has changed since, and what to count', async () => {
    const { client, come, engine, set } = setUp()
    for (const id of ['a', 'b', 'd', 'e']) await set(`c/${id}`)
    client.add(1, C)
    await come()
    const known = client.known.get(1)
    client.stream.cancel()
    await commitNow(engine, [deleteWrite('c/a'), setWrite('c/b', { n: 2n }), setWrite('c/new', { n: 1n })])
    const again = setUp(undefined, engine)
    again.client.add(4, C, known, { expectedCount: { value: 5 } })
    expect(await again.come()).toEqual([
      'ADD 4',
      'c/b 4',
      'c/new 4',
      'deleted c/a -4',
      'filter 4 4',
      'CURRENT 4',
      'NO_CHANGE',
    ])
    const names = again.client.responses.find((one) => one.filter)?.filter?.unchangedNames
    if (!names) throw new Error('the names are missing')
    const has = (id: string) => mayHave(names, `${DOCUMENTS}/c/${id}`)
    expect(['b', 'd', 'e', 'new', 'a', 'nothing'].map(has)).toEqual([true, true, true, true, false, false])
  })

  test('after a while is not told what has left, but the names of all that is there', async () => {
    let now = 1e12
    const engine = new Engine(() => now)
    const { client, come, set } = setUp(undefined, engine)
    for (const id of ['gone', 'out', 'kept', 'changed']) await set(`c/${id}`, 1)
    const positive = { below: '', query: queryMessage({ where: where('n', '>', 0n), orderBy: orderBy('n') }) }
    client.add(1, positive)
    await come()
    const known = client.known.get(1)
    client.stream.cancel()
    await commitNow(engine, [deleteWrite('c/gone'), setWrite('c/out', { n: 0n }), setWrite('c/changed', { n: 5n })])
    const back = async (more: Partial<TargetMessage> = {}) => {
      const again = setUp(undefined, engine)
      again.client.add(4, positive, known, more)
      const told = (await again.come()).filter((one) => one.startsWith('c/') || !/^[A-Z]/.test(one))
      const names = again.client.known.get(4)?.documents.keys() ?? []
      return { told, knows: Array.from(names, (name) => name.slice(DOCUMENTS.length + 1)).toSorted() }
    }
    now += 9_000
    expect((await back()).told).toEqual(['c/changed 4', 'deleted c/gone -4', 'removed c/out -4', 'filter 4 2'])
    now += 2_000
    expect(await back()).toEqual({ told: ['c/changed 4', 'filter 4 2'], knows: ['c/changed', 'c/kept'] })
    expect((await back({ expectedCount: null })).told).toContain('deleted c/gone -4')
  })

  test('begins anew where the past is gone, or another engine gave the token', async () => {
    const engine = new Engine(Date.now, new History(2000))
    const { client, come, set } = setUp(undefined, engine)
    await set('c/x')
    client.add(1, C)
    await come()
    const known = client.known.get(1)
    for (let n = 0; n < 50; n++) await set('c/x', n)
    const again = setUp(undefined, engine)
    again.client.add(1, C, known)
    expect(await again.come()).toEqual(['ADD 1', 'RESET 1', 'c/x 1', 'CURRENT 1', 'NO_CHANGE'])
    const elsewhere = setUp()
    elsewhere.client.add(1, C, known)
    expect(await elsewhere.come()).toEqual(['ADD 1', 'RESET 1', 'CURRENT 1', 'NO_CHANGE'])
    const nonsense = setUp()
    nonsense.client.add(1, C, null, { resumeType: 'resumeToken', resumeToken: Buffer.from('x') })
    expect(await nonsense.come()).toEqual(['ADD 1', 'RESET 1', 'CURRENT 1', 'NO_CHANGE'])
  })

  test('may say since when by a time', async () => {
    const { client, come, set } = setUp()
    await set('c/x')
    const time = await set('c/y')
    await set('c/z')
    const readTime = Timestamp.fromMicros(time)
    const documents = new Map(['x', 'y'].map((id) => [`${DOCUMENTS}/c/${id}`, 1]))
    const known = { wanted: C, documents, isCurrent: true, resumeToken: new Uint8Array() }
    client.add(1, C, known, { resumeType: 'readTime', readTime })
    expect(await come()).toEqual(['ADD 1', 'c/z 1', 'filter 1 3', 'CURRENT 1', 'NO_CHANGE'])
  })
})

describe('a client that is slow', () => {
  test('is told of the latest state when there is room, not of all that was in between', async () => {
    const { client, come, set } = setUp()
    client.add(1, C)
    await come()
    client.room = 1
    for (let n = 0; n < 1000; n++) {
      await set(`c/d${n % 3}`, n)
      await turn()
    }
    expect(await come()).toHaveLength(1)
    client.drain(Infinity)
    // One snapshot was under way when the transport was full; all that came after is in one other.
    expect(await come()).toEqual(['NO_CHANGE', 'c/d1 1', 'c/d2 1', 'c/d0 1', 'NO_CHANGE'])
  })
})

describe('a stream', () => {
  const errorOf = ({ ended }: ModelClient) => (ended !== null && ended !== 'end' ? ended.error : ended)

  test('ends when the client has said all, and with what cannot be served', async () => {
    const half = setUp()
    half.client.add(1, C)
    half.client.stream.halfClose()
    expect(half.client.ended).toBe('end')
    const database = setUp()
    database.client.stream.receive({ database: 'nonsense', targetChange: 'removeTarget', removeTarget: 1 })
    expect(errorOf(database.client)).toBeInstanceOf(StatusError)
    const other = setUp()
    other.client.add(1, C)
    other.client.stream.receive({ database: 'projects/p/databases/e', targetChange: 'removeTarget', removeTarget: 1 })
    expect(errorOf(other.client)).toMatchObject({ code: Code.INVALID_ARGUMENT })
    const twice = setUp()
    twice.client.add(1, C)
    twice.client.add(1, C)
    expect(errorOf(twice.client)).toMatchObject({ code: Code.INVALID_ARGUMENT })
    const empty = setUp()
    empty.client.stream.receive({ database: DATABASE })
    expect(errorOf(empty.client)).toMatchObject({ code: Code.INVALID_ARGUMENT })
  })

  test('ends when its client asks and asks and takes no answer', () => {
    const { client } = setUp()
    client.room = 1
    for (let id = 1; id <= 1010 && client.ended === null; id++) client.add(id, C)
    expect(errorOf(client)).toMatchObject({ code: Code.RESOURCE_EXHAUSTED })
    expect(client.responses).toHaveLength(1)
  })

  test('that has ended sends nothing more', async () => {
    const { client, come, set } = setUp()
    client.add(1, C)
    await come()
    await set('c/x')
    client.stream.cancel()
    await set('c/y')
    expect(await come()).toEqual([])
  })

  test('has an answer to any request', async () => {
    const name = fc.oneof(
      fc.string(),
      fc.constantFrom(
        DATABASE,
        DOCUMENTS,
        `${DOCUMENTS}/c/x`,
        `${DOCUMENTS}/c/x/d`,
        `${DOCUMENTS}//`,
        `${DOCUMENTS}/c/__x__`,
      ),
    )
    const int = fc.oneof(fc.nat(3), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }))
    const cursor = fc.option(
      fc.record({ values: fc.array(fc.constantFrom(null, 1n, 'x'), { maxLength: 3 }), before: fc.boolean() }),
    )
    const path = fc.oneof(fc.string(), fc.constantFrom('n', '__name__', 'a.b', '`'))
    const structuredQuery = fc.record({
      from: fc.array(
        fc.record({ collectionId: fc.oneof(fc.constant('c'), fc.string()), allDescendants: fc.boolean() }),
        { maxLength: 2 },
      ),
      orderBy: fc.array(fc.record({ field: fc.option(fc.record({ fieldPath: path })), direction: int }), {
        maxLength: 2,
      }),
      startAt: cursor,
      endAt: cursor,
      offset: int,
      limit: fc.option(fc.record({ value: int })),
      select: fc.option(fc.record({ fields: fc.array(fc.record({ fieldPath: path }), { maxLength: 2 }) })),
    })
    const addTarget = fc.record({
      targetType: fc.constantFrom(undefined, 'query' as const, 'documents' as const),
      query: fc.option(fc.record({ parent: name, structuredQuery: fc.option(structuredQuery.map(queryMessage)) })),
      documents: fc.option(fc.record({ documents: fc.array(name, { maxLength: 3 }) })),
      resumeType: fc.constantFrom(undefined, 'resumeToken' as const, 'readTime' as const),
      resumeToken: fc.uint8Array({ maxLength: 20 }),
      readTime: fc.option(fc.tuple(fc.double(), int).map(([seconds, nanos]) => new Timestamp(seconds, nanos))),
      targetId: int,
      once: fc.boolean(),
      expectedCount: fc.option(fc.record({ value: int })),
    })
    const request = fc.record({
      database: fc.oneof({ weight: 9, arbitrary: fc.constant(DATABASE) }, { weight: 1, arbitrary: name }),
      targetChange: fc.constantFrom(undefined, 'addTarget' as const, 'addTarget' as const, 'removeTarget' as const),
      addTarget: fc.option(addTarget),
      removeTarget: int,
    })
    const engine = new Engine(Date.now)
    await commitNow(engine, [setWrite('c/x', { n: 1n }), setWrite('c/y', { n: 2n })])
    let answers = 0
    fc.assert(
      fc.property(fc.array(request, { minLength: 1, maxLength: 4 }), (requests) => {
        let error: unknown = null
        const stream = openListenStream(engine, OWNER, {
          send: () => ++answers > 0,
          end: () => {},
          fail: (reason) => (error = reason),
        })
        for (const one of requests) stream.receive(one)
        stream.cancel()
        if (error !== null) expect(error).toBeInstanceOf(StatusError)
      }),
      { numRuns: 3000, seed: 11 },
    )
    expect(answers).toBeGreaterThan(1000)
  })
})
