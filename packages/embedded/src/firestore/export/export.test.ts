import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { crc32c } from '../../journal/index.ts'
import { StatusError } from '../../wire/status-error.ts'
import { startFirestoreEngine } from '../index.ts'
import { anyFields } from '../values/arbitraries.ts'
import { identical } from '../values/order.ts'
import { GeoPoint, MapValue, Reference, Timestamp, type Value } from '../values/value.ts'
import { decodeEntity, encodeEntity } from './entity.ts'
import { LogEncoder, readLog } from './leveldb-log.ts'
import { decodeOutputFiles, decodeOverall, encodeOverall } from './metadata.ts'
import { readExport } from './index.ts'
import { WireError } from './wire.ts'

const map = (fields: Record<string, Value>): MapValue => MapValue.from(Object.entries(fields))
const vector = (...elements: number[]): MapValue => map({ __type__: '__vector__', value: elements })
const reference = (path: string, project = 'demo-export', database = '(default)') =>
  new Reference(`projects/${project}/databases/${database}/documents/${path}`)

const logOf = (...records: Uint8Array[]): Buffer => {
  const encoder = new LogEncoder()
  return Buffer.concat(records.flatMap((record) => [...encoder.encode(record)]))
}

// What Google's emulator 1.22.0 exported, by hidane-dev/hidane, crates/hidane/tests/fixtures/export_import.json.
const GOOGLES_TYPES =
  'aiFqD2Rldn5kZW1vLWV4cG9ydHIOCxIDYWxsIgV0eXBlcwxyEwgYGgtlbXB0eV9hcnJheSAAKgB6DRoFYXJyYXkgASoCCAF6EBoFYXJyYXkgASoFGg' +
  'N0d296CxoFYXJyYXkgASoAeiQIExoFYXJyYXkgASoXGhVqBGoAcgB6ChoBayAAKgMaAXaCAQB6GAgTGgVhcnJheSABKgsaCWoEagByAIIBAHozCBMa' +
  'BWFycmF5IAEqJhokagRqAHIAehkaCl9fdmVjdG9yX18gASoJIQAAAAAAAAhAggEAehIaCmJvb2xfZmFsc2UgACoCEAB6ERoJYm9vbF90cnVlIAAqAh' +
  'ABehMIDhoFYnl0ZXMgACoGGgQAAQL/ehMaC2RvdHRlZC5uYW1lIAAqAggDehUaBmRvdWJsZSAAKgkhAAAAAAAA+D96GRoKZG91YmxlX2luZiAAKgkh' +
  'AAAAAAAA8H96GRoKZG91YmxlX25hbiAAKgkhAAAAAAAA+H96HRoOZG91YmxlX25lZ19pbmYgACoJIQAAAAAAAPD/eh4aD2RvdWJsZV9uZWdfemVyby' +
  'AAKgkhAAAAAAAAAAB6HAgTGgllbXB0eV9tYXAgACoLGglqBGoAcgCCAQB6FBoMZW1wdHlfc3RyaW5nIAAqAhoAeh8ICRoDZ2VvIAAqFCsxAAAAAADA' +
  'QUA5AAAAAABoYcAsegsaA2ludCAAKgIIKnoXGgdpbnRfbWF4IAAqCgj//////////396GBoHaW50X21pbiAAKgsIgICAgICAgICAAXoYGgdpbnRfbm' +
  'VnIAAqCwj5//////////8BeuEBCBMaA21hcCAAKtUBGtIBagRqAHIAchoIGBoSbmVzdGVkX2VtcHR5X2FycmF5IAAqAHoJGgFhIAAqAggBeiMIExoF' +
  'aW5uZXIgACoWGhRqBGoAcgB6CRoBeiAAKgIQAYIBAHojCBMaEG5lc3RlZF9lbXB0eV9tYXAgACoLGglqBGoAcgCCAQB6VggTGg1uZXN0ZWRfdmVjdG' +
  '9yIAAqQRo/agRqAHIAehkaCl9fdmVjdG9yX18gASoJIQAAAAAAAPA/ehkaCl9fdmVjdG9yX18gASoJIQAAAAAAAABAggEAggEAegoaBG51bGwgACoA' +
  'eisaA3JlZiAAKiJjag9kZXZ+ZGVtby1leHBvcnRzegNhbGyKAQV0eXBlc3Rkei8aB3JlZl9kYjIgACoiY2oPZGV2fmRlbW8tZXhwb3J0c3oBY4oBAX' +
  'h0ugEDZGIyZHo1GghyZWZfZGVlcCAAKidjag9kZXZ+ZGVtby1leHBvcnRzegFjigEBYXRzegNzdWKKAQF4dGR6LBoLcmVmX251bWVyaWMgACobY2oP' +
  'ZGV2fmRlbW8tZXhwb3J0c3oBY4ABB3RkejEaEXJlZl9vdGhlcl9wcm9qZWN0IAAqGmNqDWRldn5lbHNld2hlcmVzegFjigEBeHRkehkaBnN0cmluZy' +
  'AAKg0aC2jDqWxsbyDwn5iAehoIBxoJdGltZXN0YW1wIAAqCQiA676C3L2DA3ogCAcaDXRpbWVzdGFtcF9taW4gACoLCICA0YaQgNCR/wF6IAgHGg90' +
  'aW1lc3RhbXBfbmFub3MgACoJCMCEjIHxuoMDeiAIBxoNdGltZXN0YW1wX29sZCAAKgsIoILr7aKeuP//AXpPCBMaBnZlY3RvciAAKkEaP2oEagByAH' +
  'oZGgpfX3ZlY3Rvcl9fIAEqCSEAAAAAAADwP3oZGgpfX3ZlY3Rvcl9fIAEqCSEAAAAAAAAEQIIBAHoTGgp3aXRoIHNwYWNlIAAqAxoBeIIBDgsSA2Fs' +
  'bCIFdHlwZXMM'
