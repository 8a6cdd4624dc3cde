import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { Evaluation } from '../evaluate/evaluation.ts'
import { Failure, functionNotFound, unknown, type Outcome } from '../values/failure.ts'
import { isOpen } from '../values/equality.ts'
import { LatLng, type RulesValue } from '../values/value.ts'
import { stringOf, truncate } from './conversions.ts'
import { crc32c } from './crc32c.ts'
import { callOverload, functions, overload, type FunctionTable } from './signature.ts'
import { durationFunctions, timestampFunctions } from './time.ts'

// The reference also lists isInfinite, which production does not have.
const mathFunctions = functions({
  abs: [
    overload(['int'], (value: bigint) => BigInt.asIntN(64, value < 0n ? -value : value)),
    overload(['float'], (value: number) => Math.abs(value)),
  ],
  ceil: overload(['float'], (value: number) => Math.ceil(value)),
  floor: overload(['float'], (value: number) => Math.floor(value)),
  // Half up.
  round: overload(['float'], (value: number) => truncate(Math.floor(value + 0.5))),
  sqrt: overload(['float'], (value: number) => Math.sqrt(value)),
  pow: overload(['float', 'float'], (base: number, exponent: number) => base ** exponent),
  isNaN: overload(['float'], (value: number) => Number.isNaN(value)),
})

const latlngFunctions = functions({
  value: overload(['float', 'float'], (latitude: number, longitude: number) =>
    Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180
      ? new LatLng(latitude, longitude)
      : new Failure(
          'Latitude should be in [-90,90] range and longitude should be in [-180,180] range. ' +
            `latitude: ${stringOf(latitude)}, longitude: ${stringOf(longitude)}.`,
        ),
  ),
})

const hash = (digest: (bytes: Uint8Array) => Uint8Array) => [
  overload(['bytes'], digest),
  overload(['string'], (text: string) => digest(new TextEncoder().encode(text))),
]
/** The lowest byte first, as production has its checksums. */
const littleEndian = (value: number): Uint8Array => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return new Uint8Array(bytes)
}
const digest = (algorithm: string) => (bytes: Uint8Array) =>
  new Uint8Array(createHash(algorithm).update(bytes).digest())

const hashingFunctions = functions({
  crc32: hash((bytes) => littleEndian(crc32(bytes))),
  crc32c: hash((bytes) => littleEndian(crc32c(bytes))),
  md5: hash(digest('md5')),
  sha256: hash(digest('sha256')),
})

const namespaces: ReadonlyMap<string, FunctionTable> = new Map([
  ['math', mathFunctions],
  ['duration', durationFunctions],
  ['timestamp', timestampFunctions],
  ['latlng', latlngFunctions],
  ['hashing', hashingFunctions],
])

export const isNamespace = (name: string): boolean => namespaces.has(name) || name === 'firestore'

/** Whether a namespace has a function of this name. */
export const hasFunction = (namespace: string, name: string): boolean =>
  namespace === 'firestore' ? name === 'get' || name === 'exists' : (namespaces.get(namespace)?.has(name) ?? false)

/** `namespace.name(..)` */
export const callNamespace = (
  evaluation: Evaluation,
  namespace: string,
  name: string,
  args: readonly RulesValue[],
): Outcome => {
  if (args.some(isOpen)) return unknown(...args)
  const title = `${namespace}.${name}`
  const table = namespaces.get(namespace)
  if (table) return callOverload(table, title, name, [], args)
  const { documents } = evaluation
  if (documents.service !== 'firebase.storage' || (name !== 'get' && name !== 'exists')) return functionNotFound(title)
  return documents.call(title, name, 'before', args)
}
