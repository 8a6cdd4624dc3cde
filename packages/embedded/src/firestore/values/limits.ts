import { Code, StatusError } from '../../wire/status-error.ts'
import { isReserved } from '../names.ts'
import { rankOf } from './order.ts'
import { GeoPoint, MapValue, Reference, Timestamp, isArray, vectorElements, type Value } from './value.ts'

/** Source of the limits: https://firebase.google.com/docs/firestore/quotas#collections_documents_and_fields */
export const MAX_DOCUMENT_BYTES = 1_048_576
const MAX_VALUE_BYTES = 1_048_487
const MAX_NAME_BYTES = 1500
const MAX_DEPTH = 20
const MAX_VECTOR_DIMENSIONS = 2048

const invalid = (message: string) => new StatusError(Code.INVALID_ARGUMENT, message)

const TYPE_NAMES = [
  'NULL',
  'BOOLEAN',
  'LONG',
  'TIMESTAMP',
  'STRING',
  'BYTES',
  'ENTITY_REF',
  'GEO_POINT',
  'ARRAY',
  'VECTOR',
  'MAP',
]

const typeName = (value: Value): string => (typeof value === 'number' ? 'DOUBLE' : (TYPE_NAMES[rankOf(value)] ?? ''))

/** Checks a vector's map and gives its elements. `NaN` is for the caller to judge. Throws INVALID_ARGUMENT. */
export const requireVector = (map: MapValue): readonly number[] => {
  const elements = map.get('value')
  if (elements === undefined) throw invalid("Vector map is missing key 'value'.")
  if (!isArray(elements)) throw invalid('Vector value type must be an array.')
  if (map.keys.length > 2) throw invalid('Vector value map has extraneous entries.')
  if (elements.length === 0) throw invalid('Cannot have a zero length vector.')
  if (elements.length > MAX_VECTOR_DIMENSIONS) {
    throw invalid(`Vectors must be at most ${MAX_VECTOR_DIMENSIONS} dimensions.`)
  }
  const numbers = elements.filter((element) => typeof element === 'number')
  if (numbers.length !== elements.length) throw invalid("Vector must only contain values of type 'double'")
  return numbers
}

// A map with the key `__type__` stands for a value of another type; only vectors are one.
const requireTyped = (map: MapValue, type: Value, property: string): void => {
  if (typeof type !== 'string') throw invalid(`Field __type__ must be a string; founds ${typeName(type)}.`)
  if (type !== '__vector__') throw invalid(`Property ${property} contains an invalid nested entity.`)
  if (requireVector(map).some(Number.isNaN)) throw invalid('Vector cannot contain NaN values.')
}

const requireContent = (value: Value, property: string, inArray: boolean): void => {
  if (isArray(value)) {
    if (inArray) throw invalid('Nested arrays are not allowed')
    for (const element of value) requireContent(element, 'array', true)
  } else if (value instanceof MapValue) {
    const type = value.get('__type__')
    if (type !== undefined) return requireTyped(value, type, property)
    for (let i = 0; i < value.keys.length; i++) {
      const name = value.keys[i] as string
      if (isReserved(name)) throw invalid(`field name '${name}' is reserved.`)
      requireContent(value.values[i] as Value, property, false)
    }
  }
}

// Few strings come near a limit in bytes; the rest is settled by their length.
const longerThan = (text: string, bytes: number): boolean => text.length * 3 > bytes && Buffer.byteLength(text) > bytes

const tooLong = (value: Value): boolean =>
  typeof value === 'string'
    ? longerThan(value, MAX_VALUE_BYTES)
    : value instanceof Uint8Array && value.length > MAX_VALUE_BYTES

