import { functionNotFound, nullValue, unbound, type Outcome } from '../values/failure.ts'
import { Path, typeOf, type LatLng, type RulesMap, type RulesValue, type TypeName } from '../values/value.ts'
import { listMethods, mapDiffMethods, mapMethods, setMethods } from './collections.ts'
import { callOverload, functions, overload, type FunctionTable } from './signature.ts'
import { stringMethods } from './string.ts'
import { durationMethods, timestampMethods } from './time.ts'

/** Metres between two places on a sphere of the Earth's mean radius. */
const distance = (a: LatLng, b: LatLng): number => {
  const radians = (degrees: number): number => (degrees * Math.PI) / 180
  const haversine = (angle: number): number => Math.sin(angle / 2) ** 2
  const latitudes = haversine(radians(b.latitude - a.latitude))
  const longitudes = haversine(radians(b.longitude - a.longitude))
  const chord = latitudes + Math.cos(radians(a.latitude)) * Math.cos(radians(b.latitude)) * longitudes
  return 2 * 6_371_010 * Math.asin(Math.min(1, Math.sqrt(chord)))
}

const latlngMethods = functions({
  latitude: overload([], ({ latitude }: LatLng) => latitude),
  longitude: overload([], ({ longitude }: LatLng) => longitude),
  distance: overload(['latlng'], distance),
})

const bytesMethods = functions({
  size: overload([], (bytes: Uint8Array) => BigInt(bytes.length)),
  // With padding, but with the alphabet for URLs.
  toBase64: overload([], (bytes: Uint8Array) =>
    Buffer.from(bytes).toString('base64').replaceAll('+', '-').replaceAll('/', '_'),
  ),
  toHexString: overload([], (bytes: Uint8Array) => Buffer.from(bytes).toString('hex').toUpperCase()),
})

const pathMethods = functions({
  bind: overload(['map'], ({ segments }: Path, values: RulesMap) => {
    const unused = new Set(values.keys())
    const bound = segments.flatMap((segment) => {
      const name = /^\{(\w+)(?:=\*\*)?\}$/.exec(segment)?.[1]
      const value = name === undefined ? segment : values.get(name)
      if (name !== undefined) unused.delete(name)
      if (value instanceof Path) return value.segments
      return typeof value === 'string' ? [value] : [segment]
    })
    return unused.size > 0 ? unbound : new Path(bound)
  }),
})

const methods: ReadonlyMap<TypeName, FunctionTable> = new Map<TypeName, FunctionTable>([
  ['string', stringMethods],
  ['list', listMethods],
  ['set', setMethods],
  ['map', mapMethods],
  ['map_diff', mapDiffMethods],
  ['timestamp', timestampMethods],
  ['duration', durationMethods],
  ['latlng', latlngMethods],
  ['bytes', bytesMethods],
  ['path', pathMethods],
])

/** Whether any type has a method of this name. */
export const isMethod = (name: string): boolean => [...methods.values()].some((table) => table.has(name))

/** `object.name(..)`, all of it known. */
export const callMethod = (object: RulesValue, name: string, args: readonly RulesValue[]): Outcome => {
  if (object === null) return nullValue
  const type = typeOf(object)
  const table = type && methods.get(type)
  return table ? callOverload(table, `${type}.${name}`, name, [object], args) : functionNotFound(name)
}