const GOOGLES_OVERALL =
  'uG1ETgEAATOBUT7CUAABCk4KBAgCGAMSQWFsbF9uYW1lc3BhY2VzL2FsbF9raW5kcy9hbGxfbmFtZXNwYWNlc19hbGxfa2luZHMuZXhwb3J0X21ldGFkYXRhGAoguik='
const GOOGLES_EMPTY_OVERALL = 'uG1ETgEAATMFKyhDAAAB'

const TYPES = map({
  array: [1n, 'two', null, map({ k: 'v' }), MapValue.EMPTY, vector(3)],
  bool_false: false,
  bool_true: true,
  bytes: Uint8Array.of(0, 1, 2, 255),
  'dotted.name': 3n,
  double: 1.5,
  double_inf: Infinity,
  double_nan: NaN,
  double_neg_inf: -Infinity,
  double_neg_zero: 0,
  empty_array: [],
  empty_map: MapValue.EMPTY,
  empty_string: '',
  geo: new GeoPoint(35.5, -139.25),
  int: 42n,
  int_max: 2n ** 63n - 1n,
  int_min: -(2n ** 63n),
  int_neg: -7n,
  map: map({
    a: 1n,
    inner: map({ z: true }),
    nested_empty_array: [],
    nested_empty_map: MapValue.EMPTY,
    nested_vector: vector(1, 2),
  }),
  null: null,
  ref: reference('all/types'),
  ref_db2: reference('c/x', 'demo-export', 'db2'),
  ref_deep: reference('c/a/sub/x'),
  ref_numeric: reference('c/__id7__'),
  ref_other_project: reference('c/x', 'elsewhere'),
  string: 'héllo 😀',
  timestamp: new Timestamp(1_704_164_645, 123_456_000),
  timestamp_min: new Timestamp(-62_135_596_800, 0),
  timestamp_nanos: new Timestamp(1_704_067_200, 123_456_000),
  timestamp_old: new Timestamp(-315_619_200, 500_000_000),
  vector: vector(1, 2.5),
  'with space': 'x',
})

