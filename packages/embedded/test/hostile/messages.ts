import protobuf from 'protobufjs'
import type { Random } from './random.ts'

/** Words that get a message past the first checks, and some that should not. */
export interface Vocabulary {
  readonly strings: readonly string[]
  /** What mostly stands in a field of this name, of whatever message. */
  readonly fields: Readonly<Record<string, readonly string[]>>
}

const INTEGERS = [0, 1, 2, 3, 7, 100, 1000, -1, 2 ** 31 - 1, -(2 ** 31)]
const DOUBLES = [0, -0, 1, 1.5, -1, 1e308, 5e-324, Number.NaN, Infinity, -Infinity, 2 ** 53, -90, 181]

const scalar = ({ name, type }: protobuf.Field, random: Random, { strings, fields }: Vocabulary): unknown => {
  const usual = random.chance(0.9) ? fields[name] : undefined
  if (type === 'string') return random.pick(usual ?? strings)
  if (type === 'bytes') return Buffer.from(random.pick(usual ?? strings))
  if (type === 'bool') return random.chance(0.5)
  if (type === 'double' || type === 'float') return random.pick(DOUBLES)
  if (type.endsWith('64') && random.chance(0.1)) {
    return protobuf.util.LongBits.from(random.pick(['9223372036854775807', '-9223372036854775808'])).toLong()
  }
  return random.pick(INTEGERS)
}

const single = (field: protobuf.Field, random: Random, words: Vocabulary, depth: number): unknown => {
  const { resolvedType } = field.resolve()
  if (resolvedType instanceof protobuf.Enum) {
    return random.chance(0.05) ? 77 : random.pick(Object.values(resolvedType.values))
  }
  return resolvedType ? anyMessage(resolvedType, random, words, depth - 1) : scalar(field, random, words)
}

/** A message of a type, of which everything is as the definition has it and little makes sense. */
export const anyMessage = (
  type: protobuf.Type,
  random: Random,
  words: Vocabulary,
  depth = 6,
): Record<string, unknown> => {
  const message: Record<string, unknown> = {}
  const spoken = new Map(type.oneofsArray.map((oneof) => [oneof, random.pick(oneof.oneof)]))
  for (const field of type.fieldsArray) {
    const { resolvedType } = field.resolve()
    if (depth <= 0 && resolvedType instanceof protobuf.Type) continue
    // A time is mostly too old or too new for anything.
    if (resolvedType?.name === 'Timestamp' && random.chance(0.9)) continue
    const isAbsent = field.partOf
      ? spoken.get(field.partOf) !== field.name || random.chance(0.1)
      : random.chance(words.fields[field.name] ? 0.05 : 0.5)
    if (isAbsent) continue
    const count = random.below(4)
    if (field instanceof protobuf.MapField) {
      const entries = Array.from({ length: count }, () => [
        field.keyType === 'string' ? random.pick(words.strings) : random.below(5),
        single(field, random, words, depth),
      ])
      message[field.name] = Object.fromEntries(entries) as unknown
    } else if (field.repeated) {
      message[field.name] = Array.from({ length: count }, () => single(field, random, words, depth))
    } else message[field.name] = single(field, random, words, depth)
  }
  return message
}

export const encoded = (type: protobuf.Type, message: object): Buffer =>
  Buffer.from(type.encode(type.create(message)).finish())

const MUTATIONS: readonly ((bytes: Buffer, random: Random) => Buffer)[] = [
  (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
  (bytes, random) => {
    const copy = Buffer.from(bytes)
    for (let flips = 1 + random.below(4); flips > 0 && copy.length > 0; flips--) {
      const at = random.below(copy.length)
      copy[at] = (copy[at] as number) ^ (1 << random.below(8))
    }
    return copy
  },
  (bytes, random) => {
    const at = random.below(bytes.length + 1)
    return Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.below(8)), bytes.subarray(at)])
  },
  // An endless varint, and a length beyond the end.
  (bytes, random) => Buffer.concat([bytes.subarray(0, random.below(bytes.length + 1)), Buffer.alloc(12, 0xff)]),
  (bytes) => Buffer.concat([bytes, Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x07])]),
  (bytes) => Buffer.concat([bytes, bytes, bytes]),
  (_, random) => random.bytes(random.below(200)),
]

/** The bytes of a message after an accident. */
export const mutated = (bytes: Buffer, random: Random): Buffer => random.pick(MUTATIONS)(bytes, random)
