import protobuf from 'protobufjs'

/** JSON as proto3 maps it. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
export type JsonObject = { [key: string]: Json }

/** JSON with the names of members in camel case, as the definitions have them here. */
export const camelCased = (json: JsonObject): JsonObject => {
  const within = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(within)
    return typeof value === 'object' && value !== null ? camelCased(value) : value
  }
  const entries = Object.entries(json).map(([key, value]) => [
    key.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase()),
    within(value),
  ])
  return Object.fromEntries(entries) as JsonObject
}

type Plain = { [key: string]: unknown }

const WRAPPERS = new Set(
  ['Int32Value', 'Int64Value', 'DoubleValue', 'BoolValue', 'StringValue'].map((n) => `.google.protobuf.${n}`),
)
const TIMESTAMP = '.google.protobuf.Timestamp'

const parseTime = (text: string): Plain => {
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? ''
  const seconds = Math.floor(Date.parse(text.replace(/\.\d+/, '')) / 1000)
  return { seconds, nanos: Number(fraction.padEnd(9, '0')) }
}

const formatTime = ({ seconds, nanos }: Plain): string => {
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, -5)
  const micros = String(Math.floor(Number(nanos) / 1000)).padStart(6, '0')
  return `${whole}.${micros}Z`
}

const parseSingle = (field: protobuf.Field, value: Json): unknown => {
  const type = field.resolvedType
  if (type instanceof protobuf.Enum) return typeof value === 'string' ? type.values[value] : 0
  if (!type) {
    if (field.type === 'double') return Number(value)
    if (field.type === 'int64') return Number.isSafeInteger(Number(value)) ? Number(value) : longOf(String(value))
    return field.type === 'bytes' ? Buffer.from(String(value), 'base64') : value
  }
  if (type.fullName === TIMESTAMP) return parseTime(String(value))
  if (WRAPPERS.has(type.fullName)) return parseMessage(type, { value })
  return parseMessage(type, value as JsonObject)
}

const longOf = (text: string) => {
  const number = BigInt.asUintN(64, BigInt(text))
  return { low: Number(number & 0xffffffffn) | 0, high: Number(number >> 32n) | 0, unsigned: false }
}

/** Reads JSON into what `type` encodes. A field that the type does not know is an error. */
export const parseMessage = (type: protobuf.Type, json: JsonObject): Plain => {
  const message: Plain = {}
  for (const [name, value] of Object.entries(json)) {
    const field = type.fields[name]?.resolve()
    if (!field) throw new Error(`${type.fullName} has no field ${name}`)
    if (field instanceof protobuf.MapField) {
      message[name] = Object.fromEntries(
        Object.entries(value as JsonObject).map(([k, v]) => [k, parseSingle(field, v)]),
      )
    } else if (field.repeated) message[name] = (value as Json[]).map((one) => parseSingle(field, one))
    else message[name] = parseSingle(field, value)
  }
  return message
}

const formatSingle = (field: protobuf.Field, value: unknown): Json => {
  const type = field.resolvedType
  if (type instanceof protobuf.Enum)
    return field.type.endsWith('NullValue') ? null : (type.valuesById[Number(value)] ?? null)
  if (!type) {
    if (field.type === 'int64') return String(value)
    if (field.type === 'bytes') return Buffer.from(value as Uint8Array).toString('base64')
    if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
    return value as Json
  }
  if (type.fullName === TIMESTAMP) return formatTime({ seconds: 0, nanos: 0, ...(value as Plain) })
  return formatMessage(type, value as Plain)
}

/** Writes a decoded message as JSON; what is not set is left out. */
export const formatMessage = (type: protobuf.Type, message: Plain): JsonObject => {
  const json: JsonObject = {}
  for (const field of type.fieldsArray) {
    field.resolve()
    if (!Object.hasOwn(message, field.name)) continue
    const value = message[field.name]
    if (field instanceof protobuf.MapField) {
      const entries = Object.entries(value as Plain).map(([k, v]) => [k, formatSingle(field, v)])
      if (entries.length > 0) json[field.name] = Object.fromEntries(entries) as JsonObject
    } else if (field.repeated) {
      if ((value as unknown[]).length > 0)
        json[field.name] = (value as unknown[]).map((one) => formatSingle(field, one))
    } else json[field.name] = formatSingle(field, value)
  }
  return json
}
