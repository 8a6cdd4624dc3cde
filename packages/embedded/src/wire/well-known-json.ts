import protobuf from 'protobufjs'

/** The JSON form of a message of google.protobuf. `fromJson` gives its fields, or what is wrong. */
interface WellKnown {
  fromJson(json: unknown): Record<string, unknown> | string
  toJson(message: object): unknown
}

interface Moment {
  seconds?: number | string | { toString(): string }
  nanos?: number
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The fraction of a second with 0, 3, 6 or 9 digits. */
const fraction = (nanos: number): string => {
  if (nanos === 0) return ''
  const digits = String(nanos).padStart(9, '0')
  return `.${digits.replace(/(000){1,2}$/, '')}`
}

const nanosOf = (digits: string | undefined): number => Number((digits ?? '').padEnd(9, '0'))

const DURATION_SECONDS_MAX = 315_576_000_000

const duration: WellKnown = {
  fromJson(json) {
    const match = typeof json === 'string' ? /^(-?)(\d+)(?:\.(\d{1,9}))?s$/.exec(json) : null
    if (!match) return `${JSON.stringify(json)}: Illegal duration format; duration must end with 's'`
    const [, sign, seconds, digits] = match
    if (Number(seconds) > DURATION_SECONDS_MAX) return `${JSON.stringify(json)}: Duration out of range`
    const factor = sign ? -1 : 1
    // `|| 0` turns minus nothing into nothing.
    return { seconds: factor * Number(seconds) || 0, nanos: factor * nanosOf(digits) || 0 }
  },
  toJson(message) {
    const { seconds = 0, nanos = 0 } = message as Moment
    const whole = Number(seconds)
    const sign = whole < 0 || nanos < 0 ? '-' : ''
    return `${sign}${Math.abs(whole)}${fraction(Math.abs(nanos))}s`
  },
}

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/

const timestamp: WellKnown = {
  fromJson(json) {
    const match = typeof json === 'string' ? RFC3339.exec(json) : null
    const [text, , , day, , , , digits] = match ?? []
    const ms = text ? Date.parse(text.replace(/\.\d+/, '')) : Number.NaN
    const hasDay =
      match !== null && Number(day) <= new Date(Date.UTC(Number(match[1]), Number(match[2]), 0)).getUTCDate()
    if (Number.isNaN(ms) || !hasDay)
      return `${JSON.stringify(json)}: Illegal timestamp format; timestamps must end with 'Z' or have a valid timezone offset.`
    return { seconds: Math.floor(ms / 1000), nanos: nanosOf(digits) }
  },
  toJson(message) {
    const { seconds = 0, nanos = 0 } = message as Moment
    return new Date(Number(seconds) * 1000).toISOString().replace('.000Z', `${fraction(nanos)}Z`)
  },
}

const fieldMask: WellKnown = {
  fromJson(json) {
    if (typeof json !== 'string') return JSON.stringify(json)
    const paths = json.split(',').filter((path) => path !== '')
    return { paths: paths.map((path) => path.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)) }
  },
  toJson(message) {
    const { paths = [] } = message as { paths?: string[] }
    return paths.map((path) => path.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())).join(',')
  },
}

interface StructValue {
  kind?: string
  numberValue?: number
  stringValue?: string
  boolValue?: boolean
  structValue?: { fields: Record<string, StructValue> }
  listValue?: { values: StructValue[] }
}

const structValue = (json: unknown): StructValue | Record<string, unknown> => {
  if (json === null) return { nullValue: 0 }
  if (typeof json === 'number') return { numberValue: json }
  if (typeof json === 'string') return { stringValue: json }
  if (typeof json === 'boolean') return { boolValue: json }
  if (Array.isArray(json)) return { listValue: { values: json.map(structValue) } }
  return { structValue: { fields: structFields(json as Record<string, unknown>) } }
}

const structFields = (json: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(json).map(([key, value]) => [key, structValue(value)]))

const plain = (value: StructValue): unknown => {
  if (Object.hasOwn(value, 'numberValue')) return value.numberValue
  if (Object.hasOwn(value, 'stringValue')) return value.stringValue
  if (Object.hasOwn(value, 'boolValue')) return value.boolValue
  if (value.listValue) return value.listValue.values.map(plain)
  return value.structValue ? plainFields(value.structValue.fields) : null
}

const plainFields = (fields: Record<string, StructValue>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, plain(value)]))

const wrapper = (type: string): WellKnown => ({
  fromJson(json) {
    if (type.endsWith('64'))
      return /^-?\d+$/.test(String(json))
        ? { value: protobuf.util.LongBits.from(String(json)).toLong() }
        : JSON.stringify(json)
    if (type === 'bytes')
      return typeof json === 'string' ? { value: Buffer.from(json, 'base64') } : JSON.stringify(json)
    const wanted = type === 'bool' ? 'boolean' : type === 'string' ? 'string' : 'number'
    return typeof json === wanted ? { value: json } : JSON.stringify(json)
  },
  toJson(message) {
    const { value } = message as { value: unknown }
    if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
    return type.endsWith('64') ? String(value) : value
  },
})

/** By full name. google.protobuf.Any is not among them: no API that is served here takes one. */
export const wellKnown: Readonly<Record<string, WellKnown>> = {
  '.google.protobuf.Duration': duration,
  '.google.protobuf.Timestamp': timestamp,
  '.google.protobuf.FieldMask': fieldMask,
  '.google.protobuf.Value': {
    fromJson: (json) => structValue(json) as Record<string, unknown>,
    toJson: (message) => plain(message),
  },
  '.google.protobuf.Struct': {
    fromJson: (json) => (isObject(json) ? { fields: structFields(json) } : JSON.stringify(json)),
    toJson: (message) => plainFields((message as { fields: Record<string, StructValue> }).fields),
  },
  '.google.protobuf.ListValue': {
    fromJson: (json) => (Array.isArray(json) ? { values: json.map(structValue) } : JSON.stringify(json)),
    toJson: (message) => (message as { values: StructValue[] }).values.map(plain),
  },
  ...Object.fromEntries(
    ['Double', 'Float', 'Int64', 'UInt64', 'Int32', 'UInt32', 'Bool', 'String', 'Bytes'].map((name) => [
      `.google.protobuf.${name}Value`,
      wrapper(name.toLowerCase()),
    ]),
  ),
}
