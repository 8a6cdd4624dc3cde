import {
  LatLng,
  Path,
  Timestamp as RulesTimestamp,
  resourceOf,
  type RulesMap,
  type RulesValue,
} from '../../rules/index.ts'
import { GeoPoint, MapValue, Reference, Timestamp, isArray, type Value } from '../values/value.ts'
import type { Claims, Json } from './principal.ts'

/** `databases/{d}`, the beginning of each path in rules, of `projects/{p}/databases/{d}`. */
export const rulesDatabase = (databaseName: string): readonly string[] => databaseName.split('/').slice(2)

/** `databases/{d}/documents/..`, the path by which rules know what lies below `documents`. */
export const rulesPath = (databaseName: string, segments: readonly string[]): readonly string[] => [
  ...rulesDatabase(databaseName),
  'documents',
  ...segments,
]

/** The path below `documents` of a path in rules; null where it is none of this database's. */
export const belowDocuments = (databaseName: string, path: readonly string[]): readonly string[] | null => {
  const beginning = rulesPath(databaseName, [])
  const own = beginning.every((segment, i) => path[i] === segment)
  const segments = path.slice(beginning.length)
  return own && segments.length > 0 && segments.length % 2 === 0 ? segments : null
}

const NANOS = 1_000_000_000n

/** A value as rules see it. A reference is the path of its document. */
export const rulesValue = (value: Value): RulesValue => {
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value
  if (isArray(value)) return value.map(rulesValue)
  if (value instanceof MapValue) return rulesMap(value)
  if (value instanceof Timestamp) return new RulesTimestamp(BigInt(value.seconds) * NANOS + BigInt(value.nanos))
  if (value instanceof GeoPoint) return new LatLng(value.latitude, value.longitude)
  if (value instanceof Reference) return new Path(rulesDatabase(value.name))
  return null
}

// Fields never change, and what rules read once they mostly read again.
const converted = new WeakMap<MapValue, RulesMap>()

const rulesMap = (map: MapValue): RulesMap => {
  const known = converted.get(map)
  if (known) return known
  const result = new Map(map.keys.map((key, i) => [key, rulesValue(map.values[i] as Value)]))
  converted.set(map, result)
  return result
}

/** A document as rules see it: `resource`, or what `get` gives. */
export const rulesResource = (path: readonly string[], fields: MapValue): RulesMap => resourceOf(path, rulesMap(fields))

const jsonValue = (json: Json): RulesValue => {
  if (typeof json === 'number') return Number.isSafeInteger(json) ? BigInt(json) : json
  if (typeof json !== 'object' || json === null) return json
  if (Array.isArray(json)) return json.map(jsonValue)
  return new Map(Object.entries(json).map(([key, value]) => [key, jsonValue(value)]))
}

/** `request.auth` for the claims of a token. */
export const rulesAuth = (claims: Claims): RulesMap => {
  const uid = claims['sub'] ?? claims['user_id']
  return new Map<string, RulesValue>([
    ...(typeof uid === 'string' ? [['uid', uid] as const] : []),
    ['token', jsonValue(claims)],
  ])
}
