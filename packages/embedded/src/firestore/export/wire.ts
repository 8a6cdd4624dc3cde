import protobuf from 'protobufjs'

// Wire types of protobuf, https://protobuf.dev/programming-guides/encoding/
export const VARINT = 0
export const FIXED64 = 1
export const LENGTH_DELIMITED = 2
const START_GROUP = 3
const END_GROUP = 4

export const tag = (field: number, wireType: number): number => ((field << 3) | wireType) >>> 0

/** Bytes that are no message of the kind they should be. */
export class WireError extends Error {}

/** Writes a group, as protobuf 2 had them: a message between two tags. */
export const writeGroup = (writer: protobuf.Writer, field: number, write: () => void): void => {
  writer.uint32(tag(field, START_GROUP))
  write()
  writer.uint32(tag(field, END_GROUP))
}

export const writeMessage = (writer: protobuf.Writer, field: number, write: () => void): void => {
  writer.uint32(tag(field, LENGTH_DELIMITED)).fork()
  write()
  writer.ldelim()
}

export const writeString = (writer: protobuf.Writer, field: number, text: string): void => {
  writer.uint32(tag(field, LENGTH_DELIMITED)).string(text)
}

export const writeInt64 = (writer: protobuf.Writer, field: number, value: bigint): void => {
  const low = Number(value & 0xffff_ffffn) | 0
  const high = Number(BigInt.asIntN(32, value >> 32n))
  writer.uint32(tag(field, VARINT)).int64({ low, high, unsigned: false })
}

const TEXT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** One field of a message, whose value is read at most once. All methods throw `WireError` when it is of another type. */
export class FieldReader {
  readonly field: number
  readonly #wireType: number
  readonly #reader: protobuf.Reader
  #used = false

  constructor(field: number, wireType: number, reader: protobuf.Reader) {
    this.field = field
    this.#wireType = wireType
    this.#reader = reader
  }

  bytes(): Uint8Array {
    return this.#expect(LENGTH_DELIMITED).bytes()
  }

  text(): string {
    return TEXT.decode(this.bytes())
  }

  int64(): bigint {
    // With `long` installed, which protobufjs depends on, 64-bit integers come as such pairs.
    const { low, high } = this.#expect(VARINT).int64() as unknown as { low: number; high: number }
    return (BigInt(high) << 32n) | BigInt(low >>> 0)
  }

  double(): number {
    return this.#expect(FIXED64).double()
  }

  /** The fields of a group or a nested message. */
  fields(handle: (field: FieldReader) => void): void {
    if (this.#wireType === LENGTH_DELIMITED) eachField(protobuf.Reader.create(this.bytes()), null, handle)
    else eachField(this.#expect(START_GROUP), this.field, handle)
  }

  skip(): void {
    if (!this.#used) this.#reader.skipType(this.#wireType)
  }

  #expect(wireType: number): protobuf.Reader {
    if (this.#wireType !== wireType || this.#used) throw new WireError(`field ${this.field} is of another type`)
    this.#used = true
    return this.#reader
  }
}

/** Calls `handle` with each field up to the end of the message or, in a group, the tag that ends it. */
const eachField = (reader: protobuf.Reader, group: number | null, handle: (field: FieldReader) => void): void => {
  while (reader.pos < reader.len) {
    const key = reader.uint32()
    const wireType = key & 7
    if (wireType === END_GROUP) {
      if (key >>> 3 === group) return
      throw new WireError('a group ends that has not begun')
    }
    const field = new FieldReader(key >>> 3, wireType, reader)
    handle(field)
    field.skip()
  }
  if (group !== null) throw new WireError('a group has no end')
}

/** Reads a message field by field. Throws `WireError`, also for what protobufjs finds wrong. */
export const readFields = (bytes: Uint8Array, handle: (field: FieldReader) => void): void => {
  try {
    eachField(protobuf.Reader.create(bytes), null, handle)
  } catch (error) {
    if (error instanceof WireError) throw error
    throw new WireError(error instanceof Error ? error.message : String(error))
  }
}
