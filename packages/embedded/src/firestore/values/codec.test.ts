import fc from 'fast-check'
import protobuf from 'protobufjs'
import { describe, expect, test } from 'vitest'
import { loadProtos } from '../../wire/protos.ts'
import { anyFields, anyValue } from './arbitraries.ts'
import { decodeDocument, decodeValue, encodeDocument, encodeValue } from './codec.ts'
import { identical } from './order.ts'
import { MapValue, Timestamp } from './value.ts'

const root = loadProtos('firestore')
const valueType = root.lookupType('google.firestore.v1.Value')

describe('the encoding of values', () => {
  test('gives back what was put in', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const bytes = encodeValue(value, protobuf.Writer.create()).finish()
        expect(identical(decodeValue(protobuf.Reader.create(bytes), bytes.length), value)).toBe(true)
      }),
    )
  })

  test('is that of the definitions', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const bytes = encodeValue(value, protobuf.Writer.create()).finish()
        // Read and written again by protobufjs itself.
        const again = valueType.encode(valueType.decode(bytes)).finish()
        expect(identical(decodeValue(protobuf.Reader.create(again), again.length), value)).toBe(true)
      }),
    )
  })

  test('of documents keeps name, fields and times', () => {
    fc.assert(
      fc.property(anyFields, (fields) => {
        const name = 'projects/p/databases/d/documents/c/a'
        const bytes = encodeDocument(
          { name, fields, createTime: new Timestamp(1, 0) },
          protobuf.Writer.create(),
        ).finish()
        const document = decodeDocument(protobuf.Reader.create(bytes), bytes.length)
        expect(document.name).toBe(name)
        expect(identical(document.fields, fields)).toBe(true)
      }),
    )
  })
})

describe('the decoding of values', () => {
  const decode = (message: object) => {
    const bytes = valueType.encode(valueType.fromObject(message)).finish()
    return decodeValue(protobuf.Reader.create(bytes), bytes.length)
  }

  test('puts fields in order and takes the last of two with one name', () => {
    const fields = { b: { integerValue: 1 }, a: { integerValue: 2 } }
    expect(decode({ mapValue: { fields } })).toEqual(new MapValue(['a', 'b'], [2n, 1n]))
    expect(
      MapValue.from([
        ['a', 1n],
        ['a', 2n],
      ] as const).get('a'),
    ).toBe(2n)
  })

  test('cuts times to microseconds', () => {
    expect(decode({ timestampValue: { seconds: 5, nanos: 1999 } })).toEqual(new Timestamp(5, 1000))
  })

  test('keeps the extremes of int64', () => {
    for (const text of ['9223372036854775807', '-9223372036854775808', '-1', '4294967296', '-4294967297']) {
      expect(decode({ integerValue: text })).toBe(BigInt(text))
    }
  })

  test('refuses endless nesting', () => {
    let message: object = { nullValue: 0 }
    for (let i = 0; i < 150; i++) message = { mapValue: { fields: { m: message } } }
    expect(() => decode(message)).toThrow('maximum nesting depth exceeded')
  })
})
