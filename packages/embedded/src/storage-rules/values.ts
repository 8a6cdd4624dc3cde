import { LatLng, Path, RulesSet, Timestamp, resourceOf, type RulesMap, type RulesValue } from '../rules/index.ts'

/** A value as the Firebase CLI sends it (firebase-tools, `src/emulator/storage/rules/expressionValue.ts`). */
export type ExpressionValue =
  | { readonly null_value: null }
  | { readonly string_value: string }
  | { readonly bool_value: boolean }
  | { readonly int_value: number }
  | { readonly float_value: number }
  | { readonly timestamp_value: string }
  | { readonly list_value: { readonly values: readonly ExpressionValue[] } }
  | { readonly set_value: { readonly values: readonly ExpressionValue[] } }
  | { readonly path_value: { readonly segments: readonly { readonly simple: string }[] } }
  | { readonly map_value: { readonly fields: Readonly<Record<string, ExpressionValue>> } }

const NANOS_PER_MILLI = 1_000_000n

/** An RFC 3339 time, of which milliseconds count: the CLI's times are JavaScript's. */
const timestampOf = (text: string): Timestamp => {
  const millis = Date.parse(text)
  if (Number.isNaN(millis)) throw new TypeError(`no time: ${text}`)
  return new Timestamp(BigInt(millis) * NANOS_PER_MILLI)
}

const mapOf = <T>(fields: Readonly<Record<string, T>>, convert: (value: T) => RulesValue): RulesMap =>
  new Map(Object.entries(fields).map(([name, value]) => [name, convert(value)]))

/** Throws a `TypeError` for what is no value. */
export const rulesValueOf = (value: ExpressionValue): RulesValue => {
  if ('null_value' in value) return null
  if ('string_value' in value) return value.string_value
  if ('bool_value' in value) return value.bool_value
  if ('int_value' in value) return BigInt(value.int_value)
  if ('float_value' in value) return value.float_value
  if ('timestamp_value' in value) return timestampOf(value.timestamp_value)
  if ('list_value' in value) return value.list_value.values.map(rulesValueOf)
  if ('set_value' in value) return new RulesSet(value.set_value.values.map(rulesValueOf))
  if ('path_value' in value) return new Path(value.path_value.segments.map(({ simple }) => simple))
  if ('map_value' in value) return mapOf(value.map_value.fields, rulesValueOf)
  throw new TypeError(`no value: ${JSON.stringify(value)}`)
}

/** The same for what must be a map, or null. */
export const rulesMapOf = (value: ExpressionValue | undefined): RulesMap | null => {
  const map = value === undefined ? null : rulesValueOf(value)
  if (map === null || map instanceof Map) return map
  throw new TypeError('a map is expected')
}

/** A value of a Firestore document as REST has it. */
export interface JsonValue {
  readonly booleanValue?: boolean
  readonly integerValue?: string | number
  readonly doubleValue?: number | string
  readonly timestampValue?: string
  readonly stringValue?: string
  readonly bytesValue?: string
  readonly referenceValue?: string
  readonly geoPointValue?: { readonly latitude?: number; readonly longitude?: number }
  readonly arrayValue?: { readonly values?: readonly JsonValue[] }
  readonly mapValue?: { readonly fields?: Readonly<Record<string, JsonValue>> }
}

const DATABASE_PREFIX = /^projects\/[^/]+\//

const documentValue = (value: JsonValue): RulesValue => {
  if (value.booleanValue !== undefined) return value.booleanValue
  if (value.integerValue !== undefined) return BigInt(value.integerValue)
  if (value.doubleValue !== undefined) return Number(value.doubleValue)
  if (value.timestampValue !== undefined) return timestampOf(value.timestampValue)
  if (value.stringValue !== undefined) return value.stringValue
  if (value.bytesValue !== undefined) return Buffer.from(value.bytesValue, 'base64')
  if (value.referenceValue !== undefined) return new Path(value.referenceValue.replace(DATABASE_PREFIX, '').split('/'))
  if (value.geoPointValue) return new LatLng(value.geoPointValue.latitude ?? 0, value.geoPointValue.longitude ?? 0)
  if (value.arrayValue) return (value.arrayValue.values ?? []).map(documentValue)
  if (value.mapValue) return mapOf(value.mapValue.fields ?? {}, documentValue)
  return null
}

/** What `firestore.get` gives for a document of these fields at `databases/{d}/documents/..`. */
export const documentOf = (path: readonly string[], fields: Readonly<Record<string, JsonValue>>): RulesMap =>
  resourceOf(path, mapOf(fields, documentValue))
