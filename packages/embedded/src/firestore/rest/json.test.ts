import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyValue } from '../values/arbitraries.ts'
import { firestoreProtos } from '../rpc/codec.ts'
import { MapValue, Reference, Timestamp } from '../values/value.ts'
import { Double, compactJson, fromParsed, prettyJson } from './json-text.ts'
import { readMessage, writeMessage } from './message-json.ts'
import { readDocument, readValue, writeValue } from './value-json.ts'
import { JsonMismatch, parseJson, readBytes, readTimestamp, writeTimestamp } from './well-known.ts'

const protos = firestoreProtos()
const typeOf = (name: string) => protos.lookupType(`google.firestore.v1.${name}`)

describe('values', () => {
  test('come back from JSON as they went, but for the sign of zero', () => {
    fc.assert(
      fc.property(anyValue, fc.constantFrom(prettyJson, compactJson), (value, print) => {
        const text = print(writeValue(value))
        expect(print(writeValue(readValue(parseJson(text))))).toBe(
          text.replaceAll(/(?<="doubleValue": ?)-0\.0/g, '0.0'),
        )
      }),
    )
  })

  test.each([
    ['null by its name', { nullValue: 'NULL_VALUE' }, null],
    ['nothing', {}, null],
    ['no value of a kind', { stringValue: null }, null],
    ['an integer as a number', { integerValue: 5 }, 5n],
    ['an integer as a number with a fraction of nothing', { integerValue: '-9223372036854775808' }, -(2n ** 63n)],
    ['a double as text', { doubleValue: '-1.5e3' }, -1500],
    ['zero with a sign, as text', { doubleValue: '-0' }, -0],
    ['zero with a sign, as a number', { doubleValue: -0 }, 0],
    ['snake case', { string_value: 'x' }, 'x'],
    ['base64 of the other alphabet', { bytesValue: '_-8' }, Buffer.from([255, 239])],
    [
      'a time of another zone',
      { timestampValue: '2020-01-01T09:00:00.1234567+09:00' },
      new Timestamp(1577836800, 123_456_000),
    ],
    ['a reference', { referenceValue: 'x' }, new Reference('x')],
  ])('are read leniently: %s', (_, json, value) => {
    expect(readValue(json)).toEqual(value)
  })

  const deep = () => {
    let json: object = { integerValue: 1 }
    for (let i = 0; i < 101; i++) json = { arrayValue: { values: [json] } }
    return json
  }
  test.each<[string, unknown]>([
    ['none', null],
    ['an array', []],
    ['text', 'x'],
    ['two kinds', { stringValue: 'x', integerValue: 1 }],
    ['an unknown kind', { stringyValue: 'x' }],
    ['a number for text', { stringValue: 1 }],
    ['a fraction for an integer', { integerValue: 1.5 }],
    ['too large an integer', { integerValue: '9223372036854775808' }],
    ['no number', { doubleValue: 'x' }],
    ['hexadecimal', { doubleValue: '0x10' }],
    ['blank', { doubleValue: ' ' }],
    ['too large a number', { doubleValue: '1e999' }],
    ['no base64', { bytesValue: '*' }],
    ['no time', { timestampValue: 'yesterday' }],
    ['no such day', { timestampValue: '2023-02-29T00:00:00Z' }],
    ['before the year 1', { timestampValue: '0000-12-31T23:59:59Z' }],
    ['after the year 9999', { timestampValue: '9999-12-31T23:59:59-01:00' }],
    ['a leap second', { timestampValue: '2016-12-31T23:59:60Z' }],
    ['no array', { arrayValue: { values: {} } }],
    ['an array of no values', { arrayValue: { values: [null] } }],
    ['more of an array', { arrayValue: { more: 1 } }],
    ['fields of no values', { mapValue: { fields: { a: 1 } } }],
    ['more of a place', { geoPointValue: { altitude: 1 } }],
    ['a hundred levels', deep()],
  ])('are refused: %s', (_, json) => {
    expect(() => readValue(json)).toThrow(JsonMismatch)
  })

  test('have fields of any name, in order', () => {
    const fields = { ['__proto__']: { integerValue: 1 }, constructor: { integerValue: 2 }, '10': {}, '9': {}, '': {} }
    const map = readValue(JSON.parse(JSON.stringify({ mapValue: { fields } }))) as MapValue
    expect(map.keys).toEqual(['', '10', '9', '__proto__', 'constructor'])
    expect(compactJson(writeValue(map))).toMatch(/^\{"mapValue":\{"fields":\{"":.*,"10":.*,"9":.*,"__proto__":/)
  })

  test('are integers as exact as they are written', () => {
    const json = parseJson('{"integerValue": 9223372036854775807, "s": "12345678901234567890"}')
    expect(json).toEqual({ integerValue: '9223372036854775807', s: '12345678901234567890' })
    expect(parseJson('{"doubleValue": 12345678901234567.5e3}')).toEqual({ doubleValue: Number('12345678901234567500') })
  })
})

describe('messages', () => {
  test('have all fields at their defaults that are not set', () => {
    const request = readMessage(typeOf('ListDocumentsRequest'), { parent: 'p', page_size: '3', readTime: null })
    expect(request).toMatchObject({ parent: 'p', pageSize: 3, pageToken: '', showMissing: false, mask: null })
    const consistent = readMessage(typeOf('GetDocumentRequest'), { transaction: 'AQI=' })
    expect(consistent).toMatchObject({ consistencySelector: 'transaction', transaction: Buffer.from([1, 2]) })
  })

  test.each<[string, unknown]>([
    ['WriteRequest', { writes: [{ update: {}, delete: 'x' }] }],
    ['CommitRequest', { writes: 'x' }],
    ['CommitRequest', { writes: [null] }],
    ['CommitRequest', { __proto__: null, constructor: 1 }],
    ['RunQueryRequest', { structuredQuery: { limit: 2 ** 31 } }],
    ['RunQueryRequest', { structuredQuery: { from: [{ collectionId: 1 }] } }],
    ['RunQueryRequest', { structuredQuery: { orderBy: [{ direction: 'SIDEWAYS' }] } }],
    ['DocumentMask', { fieldPaths: [1] }],
    ['DocumentMask', []],
  ])('that do not fit are refused: %s %j', (type, json) => {
    expect(() => readMessage(typeOf(type), json)).toThrow(JsonMismatch)
  })

  test('are read or refused, whatever they are', () => {
    const names = fc.constantFrom('CommitRequest', 'RunQueryRequest', 'ListenRequest', 'RunAggregationQueryRequest')
    const keys = fc.constantFrom(
      ...['writes', 'update', 'fields', 'name', 'structuredQuery', 'where', 'compositeFilter', 'filters', 'limit'],
      ...['value', 'addTarget', 'query', 'aggregations', 'count', 'upTo', 'transaction', 'readTime', 'mapValue'],
    )
    const { json } = fc.letrec((tie) => ({
      json: fc.oneof({ maxDepth: 6 }, fc.jsonValue({ maxDepth: 1 }), tie('list'), tie('object')),
      list: fc.array(tie('json'), { maxLength: 3 }),
      object: fc.dictionary(keys, tie('json'), { maxKeys: 3 }),
    }))
    fc.assert(
      fc.property(names, json, (name, value) => {
        try {
          readMessage(typeOf(name), value)
        } catch (error) {
          expect(error).toBeInstanceOf(JsonMismatch)
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('are written without what is at its default', () => {
    const response = { document: undefined, transaction: new Uint8Array(), skippedResults: 0, done: false }
    expect(compactJson(writeMessage(typeOf('RunQueryResponse'), response))).toBe('{"done":false}')
    const result = { result: { aggregateFields: { b: null, a: 1n } } }
    expect(compactJson(writeMessage(typeOf('RunAggregationQueryResponse'), result))).toBe(
      '{"result":{"aggregateFields":{"a":{"integerValue":"1"},"b":{"nullValue":null}}}}',
    )
  })

  test('of a document have no times to set', () => {
    expect(readDocument({ name: 'n', createTime: '2020-01-01T00:00:00Z' })).toEqual({
      name: 'n',
      fields: MapValue.EMPTY,
    })
    expect(() => readDocument({ updateTime: 'x' })).toThrow(JsonMismatch)
  })
})

describe('as text', () => {
  test.each([
    [0, '0.0'],
    [-0, '-0.0'],
    [1, '1.0'],
    [-1.5, '-1.5'],
    [9_999_999, '9999999.0'],
    [1e7, '1.0E7'],
    [0.001, '0.001'],
    [0.000_999, '9.99E-4'],
    [5e-324, '5.0E-324'],
    [Number.MAX_VALUE, '1.7976931348623157E308'],
  ])('a double is written as Google does: %s', (value, text) => {
    expect(String(new Double(value))).toBe(text)
    expect(Number(text)).toBe(value)
  })

  test('JSON is what it was', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const json: unknown = JSON.parse(JSON.stringify(JSON.parse(text)))
        for (const print of [prettyJson, compactJson]) expect(JSON.parse(print(fromParsed(json)))).toEqual(json)
      }),
    )
  })

  test('a time comes back', () => {
    const seconds = fc.integer({ min: -62_135_596_800, max: 253_402_300_799 })
    const micros = fc.integer({ min: 0, max: 999_999 })
    fc.assert(
      fc.property(seconds, micros, (s, us) => {
        const time = new Timestamp(s, us * 1000)
        expect(readTimestamp(writeTimestamp(time))).toEqual(time)
      }),
    )
  })

  test('bytes may lack their padding', () => {
    expect([...readBytes('AQ')]).toEqual([1])
  })
})
