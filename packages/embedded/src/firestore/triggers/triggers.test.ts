import { existsSync, readFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import fc from 'fast-check'
import protobuf from 'protobufjs'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { OWNER } from '../access/principal.ts'
import { parseDocumentName } from '../names.ts'
import { readDocument } from '../rest/value-json.ts'
import type { Origin } from '../store/database.ts'
import { Store } from '../store/store.ts'
import { anyFields } from '../values/arbitraries.ts'
import { decodeDocument } from '../values/codec.ts'
import { MapValue, type Value } from '../values/value.ts'
import { Triggers, parseFirstGeneration, parseSecondGeneration, type Trigger } from './index.ts'
import { compilePath, compilePattern } from './pattern.ts'
import { updateMask } from './update-mask.ts'

const sorted = (texts: readonly (string | undefined)[]) => texts.toSorted((a, b) => (String(a) < String(b) ? -1 : 1))

const map = (fields: Record<string, Value>): MapValue => MapValue.from(Object.entries(fields))

describe('a pattern', () => {
  const matches = (pattern: string, path: string) => compilePattern(pattern)(path.split('/'))

  it('is of segments, of which a wildcard stands for one or for any number', () => {
    expect(matches('users/{id}', 'users/a')).toBe(true)
    expect(matches('/users/{id}/', 'users/a')).toBe(true)
    expect(matches('users/*', 'users/a')).toBe(true)
    expect(matches('users/{id=*}', 'users/a')).toBe(true)
    expect(matches('users/{id}', 'users/a/posts/b')).toBe(false)
    expect(matches('users/{id}', 'people/a')).toBe(false)
    expect(matches('users/a', 'users/b')).toBe(false)
    expect(matches('{any=**}', 'users/a/posts/b')).toBe(true)
    expect(matches('users/{id}/{rest=**}', 'users/a/posts/b/c/d')).toBe(true)
    expect(matches('users/**/posts/{id}', 'users/a/posts/b/posts/c')).toBe(true)
    expect(matches('users/**/posts/{id}', 'users/a/comments/c')).toBe(false)
    // As it stands in braces without a wildcard's form: a segment like any other.
    expect(matches('users/{a}{b}', 'users/{a}{b}')).toBe(true)
    expect(compilePath('users/{id}')(['users', 'a'])).toBe(false)
    expect(compilePath('users/a')(['users', 'a'])).toBe(true)
  })
})

describe('the mask of an update', () => {
  it('names what was set, changed or removed, as deep as both are maps', () => {
    const before = map({ same: 1n, gone: 'x', deep: map({ a: 1n, b: 2n }), was: map({}), 'odd name': 1n })
    const after = map({ same: 1n, fresh: null, deep: map({ a: 1n, b: 3n, c: 4n }), was: 5n, 'odd name': 2n })
    expect(updateMask(before, after)).toEqual(['`odd name`', 'deep.b', 'deep.c', 'fresh', 'gone', 'was'])
    fc.assert(fc.property(anyFields, (fields) => updateMask(fields, fields).length === 0))
  })
})

interface Heard {
  path: string
  headers: IncomingHttpHeaders
  body: string
}

/** A server where the functions emulator would be, which writes down what it hears. */
const functionsEmulator = async (answer: (heard: Heard) => number | Promise<number> = () => 200) => {
  const heard: Heard[] = []
  const server = createServer((request, response) => {
    const serve = async () => {
      const one = { path: request.url ?? '', headers: request.headers, body: await text(request) }
      heard.push(one)
      response.writeHead(await answer(one)).end()
    }
    void serve()
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { heard, functionsHost: `127.0.0.1:${(server.address() as AddressInfo).port}` }
}

const startTriggers = (
  functionsHost: string | undefined,
  durable: () => Promise<void> | undefined = () => undefined,
) => {
  const store = new Store(Date.now)
  const lines: string[] = []
  const triggers = new Triggers({ store, functionsHost, durable, log: (line) => lines.push(line) })
  onTestFinished(() => triggers.close())
  const write = (name: string, fields: MapValue | null, origin: Origin = {}) => {
    const { database: databaseName, segments } = parseDocumentName(name)
    const database = store.database(databaseName)
    const before = database.find(segments)?.at() ?? null
    const time = store.timeline.commit()
    const createTime = before?.createTime ?? time
    store.apply(database, [{ segments, before, fields, createTime, size: 0 }], time, origin)
  }
  return { store, triggers, lines, write }
}

const PREFIX = 'projects/p/databases/(default)/documents'
const second = (change: string, pattern: string, more = {}): Trigger =>
  parseSecondGeneration('p', `us-central1-${change.replaceAll('.', '-')}-0`, {
    eventType: `google.cloud.firestore.document.v1.${change}`,
    database: '(default)',
    namespace: '(default)',
    document: { value: pattern, matchType: 'PATH_PATTERN' },
    ...more,
  })
const first = (change: string, pattern: string): Trigger =>
  parseFirstGeneration('p', `us-central1-v1${change}-0`, {
    eventTrigger: {
      eventType: `providers/cloud.firestore/eventTypes/document.${change}`,
      resource: `${PREFIX}/${pattern}`,
      service: 'firestore.googleapis.com',
    },
  })

const settled = (heard: readonly unknown[], count: number) =>
  vi.waitFor(() => expect(heard).toHaveLength(count), { timeout: 10_000 })

describe('triggers', () => {
  it('tell a function what a document was and is', async () => {
    const { heard, functionsHost } = await functionsEmulator()
    const { triggers, write } = startTriggers(functionsHost)
    for (const change of ['created', 'updated', 'deleted', 'written']) triggers.register(second(change, 'c/{id}'))
    const types = () => sorted(heard.map(({ headers }) => String(headers['ce-type']).split('.').at(-1)))
    write(`${PREFIX}/c/ä b`, map({ n: 1n }))
    await settled(heard, 2)
    expect(types()).toEqual(['created', 'written'])
    write(`${PREFIX}/c/ä b`, map({ n: 2n }))
    await settled(heard, 4)
    expect(types()).toEqual(['created', 'updated', 'written', 'written'])
    write(`${PREFIX}/c/ä b`, null)
    await settled(heard, 6)
    write(`${PREFIX}/other/a`, map({}))
    write('projects/p/databases/second/documents/c/a', map({}))
    write('projects/q/databases/(default)/documents/c/a', map({}))
    write(`${PREFIX}/c/imported`, map({}), { imported: true })
    write(`${PREFIX}/c/z`, map({}))
    await settled(heard, 8)
    expect(heard.slice(6).map(({ headers }) => headers['ce-document'])).toEqual(['c/z', 'c/z'])

    const updated = heard.find(({ headers }) => headers['ce-type'] === 'google.cloud.firestore.document.v1.updated')
    expect(updated).toMatchObject({
      path: '/functions/projects/p/triggers/us-central1-updated-0',
      headers: {
        'content-type': 'application/protobuf',
        'ce-specversion': '1.0',
        'ce-source': '//firestore.googleapis.com/projects/p/databases/(default)',
        'ce-subject': 'documents/c/%C3%A4 b',
        'ce-document': 'c/%C3%A4 b',
        'ce-project': 'p',
        'ce-database': '(default)',
        'ce-namespace': '(default)',
        'ce-location': 'us-central1',
        'ce-datacontenttype': 'application/protobuf',
      },
    })
    expect(updated?.headers['ce-time']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)
    const reader = protobuf.Reader.create(Buffer.from(updated?.body ?? '', 'base64'))
    const read = { value: undefined as unknown, old: undefined as unknown, mask: '' }
    while (reader.pos < reader.len) {
      const tag = reader.uint32() >>> 3
      if (tag === 1) read.value = decodeDocument(reader, reader.uint32())
      else if (tag === 2) read.old = decodeDocument(reader, reader.uint32())
      else read.mask = Buffer.from(reader.bytes()).toString()
    }
    const name = `${PREFIX}/c/ä b`
    expect(read).toEqual({
      value: { name, fields: map({ n: 2n }) },
      old: { name, fields: map({ n: 1n }) },
      mask: '\n\x01n',
    })
  })

  it('tell who wrote only those who ask', async () => {
    const { heard, functionsHost } = await functionsEmulator()
    const { triggers, write } = startTriggers(functionsHost)
    triggers.register(second('created.withAuthContext', 'c/{id}'))
    triggers.register(second('created', 'c/{id}'))
    const user = { kind: 'user', claims: { sub: 'abc' } } as const
    for (const [id, by] of Object.entries({ o: OWNER, u: user, a: { kind: 'user', claims: null } as const, n: null })) {
      write(`${PREFIX}/c/${id}`, map({}), { by })
    }
    await settled(heard, 8)
    const said = heard.map(({ headers }) =>
      [headers['ce-document'], headers['ce-authtype'], headers['ce-authid']].join(' '),
    )
    expect(sorted(said.filter((line) => !line.endsWith('  ')))).toEqual([
      'c/a unauthenticated ',
      'c/n system ',
      'c/o service_account p@appspot.gserviceaccount.com',
      'c/u unknown abc',
    ])
  })

  it('send functions one event after the other for a document, and others meanwhile', async () => {
    const slow = Promise.withResolvers<void>()
    const { heard, functionsHost } = await functionsEmulator(async ({ headers }) => {
      if (headers['ce-document'] === 'c/slow') await slow.promise
      return 200
    })
    const { triggers, write } = startTriggers(functionsHost)
    triggers.register(second('written', 'c/{id}'))
    for (let n = 0n; n < 20n; n++) {
      write(`${PREFIX}/c/slow`, map({ n }))
      write(`${PREFIX}/c/quick`, map({ n }))
    }
    await settled(heard, 21)
    const times = (id: string) =>
      heard
        .filter(({ headers }) => headers['ce-document'] === `c/${id}`)
        .map(({ headers }) => String(headers['ce-time']).replace('Z', '').padEnd(26, '0'))
    expect(times('slow')).toHaveLength(1)
    slow.resolve()
    await settled(heard, 40)
    for (const id of ['slow', 'quick']) expect(times(id)).toEqual(sorted(times(id)))
    const ids = new Set(heard.map(({ headers }) => headers['ce-id']))
    expect(ids.size).toBe(40)
  })

  it('try again when nobody was there, with the same event, and not when a function failed', async () => {
    let missing = 2
    const { heard, functionsHost } = await functionsEmulator(({ headers }) => {
      if (headers['ce-document'] === 'c/fails') return 500
      return missing-- > 0 ? 404 : 200
    })
    const { triggers, write, lines } = startTriggers(functionsHost)
    triggers.register(second('created', 'c/{id}'))
    write(`${PREFIX}/c/late`, map({}))
    await settled(heard, 3)
    expect(new Set(heard.map(({ headers }) => headers['ce-id'])).size).toBe(1)
    write(`${PREFIX}/c/fails`, map({}))
    await settled(lines, 1)
    expect(lines[0]).toMatch('triggers: the event for us-central1-created-0 was not handled: 500')
    expect(heard).toHaveLength(4)
  })

  it('wait until a commit is durable, and say nothing of one that never will be', async () => {
    const { heard, functionsHost } = await functionsEmulator()
    let gate: PromiseWithResolvers<void> | undefined
    const { triggers, write } = startTriggers(functionsHost, () => gate?.promise)
    triggers.register(second('created', 'c/{id}'))
    gate = Promise.withResolvers()
    write(`${PREFIX}/c/lost`, map({}))
    gate.reject(new Error('the disk is full'))
    gate = Promise.withResolvers()
    write(`${PREFIX}/c/a`, map({}))
    await new Promise((resolve) => setImmediate(resolve))
    expect(heard).toEqual([])
    gate.resolve()
    await settled(heard, 1)
    expect(heard[0]?.headers['ce-document']).toBe('c/a')
  })

  it('cost nothing without functions', async () => {
    const { store, triggers } = startTriggers('127.0.0.1:1')
    const listen = vi.spyOn(store, 'onCommit')
    expect(listen).not.toHaveBeenCalled()
    triggers.register(second('created', 'c/{id}'))
    triggers.register(second('created', 'd/{id}'))
    expect(listen).toHaveBeenCalledTimes(1)
    expect(triggers.keys).toEqual(['us-central1-created-0'])
    const none = startTriggers(undefined)
    const unheard = vi.spyOn(none.store, 'onCommit')
    none.triggers.register(second('created', 'c/{id}'))
    expect(unheard).not.toHaveBeenCalled()
  })

  it('are refused when they are none', () => {
    expect(() => second('moved', 'c/{id}')).toThrow('eventType')
    expect(() => first('moved', 'c/{id}')).toThrow('eventType')
    expect(() => parseSecondGeneration('p', 'k', null)).toThrow('the body must be an object')
    expect(() => parseFirstGeneration('p', 'k', { eventTrigger: { eventType: 'x', resource: 'c/{id}' } })).toThrow(
      'resource',
    )
    // Native databases have one namespace.
    expect(second('created', 'c/{id}', { namespace: 'other' }).matches(['c', 'a'])).toBe(false)
  })
})

const recorded = join(
  import.meta.dirname,
  '../../../../../../shared/data/functions-framework-conformance/events/generate/data',
)

describe.skipIf(!existsSync(recorded))('an event of the first generation', () => {
  it.each(['simple', 'complex'])('has the data that Google Cloud sends: %s', async (file) => {
    const path = join(recorded, `firestore_${file}-legacy-input.json`)
    const { data } = JSON.parse(readFileSync(path, 'utf8')) as { data: Record<'value' | 'oldValue', { name?: string }> }
    const { heard, functionsHost } = await functionsEmulator()
    const { triggers, store } = startTriggers(functionsHost)
    const { database: databaseName, segments } = parseDocumentName(data.value.name ?? '')
    const [, project = ''] = databaseName.split('/')
    const eventType = 'providers/cloud.firestore/eventTypes/document.write'
    const resource = `${databaseName}/documents/{any=**}`
    triggers.register(parseFirstGeneration(project, 'r-f-0', { eventTrigger: { eventType, resource } }))
    const database = store.database(databaseName)
    let count = 0
    for (const json of [data.oldValue, data.value] as { name?: string; createTime: string; updateTime: string }[]) {
      if (json.name === undefined) continue
      const micros = (time: string) => Date.parse(`${time.slice(0, 23)}Z`) * 1000 + Number(time.slice(23, 26))
      const before = database.find(segments)?.at() ?? null
      const { fields } = readDocument(json)
      store.apply(
        database,
        [{ segments, before, fields, createTime: micros(json.createTime), size: 0 }],
        micros(json.updateTime),
      )
      count++
    }
    await settled(heard, count)
    const body = JSON.parse(heard.at(-1)?.body ?? '') as { data: object; context: object }
    // A creation has no old value, which Google Cloud sends as one without fields.
    expect({ oldValue: {}, ...body.data }).toEqual(data)
    expect(body.context).toMatchObject({
      eventType,
      resource: { service: 'firestore.googleapis.com', name: data.value.name },
    })
  })
})
