import avsc from 'avsc'
import fc from 'fast-check'
import protobuf from 'protobufjs'
import { expect, test } from 'vitest'
import { Encoding, mismatch, parseDefinition, SchemaType } from './definition.ts'

const { AVRO, PROTOCOL_BUFFER } = SchemaType
const { JSON: AS_JSON, BINARY } = Encoding

const everything = {
  type: 'record',
  name: 'Everything',
  namespace: 'n',
  fields: [
    { name: 'i', type: 'int' },
    { name: 'l', type: 'long' },
    { name: 'd', type: 'double', default: 1 },
    { name: 'b', type: 'bytes' },
    { name: 'yes', type: 'boolean' },
    { name: 'list', type: { type: 'array', items: 'string' } },
    { name: 'map', type: { type: 'map', values: 'float' } },
    { name: 'colour', type: { type: 'enum', name: 'Colour', symbols: ['RED', 'BLUE'] } },
    { name: 'fixed', type: { type: 'fixed', name: 'Two', size: 2 } },
    { name: 'union', type: ['null', 'string', 'Colour'] },
    { name: 'next', type: ['null', 'Everything'] },
  ],
}
const avro = parseDefinition(AVRO, JSON.stringify(everything))
const value = {
  i: -(2 ** 31),
  l: 2 ** 62,
  d: 0.5,
  b: '\u00ff\u0000',
  yes: true,
  list: ['a', ''],
  map: { k: 1.5 },
  colour: 'BLUE',
  fixed: 'ab',
  union: { 'n.Colour': 'RED' },
  next: null,
}
const json = (data: unknown) => Buffer.from(JSON.stringify(data))

test('Avro in JSON, with the members of unions under their type', () => {
  expect(mismatch(avro, AS_JSON, json(value))).toBeUndefined()
  expect(mismatch(avro, AS_JSON, json({ ...value, next: { 'n.Everything': value } }))).toBeUndefined()
  expect(mismatch(avro, AS_JSON, json({ ...value, union: { string: 'x' } }))).toBeUndefined()
})

test.each([
  [{ i: 2 ** 31 }, 'message.i: expected int'],
  [{ l: 2 ** 63 }, 'message.l: expected long'],
  [{ d: '1' }, 'message.d: expected double'],
  [{ d: undefined }, 'message: field d is missing'],
  [{ b: '\u0100' }, 'message.b: expected bytes'],
  [{ yes: 1 }, 'message.yes: expected boolean'],
  [{ list: ['a', null] }, 'message.list[1]: expected string'],
  [{ map: [] }, 'message.map: expected an object'],
  [{ colour: 'GREEN' }, 'message.colour: expected a symbol of the enum'],
  [{ fixed: 'a' }, 'message.fixed: expected 2 bytes as text'],
  [{ union: 'x' }, 'message.union: expected one member of the union'],
  [{ union: { string: 'x', null: null } }, 'message.union: expected one member of the union'],
  [{ more: 1 }, 'message: field more is not in the schema'],
])('Avro in JSON is refused with %j', (change, reason) => {
  expect(mismatch(avro, AS_JSON, json({ ...value, ...change }))).toBe(reason)
})

test('Avro in binary, as its library writes it', () => {
  const type = avsc.Type.forSchema(everything as never, { wrapUnions: 'always' })
  const bytes = type.toBuffer({ ...value, l: 7, b: Buffer.from([255]), fixed: Buffer.from('ab') })
  expect(mismatch(avro, BINARY, bytes)).toBeUndefined()
  expect(mismatch(avro, BINARY, Buffer.concat([bytes, Buffer.alloc(1)]))).toBe('Too much data to parse for schema')
  for (let length = 0; length < bytes.length; length++) {
    expect(mismatch(avro, BINARY, bytes.subarray(0, length)), `${length} bytes`).toBeDefined()
  }
})

test('blocks of an array may tell their length in bytes', () => {
  const strings = parseDefinition(AVRO, '{"type": "array", "items": "string"}')
  expect(mismatch(strings, BINARY, Buffer.from('03080261026200', 'hex'))).toBeUndefined()
  expect(mismatch(strings, BINARY, Buffer.from('0302610208026200', 'hex'))).toBeDefined()
})

test('whatever the library writes for a random value fits, in both encodings', () => {
  const type = avsc.Type.forSchema(everything as never, { wrapUnions: 'always' })
  for (let run = 0; run < 300; run++) {
    const random: unknown = type.random()
    expect(mismatch(avro, BINARY, type.toBuffer(random))).toBeUndefined()
    expect(mismatch(avro, AS_JSON, Buffer.from(type.toString(random)))).toBeUndefined()
  }
})

test('lengths and counts that lie are found out without being believed', () => {
  const nulls = parseDefinition(AVRO, '{"type": "array", "items": "null"}')
  const strings = parseDefinition(AVRO, '{"type": "array", "items": "string"}')
  const bytes = parseDefinition(AVRO, '"bytes"')
  const huge = Buffer.from('feffffffffffffffff01', 'hex')
  expect(mismatch(nulls, BINARY, Buffer.concat([huge, Buffer.alloc(1)]))).toBeUndefined()
  expect(mismatch(strings, BINARY, huge)).toBe('Not enough data to parse for schema')
  expect(mismatch(bytes, BINARY, huge)).toBe('Not enough data to parse for schema')
  expect(mismatch(bytes, BINARY, Buffer.from('01', 'hex'))).toBe('Not enough data to parse for schema')
})

const proto = parseDefinition(
  PROTOCOL_BUFFER,
  `syntax = "proto3"; package p.q; message M { string name = 1; int64 number = 2; repeated M kids = 3; enum E { A = 0; } E e = 4; }`,
)

