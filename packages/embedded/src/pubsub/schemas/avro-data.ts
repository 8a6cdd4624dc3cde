import type { types as AvroTypes, Type } from 'avsc'
import { avsc } from './avsc.ts'
import { DataError } from './schema-errors.ts'

// Data checked against an Avro type, https://avro.apache.org/docs/1.11.1/specification. The library that reads the
// schemas would also decode, but it trusts the lengths it finds: ten bytes can make it fill the memory.

const isUnion = (type: Type): type is AvroTypes.WrappedUnionType => type instanceof avsc().types.WrappedUnionType

/** Reads Avro's binary encoding without keeping anything of it. */
class BinaryCursor {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get position(): number {
    return this.#at
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  skip(count: number): void {
    if (count < 0 || count > this.#bytes.length - this.#at) throw new DataError('Not enough data to parse for schema')
    this.#at += count
  }

  /** A zig-zag integer of at most `bits` bits. */
  integer(bits: 32 | 64): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at]
      this.skip(1)
      value |= BigInt((byte ?? 0) & 0x7f) << shift
      if ((byte ?? 0) >= 0x80) continue
      if (value >> BigInt(bits)) break
      return (value >> 1n) ^ -(value & 1n)
    }
    throw new DataError('Integer out of range')
  }

  /** An index or a length. */
  count(): number {
    return Number(this.integer(64))
  }

  boolean(): void {
    const byte = this.#bytes[this.#at]
    this.skip(1)
    if (byte !== 0 && byte !== 1) throw new DataError('Invalid boolean')
  }
}

const checkBlocks = (cursor: BinaryCursor, checkItem: () => void): void => {
  for (;;) {
    const count = cursor.count()
    if (count === 0) return
    // A block that tells its count as a negative number is followed by its length in bytes.
    if (count < 0) cursor.count()
    for (let left = Math.abs(count); left > 0; left--) {
      const before = cursor.position
      checkItem()
      // Items of a type without content, such as null, take no bytes: any number of them is there.
      if (cursor.position === before) break
    }
  }
}

const checkBinaryAt = (type: Type, cursor: BinaryCursor): void => {
  const { types } = avsc()
  if (type instanceof types.RecordType) for (const field of type.fields) checkBinaryAt(field.type, cursor)
  else if (type instanceof types.ArrayType) checkBlocks(cursor, () => checkBinaryAt(type.itemsType, cursor))
  else if (type instanceof types.MapType) {
    checkBlocks(cursor, () => {
      cursor.skip(cursor.count())
      checkBinaryAt(type.valuesType as Type, cursor)
    })
  } else if (isUnion(type)) {
    const branch = type.types[cursor.count()]
    if (!branch) throw new DataError('Invalid union branch')
    checkBinaryAt(branch, cursor)
  } else if (type instanceof types.EnumType) {
    if (type.symbols[cursor.count()] === undefined) throw new DataError('Invalid enum symbol')
  } else if (type instanceof types.FixedType) cursor.skip(type.size)
  else if (type instanceof types.BytesType || type instanceof types.StringType) cursor.skip(cursor.count())
  else if (type instanceof types.IntType) cursor.integer(32)
  else if (type instanceof types.LongType) cursor.integer(64)
  else if (type instanceof types.FloatType) cursor.skip(4)
  else if (type instanceof types.DoubleType) cursor.skip(8)
  else if (type instanceof types.BooleanType) cursor.boolean()
}

/** Throws `DataError` unless `bytes` is one value of the type, and nothing more. */
export const checkAvroBinary = (type: Type, bytes: Uint8Array): void => {
  const cursor = new BinaryCursor(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  checkBinaryAt(type, cursor)
  if (!cursor.atEnd) throw new DataError('Too much data to parse for schema')
}

/** Bytes as text: each character stands for the byte of its number. */
const isLatin1 = (value: unknown): value is string => typeof value === 'string' && !/[^\0-\u00ff]/.test(value)

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isWhole = (value: unknown, bits: number): boolean =>
  Number.isInteger(value) && (value as number) >= -(2 ** (bits - 1)) && (value as number) < 2 ** (bits - 1)

const NOT_FINITE: readonly unknown[] = ['NaN', 'Infinity', '-Infinity']

const isPrimitive = (type: Type, value: unknown): boolean => {
  switch (type.typeName) {
    case 'null':
      return value === null
    case 'boolean':
    case 'string':
      return typeof value === type.typeName
    case 'int':
      return isWhole(value, 32)
    case 'long':
      return isWhole(value, 64)
    case 'float':
    case 'double':
      return typeof value === 'number' || NOT_FINITE.includes(value)
    case 'bytes':
      return isLatin1(value)
    default:
      return false
  }
}

/** Throws `DataError` unless `json` is a value of the type in Avro's JSON encoding: members of unions stand under their type. */
export const checkAvroJson = (type: Type, json: unknown, path = 'message'): void => {
  const { types } = avsc()
  const refuse = (what: string) => new DataError(`${path}: ${what}`)
  if (type instanceof types.RecordType) {
    if (!isObject(json)) throw refuse('expected an object')
    for (const field of type.fields) {
      if (!Object.hasOwn(json, field.name)) throw refuse(`field ${field.name} is missing`)
      checkAvroJson(field.type, json[field.name], `${path}.${field.name}`)
    }
    const unknown = Object.keys(json).find((key) => !type.fields.some((field) => field.name === key))
    if (unknown !== undefined) throw refuse(`field ${unknown} is not in the schema`)
  } else if (type instanceof types.ArrayType) {
    if (!Array.isArray(json)) throw refuse('expected an array')
    json.forEach((item, index) => checkAvroJson(type.itemsType, item, `${path}[${index}]`))
  } else if (type instanceof types.MapType) {
    if (!isObject(json)) throw refuse('expected an object')
    for (const [key, value] of Object.entries(json)) checkAvroJson(type.valuesType as Type, value, `${path}.${key}`)
  } else if (isUnion(type)) {
    const [name, ...more] = isObject(json) ? Object.keys(json) : ['null']
    const branch = type.types.find((candidate) => candidate.branchName === name)
    if (!branch || more.length > 0 || (name === 'null' && json !== null))
      throw refuse('expected one member of the union')
    if (json !== null) checkAvroJson(branch, (json as Record<string, unknown>)[name ?? ''], path)
  } else if (type instanceof types.EnumType) {
    if (!type.symbols.includes(json as string)) throw refuse('expected a symbol of the enum')
  } else if (type instanceof types.FixedType) {
    if (!isLatin1(json) || json.length !== type.size) throw refuse(`expected ${type.size} bytes as text`)
  } else if (!isPrimitive(type, json)) throw refuse(`expected ${type.typeName}`)
}
