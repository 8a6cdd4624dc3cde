import protobuf from 'protobufjs'
import type { DocumentMessage } from '../values/codec.ts'
import type { Value } from '../values/value.ts'
import type { JsonOut } from './json-text.ts'
import {
  readArrayValue,
  readDocument,
  readValue,
  writeArrayValue,
  writeDocument,
  writeDouble,
  writeValue,
} from './value-json.ts'
import {
  JsonMismatch,
  camelCase,
  readArray,
  readBoolean,
  readBytes,
  readDouble,
  readInt32,
  readInt64,
  readObject,
  readString,
  readTimestamp,
  writeBytes,
  writeDuration,
  writeTimestamp,
} from './well-known.ts'

type Message = Record<string, unknown>

/** A type whose JSON, or whose form in the engine, is not that of its fields. */
interface Special {
  read?: (json: unknown) => unknown
  write: (value: never) => JsonOut
}

const wrapper = (read: (json: unknown) => unknown): Special => ({
  read: (json) => ({ value: read(json) }),
  write: ({ value }: { value: JsonOut }) => value,
})

type Struct = { fields?: Record<string, StructValue> }
type StructValue = { stringValue?: string; numberValue?: number; boolValue?: boolean; structValue?: Struct }

const writeStructValue = ({ structValue, stringValue, numberValue, boolValue }: StructValue): JsonOut =>
  structValue ? writeStruct(structValue) : (stringValue ?? numberValue ?? boolValue ?? null)

/** google.protobuf.Struct */
const writeStruct = ({ fields = {} }: Struct): JsonOut =>
  new Map(Object.entries(fields).map(([name, value]) => [name, writeStructValue(value)]))

const specials: Record<string, Special> = {
  '.google.firestore.v1.Value': { read: (json) => readValue(json), write: (value: Value) => writeValue(value) },
  '.google.firestore.v1.ArrayValue': {
    read: (json) => readArrayValue(json),
    write: (values: readonly Value[]) => writeArrayValue(values),
  },
  '.google.firestore.v1.Document': {
    read: readDocument,
    write: (document: DocumentMessage) => writeDocument(document),
  },
  '.google.protobuf.Timestamp': { read: readTimestamp, write: writeTimestamp },
  '.google.protobuf.Duration': { write: writeDuration },
  '.google.protobuf.Struct': { write: writeStruct },
  '.google.protobuf.Int32Value': wrapper(readInt32),
  '.google.protobuf.Int64Value': wrapper((json) => Number(readInt64(json))),
  '.google.protobuf.DoubleValue': wrapper(readDouble),
}

const readEnum = ({ values }: protobuf.Enum, json: unknown): number => {
  if (typeof json === 'string' && Object.hasOwn(values, json)) return values[json] as number
  return readInt32(json)
}

const readScalar = (type: string, json: unknown): unknown => {
  switch (type) {
    case 'string':
      return readString(json)
    case 'bool':
      return readBoolean(json)
    case 'bytes':
      return readBytes(json)
    case 'double':
    case 'float':
      return readDouble(json)
    case 'int64':
      return Number(readInt64(json))
    default:
      return readInt32(json)
  }
}

// Filters nest; no request of use comes near.
const MAX_NESTING = 100

const readSingle = (field: protobuf.Field, json: unknown, depth: number): unknown => {
  const type = field.resolvedType
  if (type instanceof protobuf.Enum) return readEnum(type, json)
  if (!type) return readScalar(field.type, json)
  return readMessage(type, json, depth + 1)
}

const readField = (field: protobuf.Field, json: unknown, depth: number): unknown => {
  if (field instanceof protobuf.MapField) {
    const entries = Object.entries(readObject(json))
    return Object.fromEntries(entries.map(([name, value]) => [name, readSingle(field, value, depth)]))
  }
  if (field.repeated) return readArray(json).map((value) => readSingle(field, value, depth))
  return readSingle(field, json, depth)
}

/** Whether the JSON of a type is that of its fields, and not one of its own. */
export const isPlain = (type: protobuf.Type): boolean => specials[type.fullName] === undefined

/** The field of that name, in camel case or as in the definitions. */
export const fieldOf = (type: protobuf.Type, name: string): protobuf.Field | undefined => {
  const camel = camelCase(name)
  return Object.hasOwn(type.fields, camel) ? type.fields[camel]?.resolve() : undefined
}

/**
 * Reads the JSON of a message into the form of `rpc/messages.ts`, as `rpc/codec.ts` reads its bytes. Throws
 * JsonMismatch, also for a field that is not known.
 */
export const readMessage = (type: protobuf.Type, json: unknown, depth = 0): unknown => {
  if (depth > MAX_NESTING) throw new JsonMismatch('nested too deeply')
  const special = specials[type.fullName]
  if (special?.read) return special.read(json)
  const message = type.create() as unknown as Message
  for (const [name, value] of Object.entries(readObject(json))) {
    const field = fieldOf(type, name)
    if (!field) throw new JsonMismatch(`${type.name} has no field ${name}`)
    if (value === null) continue
    if (field.partOf?.oneof.some((other) => Object.hasOwn(message, other))) {
      throw new JsonMismatch(`${type.name} has more than one of ${field.partOf.name}`)
    }
    message[field.name] = readField(field, value, depth)
  }
  return message
}

const writeSingle = (field: protobuf.Field, value: unknown): JsonOut => {
  const type = field.resolvedType
  if (type instanceof protobuf.Enum) return type.valuesById[Number(value)] ?? Number(value)
  if (type) return writeMessage(type, value as Message)
  if (field.type === 'bytes') return writeBytes(value as Uint8Array)
  if (field.type === 'int64') return String(value)
  return field.type === 'double' ? writeDouble(value as number) : (value as JsonOut)
}

const isDefault = (value: unknown): boolean =>
  value === 0 || value === '' || value === false || (value instanceof Uint8Array && value.length === 0)

/** Writes a message of the engine as JSON. Fields at their defaults are left out, but for those of a oneof. */
export const writeMessage = (type: protobuf.Type, message: Message): JsonOut => {
  const special = specials[type.fullName]
  if (special) return special.write(message as never)
  const json = new Map<string, JsonOut>()
  for (const field of type.fieldsArray) {
    const value = message[field.name]
    if (value === undefined || value === null) continue
    field.resolve()
    if (field instanceof protobuf.MapField) {
      const entries = Object.entries(value as Message).toSorted(([a], [b]) => (a < b ? -1 : 1))
      if (entries.length > 0) json.set(field.name, new Map(entries.map(([k, v]) => [k, writeSingle(field, v)])))
    } else if (field.repeated) {
      const values = value as readonly unknown[]
      if (values.length > 0)
        json.set(
          field.name,
          values.map((one) => writeSingle(field, one)),
        )
    } else if (field.partOf || !isDefault(value)) json.set(field.name, writeSingle(field, value))
  }
  return json
}
