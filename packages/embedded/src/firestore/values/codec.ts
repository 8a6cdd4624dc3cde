import type { Reader, Writer } from 'protobufjs'
import { GeoPoint, MapValue, Reference, Timestamp, compareUtf8, isArray, type Value } from './value.ts'

// Field numbers of google.firestore.v1.Value, MapValue and ArrayValue, google.protobuf.Timestamp, google.type.LatLng.
const Tag = {
  BOOLEAN: 1,
  INTEGER: 2,
  DOUBLE: 3,
  REFERENCE: 5,
  MAP: 6,
  GEO_POINT: 8,
  ARRAY: 9,
  TIMESTAMP: 10,
  NULL: 11,
  STRING: 17,
  BYTES: 18,
} as const

const VARINT = 0
const FIXED64 = 1
const LENGTH_DELIMITED = 2
const key = (field: number, wireType: number): number => (field << 3) | wireType

// As the protobuf runtimes of other languages have it; the limit on documents (20 levels) is far below.
const MAX_NESTING = 100

const endOf = (reader: Reader, length: number | undefined): number => {
  const end = length === undefined ? reader.len : reader.pos + length
  if (end > reader.len) throw new RangeError('index out of range')
  return end
}

const nested = (reader: Reader): number => endOf(reader, reader.uint32())

// With `long` installed, which protobufjs depends on, 64-bit integers come as such pairs.
const readLong = (reader: Reader) => reader.int64() as unknown as { low: number; high: number }

/** A protobuf int64 as a number; exact as far as a double is. */
const readInt64AsNumber = (reader: Reader): number => {
  const long = readLong(reader)
  return long.high * 2 ** 32 + (long.low >>> 0)
}

const readInt64 = (reader: Reader): bigint => {
  const long = readLong(reader)
  if (long.high === 0) return BigInt(long.low >>> 0)
  return (BigInt(long.high) << 32n) | BigInt(long.low >>> 0)
}

/** A timestamp cut to whole microseconds, as Firestore stores it. */
export const decodeTimestamp = (reader: Reader, length?: number): Timestamp => {
  const end = endOf(reader, length)
  let seconds = 0
  let nanos = 0
  while (reader.pos < end) {
    const tag = reader.uint32()
    if (tag === key(1, VARINT)) seconds = readInt64AsNumber(reader)
    else if (tag === key(2, VARINT)) nanos = reader.int32()
    else reader.skipType(tag & 7)
  }
  return new Timestamp(seconds, nanos - (nanos % 1000))
}

const decodeGeoPoint = (reader: Reader, end: number): GeoPoint => {
  let latitude = 0
  let longitude = 0
  while (reader.pos < end) {
    const tag = reader.uint32()
    if (tag === key(1, FIXED64)) latitude = reader.double()
    else if (tag === key(2, FIXED64)) longitude = reader.double()
    else reader.skipType(tag & 7)
  }
  return new GeoPoint(latitude, longitude)
}

// Documents of one kind have the same field names: they share the strings, and mostly the array of them.
const MAX_SHARED = 10_000
const sharedNames = new Map<string, string>()
const sharedKeys = new Map<string, readonly string[]>()

const shareName = (name: string): string => {
  const known = sharedNames.get(name)
  if (known !== undefined) return known
  if (sharedNames.size >= MAX_SHARED) sharedNames.clear()
  sharedNames.set(name, name)
  return name
}

const shareKeys = (keys: readonly string[]): readonly string[] => {
  const last = keys.at(-1) as string
  const known = sharedKeys.get(last)
  if (known?.length === keys.length && known.every((name, i) => name === keys[i])) return known
  if (sharedKeys.size >= MAX_SHARED) sharedKeys.clear()
  sharedKeys.set(last, keys)
  return keys
}

/** Gathers map entries as they come and puts them in order; clients mostly send them in order already. */
class FieldsBuilder {
  #keys: string[] = []
  #values: Value[] = []
  #sorted = true