describe('an entity', () => {
  it("is encoded as Google's emulator encodes it, every type of value", () => {
    const ours = encodeEntity('demo-export', '(default)', ['all', 'types'], TYPES)
    expect(Buffer.from(ours).toString('base64')).toBe(GOOGLES_TYPES)
    const decoded = decodeEntity(Buffer.from(GOOGLES_TYPES, 'base64'))
    expect(decoded).toMatchObject({ database: '(default)', segments: ['all', 'types'] })
    expect(decoded.fields('any')).toEqual(TYPES)
  })

  it('tells numeric ids and databases as such', () => {
    const googles = 'aiBqD2Rldn5kZW1vLWV4cG9ydHIHCxIBYxgFDLoBA2RiMnoJGgFuIAAqAggHggEHCxIBYxgFDA=='
    const ours = encodeEntity('demo-export', 'db2', ['c', '__id5__'], map({ n: 7n }))
    expect(Buffer.from(ours).toString('base64')).toBe(googles)
    expect(decodeEntity(ours)).toMatchObject({ database: 'db2', segments: ['c', '__id5__'] })
    // Not the way a number is written: a name.
    expect(decodeEntity(encodeEntity('p', 'd', ['c', '__id007__'], map({}))).segments).toEqual(['c', '__id007__'])
  })

  it('keeps any fields', () => {
    fc.assert(
      fc.property(anyFields, (fields) => {
        const { database, segments, fields: read } = decodeEntity(encodeEntity('p', 'd', ['a', 'b', 'c', 'd'], fields))
        expect({ database, segments }).toEqual({ database: 'd', segments: ['a', 'b', 'c', 'd'] })
        expect(identical(read('other'), fields)).toBe(true)
      }),
    )
  })

  it("gives references of Google Cloud's indexed properties the importing project", () => {
    const raw = Buffer.from(encodeEntity('p', '(default)', ['a', 'b'], map({ r: reference('x/y', 'p') })))
    const indexed = Buffer.from(raw)
    // 0x7a is the tag of a raw property, 0x72 that of an indexed one.
    indexed[indexed.indexOf(0x7a)] = 0x72
    const referred = (bytes: Buffer) => (decodeEntity(bytes).fields('importer').get('r') as Reference).name
    expect(referred(raw)).toBe('projects/p/databases/(default)/documents/x/y')
    expect(referred(indexed)).toBe('projects/importer/databases/(default)/documents/x/y')
  })

  it('that is none is refused, whatever it is', () => {
    const attempt = (bytes: Uint8Array) => {
      try {
        decodeEntity(bytes).fields('p')
      } catch (error) {
        if (!(error instanceof WireError)) throw error
      }
    }
    const whole = Buffer.from(GOOGLES_TYPES, 'base64')
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), attempt), { numRuns: 300 })
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, byte) => {
        const changed = Buffer.from(whole)
        changed[at] = byte
        attempt(changed)
        attempt(whole.subarray(0, at))
      }),
      { numRuns: 500 },
    )
    // A map in a map in a map ...
    let nested = map({})
    for (let i = 0; i < 200; i++) nested = map({ m: nested })
    expect(() => decodeEntity(encodeEntity('p', 'd', ['a', 'b'], nested))).toThrow(WireError)
    expect(() => decodeEntity(Uint8Array.of(0x6b))).toThrow(WireError)
  })
})

