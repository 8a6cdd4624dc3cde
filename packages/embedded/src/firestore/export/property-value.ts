import type protobuf from 'protobufjs'
import { GeoPoint, MapValue, Reference, Timestamp, isArray, type Value } from '../values/value.ts'
import { APP_PREFIX, DEFAULT_DATABASE, readPathElement, writePathElement, type PathFields } from './key-path.ts'
import {
  FIXED64,
  LENGTH_DELIMITED,
  VARINT,
  readFields,
  tag,
  writeGroup,
  writeInt64,
  writeString,
  type FieldReader,
} from './wire.ts'

// Field numbers of storage_onestore_v3.PropertyValue.
const INT64 = 1
const BOOLEAN = 2
const STRING = 3
const DOUBLE = 4
const POINT = 5
const POINT_X = 6
const POINT_Y = 7
const REFERENCE = 12
const REFERENCE_APP = 13
const REFERENCE_ELEMENT = 14
const REFERENCE_DATABASE = 23
const ELEMENT: PathFields = { type: 15, id: 16, name: 17 }

/** What a property says of its value beyond the type. */
export const Meaning = {
  GD_WHEN: 7,
  GEORSS_POINT: 9,
  BLOB: 14,
  BYTESTRING: 16,
  ENTITY_PROTO: 19,
  EMPTY_LIST: 24,
} as const

export const meaningOf = (value: Value): number | undefined => {
  if (value instanceof Timestamp) return Meaning.GD_WHEN
  if (value instanceof GeoPoint) return Meaning.GEORSS_POINT
  if (value instanceof Uint8Array) return Meaning.BLOB
  if (value instanceof MapValue) return Meaning.ENTITY_PROTO
  return undefined
}

const microsOf = ({ seconds, nanos }: Timestamp): bigint =>
  BigInt(seconds) * 1_000_000n + BigInt(Math.floor(nanos / 1000))

const timestampOf = (micros: bigint): Timestamp => {
  const rest = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n
  return new Timestamp(Number((micros - rest) / 1_000_000n), Number(rest) * 1000)
}

const writeReference = (writer: protobuf.Writer, { name }: Reference): void => {
  // What a reference names is not looked at when it is stored.
  const [, project = '', , databaseId = '', , ...segments] = name.split('/')
  writeGroup(writer, REFERENCE, () => {
    writeString(writer, REFERENCE_APP, APP_PREFIX + project)
    for (let i = 0; i < segments.length; i += 2) {
      writeGroup(writer, REFERENCE_ELEMENT, () =>
        writePathElement(writer, ELEMENT, segments[i] ?? '', segments[i + 1] ?? ''),
      )
    }
    if (databaseId !== DEFAULT_DATABASE) writeString(writer, REFERENCE_DATABASE, databaseId)
  })
}

/** Writes any value but an array. `encodeMap` makes an entity of a map. */
export const writeValue = (writer: protobuf.Writer, value: Value, encodeMap: (map: MapValue) => Uint8Array): void => {
  if (value === null || isArray(value)) return
  if (typeof value === 'boolean') writer.uint32(tag(BOOLEAN, VARINT)).bool(value)
  else if (typeof value === 'bigint') writeInt64(writer, INT64, value)
  else if (typeof value === 'number') writer.uint32(tag(DOUBLE, FIXED64)).double(value)
  else if (typeof value === 'string') writeString(writer, STRING, value)
  else if (value instanceof Timestamp) writeInt64(writer, INT64, microsOf(value))
  else if (value instanceof Reference) writeReference(writer, value)
  else if (value instanceof MapValue) writer.uint32(tag(STRING, LENGTH_DELIMITED)).bytes(encodeMap(value))
  else if (value instanceof GeoPoint) {
    writeGroup(writer, POINT, () => {
      writer.uint32(tag(POINT_X, FIXED64)).double(value.latitude)
      writer.uint32(tag(POINT_Y, FIXED64)).double(value.longitude)
    })
  } else writer.uint32(tag(STRING, LENGTH_DELIMITED)).bytes(value)
}

/** A value, once it is known of which project it is. */
export type ReadValue = (project: string) => Value

const readPoint = (field: FieldReader): GeoPoint => {
  let latitude = 0
  let longitude = 0
  field.fields((part) => {
    if (part.field === POINT_X) latitude = part.double()
    else if (part.field === POINT_Y) longitude = part.double()
  })
  return new GeoPoint(latitude, longitude)
}

const readReference = (field: FieldReader, ofImporter: boolean): ReadValue => {
  let app = ''
  let database = DEFAULT_DATABASE
  const path: string[] = []
  field.fields((part) => {
    if (part.field === REFERENCE_APP) app = part.text()
    else if (part.field === REFERENCE_ELEMENT) path.push(...readPathElement(part, ELEMENT))
    else if (part.field === REFERENCE_DATABASE) database = part.text() || DEFAULT_DATABASE
  })
  const own = app.slice(app.indexOf('~') + 1)
  return (project) =>
    new Reference(`projects/${ofImporter ? project : own}/databases/${database}/documents/${path.join('/')}`)
}

// Bytes that are no text may stand where a text should: old exports do not mark them.
const textOrBytes = (bytes: Uint8Array): Value => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return new Uint8Array(bytes)
  }
}

const readString = (bytes: Uint8Array, meaning: number, decodeMap: (bytes: Uint8Array) => MapValue): Value => {
  if (meaning === Meaning.BLOB || meaning === Meaning.BYTESTRING) return new Uint8Array(bytes)
  return meaning === Meaning.ENTITY_PROTO ? decodeMap(bytes) : textOrBytes(bytes)
}

/** Reads a value; nothing at all is null. `ofImporter`: references are to the project that imports. */
export const readValue = (
  bytes: Uint8Array,
  meaning: number,
  ofImporter: boolean,
  decodeMap: (bytes: Uint8Array) => MapValue,
): ReadValue => {
  let read: ReadValue = () => null
  const is = (value: Value) => {
    read = () => value
  }
  readFields(bytes, (field) => {
    if (field.field === INT64) {
      const number = field.int64()
      is(meaning === Meaning.GD_WHEN ? timestampOf(number) : number)
    } else if (field.field === BOOLEAN) is(field.int64() !== 0n)
    else if (field.field === STRING) is(readString(field.bytes(), meaning, decodeMap))
    else if (field.field === DOUBLE) is(field.double())
    else if (field.field === POINT) is(readPoint(field))
    else if (field.field === REFERENCE) read = readReference(field, ofImporter)
  })
  return read
}
