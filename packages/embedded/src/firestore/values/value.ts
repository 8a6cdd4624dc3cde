/**
 * A Firestore value as the engine keeps it: JavaScript's own types where they fit, so that a stored document costs
 * little and is compared without unwrapping. `bigint` is an int64, `number` a double, `Uint8Array` bytes, an array an
 * array value. Values are immutable; they are shared between versions and responses.
 */
export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | Timestamp
  | Uint8Array
  | Reference
  | GeoPoint
  | readonly Value[]
  | MapValue

/** Seconds since the Unix epoch and nanoseconds; Firestore keeps whole microseconds. */
export class Timestamp {
  readonly seconds: number
  readonly nanos: number

  constructor(seconds: number, nanos: number) {
    this.seconds = seconds
    this.nanos = nanos
  }

  /** `micros` since the Unix epoch. */
  static fromMicros(micros: number): Timestamp {
    const seconds = Math.floor(micros / 1e6)
    return new Timestamp(seconds, (micros - seconds * 1e6) * 1000)
  }

  /** Microseconds since the epoch, rounded down; exact between the years 1684 and 2255, where all times of the engine lie. */
  toMicros(): number {
    return this.seconds * 1e6 + Math.floor(this.nanos / 1000)
  }
}

/** The full name of a document: `projects/{p}/databases/{d}/documents/{path}`. */
export class Reference {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }
}

export class GeoPoint {
  readonly latitude: number
  readonly longitude: number

  constructor(latitude: number, longitude: number) {
    this.latitude = latitude
    this.longitude = longitude
  }
}

/** Fields by name, in UTF-8 order of the names: a map value, or the fields of a document. */
export class MapValue {
  readonly keys: readonly string[]
  readonly values: readonly Value[]

  /** `keys` must be sorted by `compareUtf8` and unique. */
  constructor(keys: readonly string[], values: readonly Value[]) {
    this.keys = keys
    this.values = values
  }

  static readonly EMPTY = new MapValue([], [])

  /** From fields in any order; of two with one name the later stands. */
  static from(entries: Iterable<readonly [string, Value]>): MapValue {
    const sorted = [...new Map(entries)].toSorted(([a], [b]) => compareUtf8(a, b))
    return new MapValue(
      sorted.map(([key]) => key),
      sorted.map(([, value]) => value),
    )
  }

  get(key: string): Value | undefined {
    const { keys } = this
    for (let i = 0; i < keys.length; i++) if (keys[i] === key) return this.values[i]
    return undefined
  }

  /** A copy with `key` set, or without it when `value` is undefined. */
  with(key: string, value: Value | undefined): MapValue {
    const { keys, values } = this
    const order = (i: number) => (i < keys.length ? compareUtf8(keys[i] as string, key) : 1)
    let at = 0
    while (order(at) < 0) at++
    const found = order(at) === 0 ? 1 : 0
    const insert = value === undefined ? 0 : 1
    if (!found && !insert) return this
    return new MapValue(
      found && insert ? keys : keys.toSpliced(at, found, ...(insert ? [key] : [])),
      values.toSpliced(at, found, ...(value === undefined ? [] : [value])),
    )
  }
}

export const isArray = (value: Value | undefined): value is readonly Value[] => Array.isArray(value)

/** The elements of a vector, `{__type__: '__vector__', value: [...]}` on the wire; undefined for any other value. */
export const vectorElements = (value: Value | undefined): readonly Value[] | undefined => {
  if (!(value instanceof MapValue) || value.keys[0] !== '__type__' || value.values[0] !== '__vector__') return undefined
  const elements = value.get('value')
  return isArray(elements) ? elements : undefined
}

/** Orders strings as their UTF-8 bytes do, which differs from UTF-16 where surrogates meet U+E000 to U+FFFF. */
export const compareUtf8 = (a: string, b: string): number => {
  if (a === b) return 0
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x === y) continue
    const highX = x >= 0xd800 && x <= 0xdfff
    const highY = y >= 0xd800 && y <= 0xdfff
    return highX === highY ? x - y : highX ? 1 : -1
  }
  return a.length - b.length
}