  add(name: string, value: Value): void {
    const last = this.#keys.at(-1)
    if (last !== undefined && compareUtf8(last, name) >= 0) this.#sorted = false
    this.#keys.push(name)
    this.#values.push(value)
  }

  build(): MapValue {
    if (this.#keys.length === 0) return MapValue.EMPTY
    if (this.#sorted) return new MapValue(shareKeys(this.#keys), this.#values)
    return MapValue.from(this.#keys.map((name, i) => [name, this.#values[i] as Value]))
  }
}

const decodeEntry = (reader: Reader, end: number, into: FieldsBuilder, depth: number): void => {
  let name = ''
  let value: Value = null
  while (reader.pos < end) {
    const tag = reader.uint32()
    if (tag === key(1, LENGTH_DELIMITED)) name = shareName(reader.string())
    else if (tag === key(2, LENGTH_DELIMITED)) value = decodeValue(reader, reader.uint32(), depth)
    else reader.skipType(tag & 7)
  }
  into.add(name, value)
}

const decodeMap = (reader: Reader, end: number, depth: number): MapValue => {
  const fields = new FieldsBuilder()
  while (reader.pos < end) {
    const tag = reader.uint32()
    if (tag === key(1, LENGTH_DELIMITED)) decodeEntry(reader, nested(reader), fields, depth)
    else reader.skipType(tag & 7)
  }
  return fields.build()
}

/** google.firestore.v1.ArrayValue */
export const decodeArray = (reader: Reader, length?: number, depth = 0): readonly Value[] => {
  const end = endOf(reader, length)
  const values: Value[] = []
  while (reader.pos < end) {
    const tag = reader.uint32()
    if (tag === key(1, LENGTH_DELIMITED)) values.push(decodeValue(reader, reader.uint32(), depth))
    else reader.skipType(tag & 7)
  }
  return values
}

/** google.firestore.v1.Value. A value of no known type is null. */
export const decodeValue = (reader: Reader, length?: number, depth = 0): Value => {
  if (depth > MAX_NESTING) throw new RangeError('maximum nesting depth exceeded')
  const end = endOf(reader, length)
  let value: Value = null
  while (reader.pos < end) {
    const tag = reader.uint32()
    switch (tag >>> 3) {
      case Tag.BOOLEAN:
        value = reader.bool()
        break
      case Tag.INTEGER:
        value = readInt64(reader)
        break
      case Tag.DOUBLE:
        value = reader.double()
        break
      case Tag.TIMESTAMP:
        value = decodeTimestamp(reader, reader.uint32())
        break
      case Tag.STRING:
        value = reader.string()
        break
      case Tag.BYTES:
        // A copy: the reader gives a view, which would keep the whole request alive.
        value = new Uint8Array(reader.bytes())
        break
      case Tag.REFERENCE:
        value = new Reference(reader.string())
        break
      case Tag.GEO_POINT:
        value = decodeGeoPoint(reader, nested(reader))
        break
      case Tag.ARRAY:
        value = decodeArray(reader, reader.uint32(), depth + 1)
        break
      case Tag.MAP:
        value = decodeMap(reader, nested(reader), depth + 1)
        break
      case Tag.NULL:
        reader.int32()
        value = null
        break
      default:
        reader.skipType(tag & 7)
    }
  }
  return value
}

export const encodeTimestamp = (time: Timestamp, writer: Writer): Writer => {
  if (time.seconds !== 0) writer.uint32(key(1, VARINT)).int64(time.seconds)
  if (time.nanos !== 0) writer.uint32(key(2, VARINT)).int32(time.nanos)
  return writer
}

const encodeFields = (fields: MapValue, tag: number, writer: Writer): void => {
  for (let i = 0; i < fields.keys.length; i++) {
    writer.uint32(key(tag, LENGTH_DELIMITED)).fork()
    writer.uint32(key(1, LENGTH_DELIMITED)).string(fields.keys[i] as string)
    encodeValue(fields.values[i] as Value, writer.uint32(key(2, LENGTH_DELIMITED)).fork()).ldelim()
    writer.ldelim()
  }
}

export const encodeArray = (values: readonly Value[], writer: Writer): Writer => {
  for (const value of values) encodeValue(value, writer.uint32(key(1, LENGTH_DELIMITED)).fork()).ldelim()
  return writer
}

const encodeInteger = (value: bigint, writer: Writer): void => {
  if (value >= -0x8000_0000n && value <= 0x7fff_ffffn) writer.int64(Number(value))
  else writer.int64({ low: Number(value & 0xffff_ffffn) | 0, high: Number(value >> 32n), unsigned: false })
}

/** google.firestore.v1.Value */
export const encodeValue = (value: Value, writer: Writer): Writer => {
  if (typeof value === 'string') return writer.uint32(key(Tag.STRING, LENGTH_DELIMITED)).string(value)
  if (typeof value === 'number') return writer.uint32(key(Tag.DOUBLE, FIXED64)).double(value)
  if (typeof value === 'boolean') return writer.uint32(key(Tag.BOOLEAN, VARINT)).bool(value)
  if (typeof value === 'bigint') {
    encodeInteger(value, writer.uint32(key(Tag.INTEGER, VARINT)))
    return writer
  }
  if (value === null) return writer.uint32(key(Tag.NULL, VARINT)).int32(0)
  if (value instanceof Timestamp) {
    return encodeTimestamp(value, writer.uint32(key(Tag.TIMESTAMP, LENGTH_DELIMITED)).fork()).ldelim()
  }
  if (value instanceof Reference) return writer.uint32(key(Tag.REFERENCE, LENGTH_DELIMITED)).string(value.name)
  if (value instanceof MapValue) {
    encodeFields(value, 1, writer.uint32(key(Tag.MAP, LENGTH_DELIMITED)).fork())
    return writer.ldelim()
  }
  if (isArray(value)) {
    return encodeArray(value, writer.uint32(key(Tag.ARRAY, LENGTH_DELIMITED)).fork()).ldelim()
  }
  if (value instanceof GeoPoint) {
    writer.uint32(key(Tag.GEO_POINT, LENGTH_DELIMITED)).fork()
    if (!Object.is(value.latitude, 0)) writer.uint32(key(1, FIXED64)).double(value.latitude)
    if (!Object.is(value.longitude, 0)) writer.uint32(key(2, FIXED64)).double(value.longitude)
    return writer.ldelim()
  }
  return writer.uint32(key(Tag.BYTES, LENGTH_DELIMITED)).bytes(value)
}

/** google.firestore.v1.Document. Without times it is a document that is named but missing. */
export interface DocumentMessage {
  name: string
  fields: MapValue
  createTime?: Timestamp
  updateTime?: Timestamp
}

const DOCUMENT_FIELDS = 2

export const decodeDocument = (reader: Reader, length?: number): DocumentMessage => {
  const end = endOf(reader, length)
  const fields = new FieldsBuilder()
  let name = ''
  while (reader.pos < end) {
    const tag = reader.uint32()
    if (tag === key(1, LENGTH_DELIMITED)) name = reader.string()
    else if (tag === key(DOCUMENT_FIELDS, LENGTH_DELIMITED)) decodeEntry(reader, nested(reader), fields, 0)
    else reader.skipType(tag & 7)
  }
  return { name, fields: fields.build() }
}

export const encodeDocument = (document: DocumentMessage, writer: Writer): Writer => {
  writer.uint32(key(1, LENGTH_DELIMITED)).string(document.name)
  encodeFields(document.fields, DOCUMENT_FIELDS, writer)
  if (document.createTime) {
    encodeTimestamp(document.createTime, writer.uint32(key(3, LENGTH_DELIMITED)).fork()).ldelim()
  }
  if (document.updateTime) {
    encodeTimestamp(document.updateTime, writer.uint32(key(4, LENGTH_DELIMITED)).fork()).ldelim()
  }
  return writer
}