/** Whether a map or array, `depth` levels down at `path`, is within the limits; an array counts as a name of its own. */
const fits = (value: Value, path: string, depth: number): boolean => {
  if (!(value instanceof MapValue) || vectorElements(value)) return !tooLong(value)
  if (depth > MAX_DEPTH) return false
  return value.keys.every((name, i) => {
    const inner = value.values[i] as Value
    if (longerThan(`${path}.${name}`, MAX_NAME_BYTES)) return false
    if (!isArray(inner)) return fits(inner, `${path}.${name}`, depth + 1)
    return depth < MAX_DEPTH && inner.every((element) => fits(element, `${path}.array`, depth + 2))
  })
}

const requireField = (name: string, value: Value): void => {
  if (longerThan(name, MAX_NAME_BYTES)) throw invalid(`The property.name is longer than ${MAX_NAME_BYTES} bytes.`)
  const property = isArray(value) ? 'array' : name
  if (isArray(value) ? value.some(tooLong) : tooLong(value)) {
    throw invalid(`The value of property "${property}" is longer than ${MAX_VALUE_BYTES} bytes.`)
  }
  const inside = isArray(value)
    ? value.every((element) => fits(element, property, 2))
    : !(value instanceof MapValue) || fits(value, property, 1)
  if (!inside) throw invalid(`Property ${property} contains an invalid nested entity.`)
}

/** Checks what fields hold: reserved names, nested arrays, vectors. Throws INVALID_ARGUMENT. */
export const requireValidFields = (fields: MapValue): void => {
  for (let i = 0; i < fields.keys.length; i++) {
    const name = fields.keys[i] as string
    if (name === '') throw invalid('Document fields must have names.')
    if (isReserved(name)) throw invalid(`field name ${name} is reserved`)
    requireContent(fields.values[i] as Value, name, false)
  }
}

/** Checks ids, names, values and depth against the limits, in the order in which they are reported. */
export const requireWithinLimits = (segments: readonly string[], fields: MapValue): void => {
  segments.forEach((segment, i) => {
    if (!longerThan(segment, MAX_NAME_BYTES)) return
    throw invalid(`The key path element ${i % 2 === 0 ? 'kind' : 'name'} is longer than ${MAX_NAME_BYTES} bytes.`)
  })
  for (let i = 0; i < fields.keys.length; i++) requireField(fields.keys[i] as string, fields.values[i] as Value)
}

const nameSize = (segments: readonly string[]): number =>
  segments.reduce((size, segment) => size + Buffer.byteLength(segment) + 1, 16)

const fieldsSize = (fields: MapValue): number => {
  let size = 0
  for (let i = 0; i < fields.keys.length; i++) {
    size += Buffer.byteLength(fields.keys[i] as string) + 1 + valueSize(fields.values[i] as Value)
  }
  return size
}

const valueSize = (value: Value): number => {
  if (typeof value === 'string') return Buffer.byteLength(value) + 1
  if (value === null || typeof value === 'boolean') return 1
  if (typeof value !== 'object' || value instanceof Timestamp) return 8
  if (value instanceof MapValue) return fieldsSize(value)
  if (isArray(value)) return value.reduce<number>((size, element) => size + valueSize(element), 0)
  if (value instanceof GeoPoint) return 16
  if (value instanceof Reference) return nameSize(value.name.split('/').slice(5))
  return value.length
}

/** Bytes as Firestore counts them. Source: https://firebase.google.com/docs/firestore/storage-size#document_size */
export const documentSize = (segments: readonly string[], fields: MapValue): number =>
  nameSize(segments) + fieldsSize(fields) + 32

const bytes = (count: number): string => `${count.toLocaleString('en-US')} bytes`

/** The `documentSize` of the document `name`, or INVALID_ARGUMENT when that is over 1 MiB. */
export const requireSize = (name: string, segments: readonly string[], fields: MapValue): number => {
  const size = documentSize(segments, fields)
  if (size <= MAX_DOCUMENT_BYTES) return size
  const excess = `its size (${bytes(size)}) exceeds the maximum allowed size of ${bytes(MAX_DOCUMENT_BYTES)}`
  throw invalid(`Document '${name}' cannot be written because ${excess}.`)
}
