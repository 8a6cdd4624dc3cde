import type { DocumentMessage } from '../values/codec.ts'
import { GeoPoint, MapValue, Reference, Timestamp, isArray, type Value } from '../values/value.ts'
import { Double, type JsonOut } from './json-text.ts'
import {
  JsonMismatch,
  camelCase,
  readArray,
  readBoolean,
  readBytes,
  readDouble,
  readInt64,
  readObject,
  readString,
  readTimestamp,
  writeBytes,
  writeTimestamp,
} from './well-known.ts'

// As for values in bytes; the limit on documents (20 levels) is far below.
const MAX_NESTING = 100

/** The members of an object that are set, by their names in camel case; null is a member that is not set. */
const members = (json: unknown): [string, unknown][] =>
  Object.entries(readObject(json)).map(([name, value]) => [camelCase(name), value])

const only = (json: unknown, member: string): unknown => {
  let found: unknown = null
  for (const [name, value] of members(json)) {
    if (name !== member) throw new JsonMismatch(`unknown field ${name}`)
    found = value
  }
  return found
}

const readLatLng = (json: unknown): GeoPoint => {
  const coordinates = { latitude: 0, longitude: 0 }
  for (const [name, value] of members(json)) {
    if (name !== 'latitude' && name !== 'longitude') throw new JsonMismatch(`unknown field ${name}`)
    if (value !== null) coordinates[name] = readDouble(value)
  }
  return new GeoPoint(coordinates.latitude, coordinates.longitude)
}

const readFields = (json: unknown, depth: number): MapValue => {
  if (json === null) return MapValue.EMPTY
  const entries = Object.entries(readObject(json))
  return MapValue.from(entries.map(([name, value]) => [readString(name), readValue(value, depth)]))
}

export const readArrayValue = (json: unknown, depth = 0): readonly Value[] => {
  const values = only(json, 'values')
  return values === null ? [] : readArray(values).map((value) => readValue(value, depth))
}

const readKind = (kind: string, json: unknown, depth: number): Value => {
  switch (kind) {
    case 'booleanValue':
      return readBoolean(json)
    case 'integerValue':
      return readInt64(json)
    case 'doubleValue':
      return readDouble(json)
    case 'stringValue':
      return readString(json)
    case 'timestampValue':
      return readTimestamp(json)
    case 'bytesValue':
      return readBytes(json)
    case 'referenceValue':
      return new Reference(readString(json))
    case 'geoPointValue':
      return readLatLng(json)
    case 'arrayValue':
      return readArrayValue(json, depth + 1)
    case 'mapValue':
      return readFields(only(json, 'fields'), depth + 1)
    default:
      throw new JsonMismatch(`unknown kind of value ${kind}`)
  }
}

/** google.firestore.v1.Value. A value that tells no kind is null. Throws JsonMismatch. */
export const readValue = (json: unknown, depth = 0): Value => {
  if (depth > MAX_NESTING) throw new JsonMismatch('nested too deeply')
  const kinds = members(json)
  if (kinds.length > 1) throw new JsonMismatch('a value has one kind')
  const [kind, content] = kinds[0] ?? ['nullValue', null]
  if (kind === 'nullValue') {
    if (content !== null && content !== 'NULL_VALUE' && content !== 0) throw new JsonMismatch('not null')
    return null
  }
  return content === null ? null : readKind(kind, content, depth)
}

const DOCUMENT_TIMES = new Set(['createTime', 'updateTime'])

/** google.firestore.v1.Document; its times, which the server sets, are read and forgotten. Throws JsonMismatch. */
export const readDocument = (json: unknown): DocumentMessage => {
  const document: DocumentMessage = { name: '', fields: MapValue.EMPTY }
  for (const [name, value] of members(json)) {
    if (name === 'fields') document.fields = readFields(value, 0)
    else if (name === 'name') document.name = value === null ? '' : readString(value)
    else if (!DOCUMENT_TIMES.has(name)) throw new JsonMismatch(`unknown field ${name}`)
    else if (value !== null) readTimestamp(value)
  }
  return document
}

const one = (name: string, value: JsonOut): ReadonlyMap<string, JsonOut> => new Map([[name, value]])

export const writeDouble = (value: number): JsonOut => (Number.isFinite(value) ? new Double(value) : String(value))

const writeFields = ({ keys, values }: MapValue): ReadonlyMap<string, JsonOut> =>
  new Map(keys.map((key, i) => [key, writeValue(values[i] as Value)]))

export const writeArrayValue = (values: readonly Value[]): ReadonlyMap<string, JsonOut> =>
  values.length === 0 ? new Map() : one('values', values.map(writeValue))

/** google.firestore.v1.Value */
export const writeValue = (value: Value): ReadonlyMap<string, JsonOut> => {
  if (typeof value === 'string') return one('stringValue', value)
  if (typeof value === 'number') return one('doubleValue', writeDouble(value))
  if (typeof value === 'boolean') return one('booleanValue', value)
  if (typeof value === 'bigint') return one('integerValue', String(value))
  if (value === null) return one('nullValue', null)
  if (value instanceof Timestamp) return one('timestampValue', writeTimestamp(value))
  if (value instanceof Reference) return one('referenceValue', value.name)
  if (value instanceof MapValue) {
    return one('mapValue', value.keys.length === 0 ? new Map() : one('fields', writeFields(value)))
  }
  if (isArray(value)) return one('arrayValue', writeArrayValue(value))
  if (value instanceof GeoPoint) {
    const coordinates = Object.entries({ latitude: value.latitude, longitude: value.longitude })
    return one('geoPointValue', new Map(coordinates.filter(([, c]) => c !== 0).map(([n, c]) => [n, writeDouble(c)])))
  }
  return one('bytesValue', writeBytes(value))
}

/** google.firestore.v1.Document */
export const writeDocument = ({ name, fields, createTime, updateTime }: DocumentMessage): JsonOut => {
  const json = new Map<string, JsonOut>([['name', name]])
  if (fields.keys.length > 0) json.set('fields', writeFields(fields))
  if (createTime) json.set('createTime', writeTimestamp(createTime))
  if (updateTime) json.set('updateTime', writeTimestamp(updateTime))
  return json
}