describe('a log', () => {
  it('keeps records of any size, whole or over many blocks', () => {
    const sizes = [0, 1, 32_754, 32_761, 32_755, 7, 100_000, 0, 32_768, 5]
    const records = sizes.map((size, i) => Buffer.alloc(size, i + 1))
    expect([...readLog(logOf(...records))].map((record) => Buffer.from(record))).toEqual(records)
  })

  it('is as Google writes it', () => {
    expect(logOf(Buffer.from('3')).toString('base64')).toBe('uG1ETgEAATM=')
    const fields = map({ s: 'y'.repeat(70_000) })
    const big = logOf(encodeEntity('demo-big', '(default)', ['big', 'doc'], fields))
    expect([big.length, crc32c(big)]).toEqual([70_083, 2_590_991_021])
  })

  it('that is cut or changed anywhere is refused, or ends before', () => {
    const records = [Buffer.from('one'), Buffer.alloc(40_000, 2), Buffer.from('three')]
    const log = logOf(...records)
    const bad = (bytes: Buffer) => {
      try {
        return [...readLog(bytes)].length
      } catch (error) {
        return (error as Error).message
      }
    }
    fc.assert(
      fc.property(fc.nat(log.length - 1), (at) => {
        const changed = Buffer.from(log)
        changed[at] = (changed[at] as number) ^ 0xff
        expect(['Invalid record', "Checksum doesn't validate."]).toContain(bad(changed))
        const left = bad(log.subarray(0, at))
        expect(left === 'Invalid record' || (left as number) < 3).toBe(true)
      }),
    )
  })

  it('lists the parts of an export', () => {
    const parts = [
      { metadataFile: 'all_namespaces/all_kinds/all_namespaces_all_kinds.export_metadata', entities: 10, bytes: 5306 },
    ]
    expect(encodeOverall(parts).toString('base64')).toBe(GOOGLES_OVERALL)
    expect(decodeOverall(Buffer.from(GOOGLES_OVERALL, 'base64'))).toEqual(parts)
    expect(encodeOverall([]).toString('base64')).toBe(GOOGLES_EMPTY_OVERALL)
    expect(decodeOverall(Buffer.from(GOOGLES_EMPTY_OVERALL, 'base64'))).toEqual([])
    const attempt = (bytes: Uint8Array) => {
      try {
        decodeOverall(logOf(Buffer.from('3'), bytes))
        decodeOutputFiles(bytes)
      } catch (error) {
        if (!(error instanceof WireError)) throw error
      }
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), attempt), { numRuns: 300 })
    for (const other of [Buffer.from('garbage'), Buffer.alloc(0), logOf(Buffer.from('4'))]) {
      expect(() => decodeOverall(other)).toThrow('Overall export metadata file version not supported')
    }
  })
})

const newFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'firestore-export-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

const start = async (options = {}) => {
  const started = await startFirestoreEngine(options)
  onTestFinished(() => started.close())
  const ask = async (verb: 'export' | 'import', body: unknown, method = 'POST') => {
    const url = `http://${started.host}:${started.port}/emulator/v1/projects/p:${verb}`
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const response = await fetch(url, method === 'GET' ? {} : { method, body: text })
    const json = (await response.json().catch(() => ({}))) as { error?: { message: string; status: string } }
    return response.status === 200 ? 200 : `${response.status} ${json.error?.message}`
  }
  return { ...started, ask }
}

const DATABASE = 'projects/p/databases/(default)'

