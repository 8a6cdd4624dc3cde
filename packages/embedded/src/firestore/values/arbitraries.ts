import fc from 'fast-check'
import { GeoPoint, MapValue, Reference, Timestamp, type Value } from './value.ts'

const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n

const integer = fc.oneof(
  fc.bigInt(INT64_MIN, INT64_MAX),
  fc.bigInt(-5n, 5n),
  fc.constantFrom(2n ** 53n, 2n ** 53n + 1n),
)
const double = fc.oneof(fc.double(), fc.integer({ min: -5, max: 5 }), fc.constantFrom(2 ** 53, -0, NaN, Infinity))
// Letters on both sides of the surrogates, where UTF-8 and UTF-16 order differently.
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 4 }),
  fc.string({ unit: fc.constantFrom('a', '\u{e000}', '\u{ffff}', '\u{10000}', '\u{1f600}', '\0'), maxLength: 4 }),
)
const timestamp = fc
  .tuple(fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }), fc.integer({ min: 0, max: 999_999 }))
  .map(([seconds, micros]) => new Timestamp(seconds, micros * 1000))
const id = fc.oneof(
  fc.constantFrom('a', 'b', '__id5__', '__id10__', '__id-1__', 'a b'),
  fc.string({ minLength: 1, maxLength: 3 }).filter((s) => !s.includes('/')),
)
const reference = fc
  .array(fc.tuple(id, id), { minLength: 1, maxLength: 2 })
  .map((pairs) => new Reference(`projects/p/databases/d/documents/${pairs.flat().join('/')}`))
const geoPoint = fc
  .tuple(fc.double({ min: -90, max: 90, noNaN: true }), fc.double({ min: -180, max: 180, noNaN: true }))
  .map(([latitude, longitude]) => new GeoPoint(latitude, longitude))
const vector = fc
  .array(fc.double({ noNaN: true }), { minLength: 1, maxLength: 3 })
  .map((elements) => new MapValue(['__type__', 'value'], ['__vector__', elements]))

/** Field names that are not reserved. */
export const fieldName = text.filter((name) => name !== '' && !/^__.*__$/s.test(name))

/** Any value a document can hold, three levels deep at most. */
export const anyValue: fc.Arbitrary<Value> = fc.letrec<{ value: Value; map: MapValue; array: Value[] }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true, maxDepth: 3 },
    fc.constantFrom(null, true, false),
    integer,
    double,
    text,
    timestamp,
    fc.uint8Array({ maxLength: 4 }),
    reference,
    geoPoint,
    vector,
    tie('array'),
    tie('map'),
  ),
  array: fc.array(
    tie('value').filter((value) => !Array.isArray(value)),
    { maxLength: 3 },
  ),
  map: fc.array(fc.tuple(fieldName, tie('value')), { maxLength: 3 }).map((entries) => MapValue.from(entries)),
})).value

/** The fields of any document. */
export const anyFields: fc.Arbitrary<MapValue> = fc
  .array(fc.tuple(fieldName, anyValue), { maxLength: 4 })
  .map((entries) => MapValue.from(entries))