test('protobuf in JSON and in binary', () => {
  expect(mismatch(proto, AS_JSON, json({ name: 'x', number: '7', kids: [{ e: 'A' }] }))).toBeUndefined()
  expect(mismatch(proto, BINARY, Buffer.from('0a0178', 'hex'))).toBeUndefined()
  expect(mismatch(proto, BINARY, Buffer.alloc(0))).toBeUndefined()
  for (const data of [{ nome: 'x' }, { name: 1 }, { e: 'B' }, [], 'x']) {
    expect(mismatch(proto, AS_JSON, json(data)), JSON.stringify(data)).toBeDefined()
  }
  expect(mismatch(proto, BINARY, Buffer.from('0a0578', 'hex'))).toBeDefined()
  expect(mismatch(proto, BINARY, Buffer.from('not a message'))).toBeDefined()
})

test('a required field must be there, in both encodings', () => {
  const definition = parseDefinition(PROTOCOL_BUFFER, 'message M { required string a = 1; optional M m = 2; }')
  expect(mismatch(definition, AS_JSON, json({ a: '', m: { a: 'x' } }))).toBeUndefined()
  expect(mismatch(definition, AS_JSON, json({ a: 'x', m: {} }))).toBeDefined()
  expect(mismatch(definition, BINARY, Buffer.alloc(0))).toBeDefined()
})

test.each([
  [AVRO, ''],
  [AVRO, 'woohoo i am a schema, no really'],
  [AVRO, '{"not_actually":"avro"}'],
  [AVRO, '{"BAD_VALUE":null}'],
  [AVRO, '["null", "string"]'],
  [AVRO, '{"type":"record","name":"R","fields":[{"name":"a","type":"missing"}]}'],
  [AVRO, '['.repeat(100_000)],
  [PROTOCOL_BUFFER, ''],
  [PROTOCOL_BUFFER, 'syntax = "proto3";'],
  [PROTOCOL_BUFFER, 'message A {'],
  [PROTOCOL_BUFFER, 'message A { } message B { }'],
  [PROTOCOL_BUFFER, 'message A { Missing m = 1; }'],
  [PROTOCOL_BUFFER, 'message A { string a = 1; string b = 1; }'],
  [PROTOCOL_BUFFER, 'syntax = "proto3"; message A { enum E { B = 1; } E e = 1; }'],
  [PROTOCOL_BUFFER, 'import "other.proto"; message A { }'],
  [PROTOCOL_BUFFER, 'service S { } message A { }'],
  [0, '{}'],
])('type %i cannot be defined by %s', (type, source) => {
  expect(() => parseDefinition(type, source)).toThrow(expect.objectContaining({ code: 3 }) as Error)
})

test('the error of a definition that does not parse is in the words of production', () => {
  expect(() => parseDefinition(AVRO, '{')).toThrow('Invalid schema definition: Could not parse schema.')
})

const record = (...fields: object[]) => JSON.stringify({ type: 'record', name: 'R', fields })
const a = { name: 'a', type: 'string' }
const optional = { name: 'o', type: 'int', default: 0 }

test.each([
  [AVRO, record(a), record(a, optional), true],
  [AVRO, record(a, optional), record(a), true],
  [AVRO, record(a), record(a, { name: 'r', type: 'int' }), false],
  [AVRO, record(a), record({ name: 'a', type: 'int' }), false],
  [
    PROTOCOL_BUFFER,
    'message A { optional int32 a = 1; }',
    'message A { optional int32 a = 1; optional int32 b = 2; }',
    true,
  ],
  [PROTOCOL_BUFFER, 'message A { optional int32 a = 1; }', 'message A { }', true],
  [PROTOCOL_BUFFER, 'message A { }', 'message A { required int32 a = 1; }', false],
  [PROTOCOL_BUFFER, 'message A { optional int32 a = 1; }', 'message A { optional string a = 1; }', false],
  [PROTOCOL_BUFFER, 'message A { optional int32 a = 1; }', 'message A { optional int32 a = 2; }', false],
])('type %i: from %s to %s: %s', (type, before, after, allowed) => {
  const refusal = parseDefinition(type, before).refusalOf(parseDefinition(type, after))
  expect(refusal === undefined).toBe(allowed)
})

test('no definition and no data crash the engine', () => {
  const definitions = fc.oneof(
    fc.json(),
    fc.string(),
    fc.stringMatching(/^(message|enum|syntax|import|optional|oneof|map|A|B|=|1|"proto3"|[ {}<>;,."]){0,30}$/),
  )
  const data = fc.uint8Array({ maxLength: 64 })
  fc.assert(
    fc.property(fc.constantFrom(AVRO, PROTOCOL_BUFFER), definitions, data, (type, source, bytes) => {
      try {
        mismatch(parseDefinition(type, source), BINARY, bytes)
      } catch (error) {
        expect(error).toMatchObject({ code: 3 })
      }
      for (const definition of [avro, proto]) {
        for (const encoding of [AS_JSON, BINARY]) expect(mismatch(definition, encoding, bytes)).not.toBe('')
      }
    }),
    { numRuns: 500 },
  )
})

test('protobuf data that the library writes fits', () => {
  const type = protobuf.parse('message M { optional double d = 1; map<string, int32> m = 2; }').root.lookupType('M')
  const definition = parseDefinition(PROTOCOL_BUFFER, 'message M { optional double d = 1; map<string, int32> m = 2; }')
  expect(mismatch(definition, BINARY, type.encode({ d: 1, m: { a: 1 } }).finish())).toBeUndefined()
})
