import { Timestamp } from '../values/value.ts'

// The JSON of google.protobuf's own types, https://protobuf.dev/programming-guides/json/

/** A body, or a parameter, that is not the JSON of its message; `message` says why. */
export class JsonMismatch extends Error {}

const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)$/
const MIN_SECONDS = -62_135_596_800
const MAX_SECONDS = 253_402_300_799

/** RFC 3339, cut to whole microseconds as Firestore stores it. Throws JsonMismatch. */
export const readTimestamp = (json: unknown): Timestamp => {
  const match = typeof json === 'string' ? RFC_3339.exec(json) : null
  if (!match) throw new JsonMismatch('not a timestamp')
  const [text, year, month, day, hour, minute, second, fraction = '', zone = ''] = match
  const millis = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}${zone.toUpperCase()}`)
  // JavaScript takes February 30 for March 2.
  const days = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate()
  if (Number.isNaN(millis) || (Number(year) > 99 && Number(day) > days)) throw new JsonMismatch(`no such time: ${text}`)
  const seconds = millis / 1000
  if (seconds < MIN_SECONDS || seconds > MAX_SECONDS) throw new JsonMismatch(`out of range: ${text}`)
  const nanos = Number(fraction.padEnd(9, '0'))
  return new Timestamp(seconds, nanos - (nanos % 1000))
}

/** `nanos` as a fraction of a second in none, three, six or nine digits. */
const fractionOf = (nanos: number): string => {
  if (nanos === 0) return ''
  const digits = String(nanos).padStart(9, '0')
  return `.${digits.endsWith('000000') ? digits.slice(0, 3) : digits.endsWith('000') ? digits.slice(0, 6) : digits}`
}

export const writeTimestamp = ({ seconds, nanos }: { seconds: number; nanos: number }): string =>
  `${new Date(seconds * 1000).toISOString().slice(0, -5)}${fractionOf(nanos)}Z`

export const writeDuration = ({ seconds = 0, nanos = 0 }: { seconds?: number; nanos?: number }): string =>
  `${seconds}${fractionOf(nanos)}s`

const BASE_64 = /^[A-Za-z0-9+/_-]*={0,2}$/

/** Base64 of either alphabet, with or without padding. Throws JsonMismatch. */
export const readBytes = (json: unknown): Uint8Array => {
  if (typeof json !== 'string' || !BASE_64.test(json)) throw new JsonMismatch('not base64')
  return Buffer.from(json, 'base64')
}

export const writeBytes = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')

const NUMBER = /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/
// No longer than an int64 may be; more digits would only cost time.
const INTEGER = /^-?\d{1,19}$/

/** A number, or its text; `NaN`, `Infinity` and `-Infinity` as text. Throws JsonMismatch. */
export const readDouble = (json: unknown): number => {
  // As recorded, zero as a number has no sign; as text, which is what the web client sends, it has.
  if (typeof json === 'number') return json === 0 ? 0 : json
  if (json === 'NaN' || json === 'Infinity' || json === '-Infinity') return Number(json)
  if (typeof json === 'string' && NUMBER.test(json) && Number.isFinite(Number(json))) return Number(json)
  throw new JsonMismatch('not a number')
}

const MIN_INT64 = -(2n ** 63n)
const MAX_INT64 = 2n ** 63n - 1n

/** A whole number, or its text. Throws JsonMismatch. */
export const readInt64 = (json: unknown): bigint => {
  const whole = typeof json === 'string' && INTEGER.test(json) ? BigInt(json) : readDouble(json)
  if (typeof whole === 'number' && !Number.isInteger(whole)) throw new JsonMismatch('not a whole number')
  const value = BigInt(whole)
  if (value < MIN_INT64 || value > MAX_INT64) throw new JsonMismatch('not in the range of an int64')
  return value
}

/** A whole number of 32 bits, or its text. Throws JsonMismatch. */
export const readInt32 = (json: unknown): number => {
  const value = Number(readInt64(json))
  if (value !== (value | 0)) throw new JsonMismatch('not in the range of an int32')
  return value
}

export const readString = (json: unknown): string => {
  if (typeof json !== 'string') throw new JsonMismatch('not a string')
  return json.isWellFormed() ? json : json.toWellFormed()
}

/** `true` and `false`, also as text. Throws JsonMismatch. */
export const readBoolean = (json: unknown): boolean => {
  if (json === true || json === 'true') return true
  if (json === false || json === 'false') return false
  throw new JsonMismatch('not a boolean')
}

export type ParsedObject = Record<string, unknown>

export const readObject = (json: unknown): ParsedObject => {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new JsonMismatch('not an object')
  return json as ParsedObject
}

export const readArray = (json: unknown): readonly unknown[] => {
  if (!Array.isArray(json)) throw new JsonMismatch('not an array')
  return json
}

const SNAKE = /_([a-z\d])/g

/** A name as JSON has it; `snake_case`, as in the definitions, is understood too. */
export const camelCase = (name: string): string =>
  name.includes('_') ? name.replaceAll(SNAKE, (_, letter: string) => letter.toUpperCase()) : name

const UNSAFE_INTEGER = /\d{16}/
const DIGITS = /^-?\d+$/

/** JSON as a value. Whole numbers that a double does not hold come as their text. Throws SyntaxError. */
export const parseJson = (text: string): unknown => {
  if (!UNSAFE_INTEGER.test(text)) return JSON.parse(text)
  return JSON.parse(text, (_, value: unknown, context?: { source?: string }) => {
    if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
    const source = context?.source ?? ''
    return DIGITS.test(source) ? source : value
  })
}
