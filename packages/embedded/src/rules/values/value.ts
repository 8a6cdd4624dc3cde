/** A point in time, in nanoseconds since 1970. */
export class Timestamp {
  readonly nanos: bigint
  constructor(nanos: bigint) {
    this.nanos = nanos
  }
  static fromMillis(millis: number): Timestamp {
    return new Timestamp(BigInt(Math.trunc(millis)) * 1_000_000n)
  }
}

/** A length of time in nanoseconds, negative for the past. */
export class Duration {
  readonly nanos: bigint
  constructor(nanos: bigint) {
    this.nanos = nanos
  }
}

/** Degrees. */
export class LatLng {
  readonly latitude: number
  readonly longitude: number
  constructor(latitude: number, longitude: number) {
    this.latitude = latitude
    this.longitude = longitude
  }
}

/** A path, absolute, of segments without slashes. Of a template, `{name}` segments wait to be bound. */
export class Path {
  readonly segments: readonly string[]
  constructor(segments: readonly string[]) {
    this.segments = segments
  }
  toString(): string {
    return `/${this.segments.join('/')}`
  }
}

/** Values of a set, no two of them equal, in the order in which they came. */
export class RulesSet {
  readonly items: readonly RulesValue[]
  /** Made by `setOf`, which sees to it that no two are equal. */
  constructor(items: readonly RulesValue[]) {
    this.items = items
  }
}

/** What `map.diff` gives: `after.diff(before)`. */
export class MapDiff {
  readonly after: RulesMap
  readonly before: RulesMap
  constructor(after: RulesMap, before: RulesMap) {
    this.after = after
    this.before = before
  }
}

/** What is known of a value that is not known itself: it is what all documents that a query can return have there. */
export interface Facts {
  /** The types that it can have; null for any. A number that may be either is int and float. */
  readonly types: readonly TypeName[] | null
  readonly lower?: Bound
  readonly upper?: Bound
  /** It equals none of these. */
  readonly excluded?: readonly RulesValue[]
  /** Of a list or set: some of its elements. */
  readonly contains?: readonly RulesValue[]
  /** Of a map: some of its entries. */
  readonly entries?: RulesMap
}

export interface Bound {
  readonly value: RulesValue
  readonly inclusive: boolean
}

/** Stands for a value that is not known, while a query is decided. Only the evaluator makes and meets these. */
export class Symbolic {
  readonly facts: Facts
  /** What is wrong with using it where its facts do not suffice. */
  readonly message: string
  constructor(facts: Facts, message: string) {
    this.facts = facts
    this.message = message
  }
}

export const typeNames = [
  'null',
  'bool',
  'int',
  'float',
  'string',
  'bytes',
  'list',
  'map',
  'set',
  'map_diff',
  'timestamp',
  'duration',
  'latlng',
  'path',
] as const
export type TypeName = (typeof typeNames)[number]

export type RulesMap = ReadonlyMap<string, RulesValue>

/**
 * A value of the rules language. An int is a bigint (64 bits), a float a number, a list an array, a map a Map, bytes a
 * Uint8Array, the rest classes of this file. Source: firebase.google.com/docs/reference/rules.
 */
export type RulesValue =
  | null
  | boolean
  | bigint
  | number
  | string
  | Uint8Array
  | readonly RulesValue[]
  | RulesMap
  | RulesSet
  | MapDiff
  | Timestamp
  | Duration
  | LatLng
  | Path
  | Symbolic

/** The type of a value, as `is` names it; of a symbolic one null. */
export const typeOf = (value: RulesValue): TypeName | null => {
  switch (typeof value) {
    case 'boolean':
      return 'bool'
    case 'bigint':
      return 'int'
    case 'number':
      return 'float'
    case 'string':
      return 'string'
    default:
      if (value === null) return 'null'
      if (value instanceof Map) return 'map'
      if (Array.isArray(value)) return 'list'
      if (value instanceof Path) return 'path'
      if (value instanceof Timestamp) return 'timestamp'
      if (value instanceof RulesSet) return 'set'
      if (value instanceof Duration) return 'duration'
      if (value instanceof Uint8Array) return 'bytes'
      if (value instanceof LatLng) return 'latlng'
      if (value instanceof MapDiff) return 'map_diff'
      return null
  }
}

export const isMap = (value: RulesValue): value is RulesMap => value instanceof Map
export const isList = (value: RulesValue): value is readonly RulesValue[] => Array.isArray(value)