describe('export and import over HTTP', () => {
  it('carry documents from one engine to another, database by database', async () => {
    const folder = await newFolder()
    const { engine, ask } = await start()
    const write = (database: string, path: string, fields: MapValue) => {
      const at = engine.database(`projects/p/databases/${database}`)
      const time = engine.store.timeline.commit()
      engine.store.apply(at, [{ segments: path.split('/'), before: null, fields, createTime: time, size: 0 }], time)
    }
    write('(default)', 'all/types', TYPES)
    write('(default)', 'missing/m/sub/y', map({ n: 6n }))
    write('(default)', 'large/doc', map({ bytes: new Uint8Array(900_000).fill(7) }))
    write('db2', 'c/x', map({ n: 8n }))
    for (const [database, name] of [
      ['(default)', 'one'],
      ['db2', 'two'],
      ['empty', 'none'],
    ]) {
      const body = { database: `projects/p/databases/${database}`, export_directory: folder, export_name: name }
      expect(await ask('export', body)).toBe(200)
      expect(await ask('export', body)).toBe(200)
    }
    const overall = (name: string) => join(folder, name, `${name}.overall_export_metadata`)
    expect(await readExport(overall('none'))).toEqual([])

    const other = await start()
    const read = (path: string, database = '(default)', project = 'q') =>
      other.engine.database(`projects/${project}/databases/${database}`).find(path.split('/'))?.at()
    const imported = (name: string, database: string) =>
      other.ask('import', { database: `projects/q/databases/${database}`, exportDirectory: overall(name) })
    expect(await imported('one', '(default)')).toBe(200)
    expect(await imported('two', 'db2')).toBe(200)
    expect(read('all/types')?.fields).toEqual(TYPES)
    expect(read('missing/m/sub/y')?.fields).toEqual(map({ n: 6n }))
    expect(read('large/doc')?.fields).toEqual(map({ bytes: new Uint8Array(900_000).fill(7) }))
    expect(read('c/x', 'db2')?.fields).toEqual(map({ n: 8n }))
    // Another database's documents are not meant.
    expect(await imported('two', '(default)')).toBe(200)
    expect(read('c/x')).toBeUndefined()

    // Once more: what is as it was keeps its times, what differs keeps the time it was created.
    const before = read('all/types')
    const database = other.engine.database('projects/q/databases/(default)')
    const time = other.engine.store.timeline.commit()
    const changed = read('missing/m/sub/y')
    if (!changed) throw new Error('not imported')
    const segments = ['missing', 'm', 'sub', 'y']
    const fields = map({ mine: 1n })
    const pending = { segments, before: changed, fields, createTime: changed.createTime, size: 9 }
    other.engine.store.apply(database, [pending], time)
    await imported('one', '(default)')
    expect(read('all/types')?.time).toBe(before?.time)
    expect(read('missing/m/sub/y')).toMatchObject({ fields: map({ n: 6n }), createTime: changed.createTime })
    expect(read('missing/m/sub/y')?.time).toBeGreaterThan(time)
  })

  it('take what gcloud exports: a part for each collection id, many files, indexed properties, empty files', async () => {
    const folder = await newFolder()
    // As recorded from what Google's emulator imports, in the same file as the others.
    const files = {
      'all_namespaces_kind_c.export_metadata': 'ChAKCnByb2R1Y3Rpb24QARgCEgwKABIIb3V0cHV0LTASDAoAEghvdXRwdXQtMQ==',
      'output-0':
        '4uJc9zEAAWoZag1zfmRlbW8tZXhwb3J0cggLEgFjIgFhDHIJGgFuIAAqAggDggEICxIBYyIBYQy6xbGhRQABaiNqDXN+ZGVtby1leHBvcnRyEgsS' +
        'AWMiC3dlaXJkIGlkIMO8DHIJGgFuIAAqAggFggESCxIBYyILd2VpcmQgaWQgw7wMh5WLQi8AAWoYag1zfmRlbW8tZXhwb3J0cgcLEgFjGAcMcgka' +
        'AW4gACoCCAKCAQcLEgFjGAcM',
      'output-1':
        'W5ObFUEAAWohag1zfmRlbW8tZXhwb3J0chALEgFjGP3//////////wEMcgkaAW4gACoCCAGCARALEgFjGP3//////////wEM/fO4VzsAAWojag1z' +
        'fmRlbW8tZXhwb3J0chILEgFjIgFhDAsSA3N1YiIBeAxyCRoBbiAAKgIIBIIBCAsSAWMiAWEM',
    }
    const part = 'all_namespaces/kind_c'
    await mkdir(join(folder, part), { recursive: true })
    for (const [name, base64] of Object.entries(files)) {
      await writeFile(join(folder, part, name), Buffer.from(base64, 'base64'))
    }
    const empty = 'all_namespaces/kind_empty/all_namespaces_kind_empty.export_metadata'
    await mkdir(dirname(join(folder, empty)))
    await writeFile(join(folder, empty), Buffer.from(files['all_namespaces_kind_c.export_metadata'], 'base64'))
    for (const name of ['output-0', 'output-1']) await writeFile(join(dirname(join(folder, empty)), name), '')
    const metadataFile = `${part}/all_namespaces_kind_c.export_metadata`
    const parts = [metadataFile, empty].map((file) => ({ metadataFile: file, entities: 0, bytes: 0 }))
    await writeFile(join(folder, 'any.overall_export_metadata'), encodeOverall(parts))
    const documents = await readExport(join(folder, 'any.overall_export_metadata'))
    expect(Object.fromEntries(documents.map((one) => [one.segments.join('/'), one.fields('p').get('n')]))).toEqual({
      'c/a': 3n,
      'c/weird id ü': 5n,
      'c/__id7__': 2n,
      'c/__id-3__': 1n,
      'c/a/sub/x': 4n,
    })
  })

  it('begin every database with the documents of an export', async () => {
    const folder = await newFolder()
    const first = await start({ seedFrom: undefined })
    const { store } = first.engine
    const time = store.timeline.commit()
    const one = { segments: ['c', 'a'], before: null, fields: map({ n: 1n }), createTime: time, size: 1 }
    store.apply(first.engine.database(DATABASE), [one], time)
    await first.ask('export', { database: DATABASE, export_directory: folder, export_name: 'e' })

    const { engine } = await start({ seedFrom: join(folder, 'e/e.overall_export_metadata') })
    const has = (database: string) => Boolean(engine.database(database).find(['c', 'a'])?.at())
    expect(has('projects/p1/databases/(default)')).toBe(true)
    expect(has('projects/p2/databases/(default)')).toBe(true)
    expect(has('projects/p1/databases/db2')).toBe(false)
    engine.store.clear(engine.database('projects/p1/databases/(default)'))
    expect(has('projects/p1/databases/(default)')).toBe(false)
    engine.reset()
    expect(has('projects/p1/databases/(default)')).toBe(true)
    await expect(startFirestoreEngine({ seedFrom: join(folder, 'no') })).rejects.toThrow(StatusError)
  })

  it('say what is wrong, as Google says it', async () => {
    const folder = await newFolder()
    const { ask } = await start()
    const database = DATABASE
    await writeFile(join(folder, 'file'), '')
    for (const export_directory of [join(folder, 'no'), join(folder, 'file'), 'relative', undefined]) {
      expect(await ask('export', { database, export_directory })).toBe('400 export_directory must be a directory')
    }
    expect(await ask('export', { export_directory: folder })).toBe('400 Database name "" lacks "projects" at index 0.')
    const payload = "400 Payload isn't valid for request."
    for (const body of ['[]', 'not json', { database, bogus: 1 }, { database: {} }])
      expect(await ask('export', body)).toBe(payload)
    expect(await ask('import', { database, export_name: 'n' })).toBe(payload)
    expect(await ask('export', { database, export_directory: folder, export_name: '../up' })).toMatch('400 export_name')
    expect(await ask('export', '', 'GET')).toMatch(/^404/)

    const bad = async (files: Record<string, Uint8Array | string>) => {
      const at = await mkdtemp(join(folder, 'bad-'))
      for (const [name, bytes] of Object.entries(files)) {
        await mkdir(dirname(join(at, name)), { recursive: true })
        await writeFile(join(at, name), bytes)
      }
      return (await ask('import', { database, export_directory: join(at, 'o') })).toString().replaceAll(at, '{dir}')
    }
    expect(await bad({})).toBe('400 Failed to parse overall export metadata file')
    expect(await bad({ o: 'garbage' })).toBe('400 Overall export metadata file version not supported')
    const o = encodeOverall([{ metadataFile: 'part', entities: 1, bytes: 1 }])
    expect(await bad({ o })).toBe('400 {dir}/part (No such file or directory)')
    const outside = encodeOverall([{ metadataFile: '../part', entities: 1, bytes: 1 }])
    expect(await bad({ o: outside })).toBe('400 Export metadata names a file outside of the export: ../part')
    const part = Buffer.from('CgISABIMCgASCG91dHB1dC0w', 'base64')
    expect(await bad({ o, part })).toBe('400 Failed parse entity file:{dir}/output-0')
    const log = logOf(Buffer.from(GOOGLES_TYPES, 'base64'))
    expect(await bad({ o, part, 'output-0': log.subarray(0, -9) })).toBe('400 Invalid record')
    log[50] = 0
    expect(await bad({ o, part, 'output-0': log })).toBe("400 Checksum doesn't validate.")
    expect(await bad({ o, part, 'output-0': logOf(Uint8Array.of(0x6b)) })).toMatch('400 Invalid entity in the export')
  })
})
