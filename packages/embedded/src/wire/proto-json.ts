import protobuf from 'protobufjs'
import { Code, StatusError } from './status-error.ts'
import { wellKnown } from './well-known-json.ts'

// The JSON form of protobuf messages, https://protobuf.dev/programming-guides/json, in the words that Google's front
// end refuses with.

const camel = (name: string): string => name.replace(/_+([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase())
const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

const jsonName = (field: protobuf.Field): string =>
  (field.options?.['json_name'] as string | undefined) ?? camel(field.name)

const fieldsOf = new WeakMap<protobuf.Type, ReadonlyMap<string, protobuf.Field>>()

/** The field of a JSON key, which is its JSON name or the one in the definition. */
export const fieldOf = (type: protobuf.Type, key: string): protobuf.Field | undefined => {
  let fields = fieldsOf.get(type)
  if (!fields) {
    const named = type.fieldsArray.map((field) => field.resolve())
    fields = new Map(
      named.flatMap((field) =>
        [...new Set([field.name, snake(field.name), jsonName(field)])].map((name) => [name, field]),
      ),
    )
    fieldsOf.set(type, fields)
  }
  return fields.get(key)
}

export const invalidJson = (details: string): StatusError =>
  new StatusError(Code.INVALID_ARGUMENT, `Invalid JSON payload received. ${details}`)

const invalidValue = (path: string, type: string, value: unknown): StatusError =>
  new StatusError(Code.INVALID_ARGUMENT, `Invalid value at '${path}' (${type}), ${JSON.stringify(value)}`)

const typeUrl = (type: protobuf.ReflectionObject): string => `type.googleapis.com/${type.fullName.slice(1)}`

const INTEGERS: Record<string, [min: bigint, max: bigint]> = {
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
}
const sameRange: Record<string, string> = {
  sint32: 'int32',
  sfixed32: 'int32',
  fixed32: 'uint32',
  sint64: 'int64',
  sfixed64: 'int64',
  fixed64: 'uint64',
}

/** An integer written as a number or in quotes, `1.0` and `1e3` among them. */
const integer = (value: unknown): bigint | undefined => {
  if (typeof value === 'string' && /^-?\d+$/.test(value)) return BigInt(value)
  const number = typeof value === 'string' && value.trim() === value && value !== '' ? Number(value) : value
  return typeof number === 'number' && Number.isInteger(number) ? BigInt(number) : undefined
}

const scalar = (type: string, value: unknown, path: string): unknown => {
  const range = INTEGERS[sameRange[type] ?? type]
  if (range) {
    const number = integer(value)
    if (number === undefined || number < range[0] || number > range[1]) {
      throw invalidValue(path, `TYPE_${type.toUpperCase()}`, value)
    }
    return type.endsWith('64') ? protobuf.util.LongBits.from(String(number)).toLong(range[0] === 0n) : Number(number)
  }
  if (type === 'double' || type === 'float') {
    if (value === 'NaN') return Number.NaN
    if (value === 'Infinity' || value === '-Infinity') return Number(value)
    const number = typeof value === 'string' && /^[-+\d.eE]+$/.test(value) ? Number(value) : value
    const fits = typeof number === 'number' && Number.isFinite(type === 'float' ? Math.fround(number) : number)
    if (fits) return number
  } else if (type === 'bytes') {
    if (typeof value === 'string' && /^[A-Za-z0-9+/_-]*={0,2}$/.test(value)) return Buffer.from(value, 'base64')
  } else if (typeof value === (type === 'bool' ? 'boolean' : 'string')) return value
  throw invalidValue(path, `TYPE_${type.toUpperCase()}`, value)
}

const enumValue = (type: protobuf.Enum, value: unknown, path: string): number => {
  const number = typeof value === 'string' ? type.values[value] : value
  if (typeof number === 'number' && Number.isInteger(number)) return number
  if (value === null && type.fullName === '.google.protobuf.NullValue') return 0
  throw invalidValue(path, typeUrl(type), value)
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const takesNull = ({ resolvedType }: protobuf.Field): boolean =>
  resolvedType?.fullName === '.google.protobuf.Value' || resolvedType?.fullName === '.google.protobuf.NullValue'

const single = (field: protobuf.Field, value: unknown, path: string): unknown => {
  const type = field.resolvedType
  if (type instanceof protobuf.Enum) return enumValue(type, value, path)
  return type ? fromJson(type, value, path) : scalar(field.type, value, path)
}

const fieldValue = (field: protobuf.Field, value: unknown, path: string): unknown => {
  if (field instanceof protobuf.MapField) {
    if (!isObject(value)) throw invalidValue(path, 'Map', value)
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => {
        if (field.keyType !== 'string' && field.keyType !== 'bool') scalar(field.keyType, key, path)
        return [key, single(field, item, `${path}[${key}]`)]
      }),
    )
  }
  if (!field.repeated) return single(field, value, path)
  // A value alone stands for a list of one, as at Google's front end.
  const items = Array.isArray(value) ? value : [value]
  return items.map((item, index) => single(field, item, `${path}[${index}]`))
}

/**
 * A message from its JSON form; `path` is where it stands in the request. Throws INVALID_ARGUMENT for what does not fit
 * the type, unknown names among it.
 */
export const fromJson = (type: protobuf.Type, json: unknown, path = ''): protobuf.Message => {
  const special = wellKnown[type.fullName]
  if (special) {
    const fields = special.fromJson(json)
    if (typeof fields === 'string') {
      throw new StatusError(Code.INVALID_ARGUMENT, `Invalid value at '${path}' (${typeUrl(type)}), ${fields}`)
    }
    return type.create(fields)
  }
  if (!isObject(json)) {
    if (path === '') throw invalidJson('Unknown name "": Root element must be a message.')
    throw invalidValue(path, typeUrl(type), json)
  }
  const fields: Record<string, unknown> = {}
  const oneofs = new Set<protobuf.OneOf>()
  for (const [key, value] of Object.entries(json)) {
    const field = fieldOf(type, key)
    const at = path === '' ? '' : ` at '${path}'`
    if (!field) throw invalidJson(`Unknown name ${JSON.stringify(key)}${at}: Cannot find field.`)
    if (value === null && !takesNull(field)) continue
    if (field.partOf && !field.partOf.isProto3Optional) {
      if (oneofs.has(field.partOf)) {
        throw invalidValue(
          `${path === '' ? '' : `${path}.`}${snake(key)}`,
          'oneof',
          `oneof field '${field.partOf.name}' is already set.`,
        )
      }
      oneofs.add(field.partOf)
    }
    fields[field.name] = fieldValue(field, value, path === '' ? snake(key) : `${path}.${snake(key)}`)
  }
  return type.create(fields)
}

const isDefault = (value: unknown): boolean =>
  value === '' || value === false || (value instanceof Uint8Array ? value.length === 0 : String(value) === '0')

const singleToJson = (field: protobuf.Field, value: unknown): unknown => {
  const type = field.resolvedType
  if (type instanceof protobuf.Enum) {
    if (type.fullName === '.google.protobuf.NullValue') return null
    return type.valuesById[value as number] ?? value
  }
  if (type) return toJson(type, value as object)
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  return field.type.endsWith('64') ? String(value) : value
}

/** The JSON form of a decoded message. Fields at their default are left out unless their presence means something. */
export const toJson = (type: protobuf.Type, message: object): unknown => {
  const special = wellKnown[type.fullName]
  if (special) return special.toJson(message)
  const json: Record<string, unknown> = {}
  for (const field of type.fieldsArray) {
    if (!Object.hasOwn(message, field.name)) continue
    const value = (message as Record<string, unknown>)[field.name]
    if (value === null || value === undefined) continue
    const name = jsonName(field.resolve())
    if (field instanceof protobuf.MapField) {
      const entries = Object.entries(value as Record<string, unknown>)
      if (entries.length > 0)
        json[name] = Object.fromEntries(entries.map(([key, item]) => [key, singleToJson(field, item)]))
    } else if (field.repeated) {
      const items = value as unknown[]
      if (items.length > 0) json[name] = items.map((item) => singleToJson(field, item))
    } else if (field.partOf || !isDefault(value)) json[name] = singleToJson(field, value)
  }
  return json
}
